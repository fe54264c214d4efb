package storetest

import "testing"

// EnvDaybook is the environment variable with the path of the daybook binary to
// test. The default is the binary that `make build` builds.
const EnvDaybook = "DAYBOOK_BIN"

// Daybook is the path of the daybook binary to test.
func Daybook(t testing.TB) string {
	t.Helper()
	return binary(t, EnvDaybook, "daybook")
}
