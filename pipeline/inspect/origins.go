package inspect

import (
	"context"
	"fmt"
	"strings"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
)

// Origin is one input of a report's day: the digest of a dump day, and the dumps
// that the digest was made from.
type Origin struct {
	Day     string          `json:"day"`
	Changed bool            `json:"changed"` // the digest's content has changed since
	Dumps   []publish.Input `json:"dumps"`   // of the digest as it is now
}

// Origins follows the inputs of a report's day back to the dumps.
func (in *Inspector) Origins(ctx context.Context, m *publish.Manifest) ([]Origin, error) {
	origins := make([]Origin, len(m.Inputs))
	err := parallel.Each(ctx, len(m.Inputs), in.Settings.Budget.Requests(), func(ctx context.Context, i int) error {
		input := m.Inputs[i]
		name, isDigest := strings.CutPrefix(input.Key, partition.Prefix("", partition.Digest))
		if !isDigest {
			return fmt.Errorf("%s is no digest", input.Key)
		}
		base, err := publish.Read(ctx, in.Settings.Sink, input.Key)
		if err != nil {
			return err
		}
		origins[i] = Origin{Day: strings.TrimSuffix(name, "/"), Changed: true}
		if base.Manifest != nil {
			origins[i].Changed = base.Manifest.Fingerprint() != input.ETag
			origins[i].Dumps = base.Manifest.Inputs
		}
		return nil
	})
	return origins, err
}
