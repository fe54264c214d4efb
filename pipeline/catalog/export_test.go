package catalog

import "testing"

// SetMinMain sets the size up to which the recent pack has all copies, for a test.
func SetMinMain(t *testing.T, bytes int) {
	before := minMain
	minMain = bytes
	t.Cleanup(func() { minMain = before })
}
