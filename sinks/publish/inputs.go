package publish

// InputChanges are the keys of inputs that differ between two lists.
type InputChanges struct{ Added, Changed, Gone []string }

// CompareInputs compares the inputs that a content was made from with those that
// there are now.
func CompareInputs(had, have []Input) (c InputChanges) {
	before := make(map[string]Input, len(had))
	for _, in := range had {
		before[in.Key] = in
	}
	for _, in := range have {
		old, ok := before[in.Key]
		switch {
		case !ok:
			c.Added = append(c.Added, in.Key)
		case old != in:
			c.Changed = append(c.Changed, in.Key)
		}
		delete(before, in.Key)
	}
	for _, in := range had {
		if _, left := before[in.Key]; left {
			c.Gone = append(c.Gone, in.Key)
		}
	}
	return c
}
