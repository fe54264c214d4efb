package report

// MissingRequired returns the name of the first required column that is null in
// the row, or the empty text.
func (r *Row) MissingRequired() string {
	for i := range Columns {
		c := &Columns[i]
		if !c.Required {
			continue
		}
		switch c.Kind {
		case Timestamp, Duration, Integer:
			if c.Number(r) == Unknown {
				return c.Name
			}
		case String:
			if c.Text(r) == "" {
				return c.Name
			}
		}
	}
	return ""
}
