package storetest

import "testing"

// EnvDaybook names the program to test. Without it, it is the one that `make
// build` builds.
const EnvDaybook = "DAYBOOK_BIN"

// Daybook is the path of the program, as it is given to people.
func Daybook(t testing.TB) string {
	t.Helper()
	return binary(t, EnvDaybook, "daybook")
}
