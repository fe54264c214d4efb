package session

import "daybook/transform/event"

// copies are copies of a session's details as they stood at times. Legs share a copy
// until a detail changes. The next session reuses them.
type copies struct {
	list    []*[event.NumDetails]string
	used    int
	changed bool // since the last copy
}

// get returns a copy of the details as they stand.
func (c *copies) get(details *[event.NumDetails]string) *[event.NumDetails]string {
	if c.changed {
		if c.used == len(c.list) {
			c.list = append(c.list, new([event.NumDetails]string))
		}
		c.used++
		*c.list[c.used-1] = *details
		c.changed = false
	}
	return c.list[c.used-1]
}
