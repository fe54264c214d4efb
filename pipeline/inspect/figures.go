package inspect

import (
	"context"
	"fmt"

	"daybook/pipeline/partition"
	"daybook/sinks/figures"
	"daybook/sources/store"
)

// ReadFigures reads the figures that are published beside a partition, and checks that
// they are of this partition. An error wraps store.ErrNotFound if they are absent, and
// figures.ErrInvalid if they cannot be used.
func ReadFigures(ctx context.Context, sink store.Store, id partition.ID) (*figures.File, error) {
	body, _, err := sink.Open(ctx, id.SummaryDir()+figures.Name, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	f, err := figures.Decode(body)
	if err == nil && (f.Report != id.Report || f.Partition != id.Name()) {
		err = fmt.Errorf("%w: it is of %s %s", figures.ErrInvalid, f.Report, f.Partition)
	}
	return f, err
}
