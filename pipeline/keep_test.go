package pipeline

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/report"
)

// texts calls visit with every text of a row that is not from a list of the
// program's own.
func texts(r *report.Row, visit func(column string, text *string)) {
	own := map[string]bool{"SessionType": true, "Status": true, "ResolvedUnresolved": true, "Role": true, "Anomalies": true}
	row := reflect.ValueOf(r).Elem()
	for i := range row.NumField() {
		name := row.Type().Field(i).Name
		switch field := row.Field(i).Addr().Interface().(type) {
		case *string:
			if !own[name] {
				visit(name, field)
			}
		case *[5]string:
			for j := range field {
				visit(fmt.Sprint(name, j), &field[j])
			}
		}
	}
}

// A row that was kept stays as it is when the memory that its texts lay in is
// used for something else. A column that the keeper forgets fails here.
func TestKeptRowsStay(t *testing.T) {
	var buffers [][]byte
	var r, want report.Row
	texts(&r, func(column string, text *string) {
		b := []byte(column)
		buffers = append(buffers, b)
		*text = unsafe.String(&b[0], len(b))
	})
	texts(&want, func(column string, text *string) { *text = column })

	var keeper rowKeeper
	first, second := keeper.keep(r), keeper.keep(r)
	for _, b := range buffers {
		copy(b, strings.Repeat("?", len(b)))
	}
	for _, got := range []report.Row{first, second} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the row changed (-want +got):\n%s", diff)
		}
	}
	if unsafe.StringData(first.TechnicianName) != unsafe.StringData(second.TechnicianName) {
		t.Error("two rows of one technician have a copy of the name each")
	}
}

func TestKeeperIsBounded(t *testing.T) {
	var keeper rowKeeper
	for i := range 3 * maxRepeated {
		keeper.keep(report.Row{Platform: fmt.Sprint("platform ", i), ChannelName: strings.Repeat("x", maxRepeatedLen+1)})
		if len(keeper.repeated) > maxRepeated {
			t.Fatalf("%d texts are kept, want at most %d", len(keeper.repeated), maxRepeated)
		}
	}
}
