package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// identify fills in what stands for the inputs of a step: whatever could make
// another attempt at it end in another way, but for the weather.
func (o *observation) identify(s *Step) {
	h := sha256.New()
	switch s.Kind {
	case Digest:
		fmt.Fprintln(h, digest.Version, o.r.Lookback, o.r.MaxRejected)
		hashInputs(h, dumpInputs(s.dumps))
	case Day:
		fmt.Fprintln(h, session.EngineVersion, report.SchemaVersion, s.rep.Hash)
		hashInputs(h, o.window(s.period.from).inputs())
	case Month:
		fmt.Fprintln(h, session.EngineVersion, report.SchemaVersion, s.rep.Hash)
		hashInputs(h, o.monthInputs(s.rep, s.period))
	}
	s.Inputs = hex.EncodeToString(h.Sum(nil)[:8])
}

func hashInputs(w io.Writer, inputs []publish.Input) {
	for _, in := range inputs {
		fmt.Fprintf(w, "%d %q %q\n", in.Size, in.ETag, in.Key)
	}
}
