//go:build s3

package split

import (
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/storetest"
)

func init() {
	stores["versitygw"] = func(t *testing.T) (from, to store.Store) {
		s := storetest.StartVersitygw(t)
		return s.Store(t, "archive"), s.Store(t, "raw")
	}
}
