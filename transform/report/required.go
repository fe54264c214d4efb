package report

// MissingRequired names the first required column in which the row has no
// value; empty if it has them all.
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
