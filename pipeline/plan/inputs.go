package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"daybook/pipeline/digests"
	"daybook/pipeline/partition"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// HashInputs hashes the inputs of a step: everything that can change the outcome of
// a retry, except transient faults.
func (p *Planner) HashInputs(s *Step) string {
	h := sha256.New()
	switch s.ID.Kind {
	case partition.Digest:
		fmt.Fprintln(h, digest.Version, p.settings.Lookback, p.settings.MaxRejected, p.settings.MaxSessionSize)
		hashInputs(h, digests.DumpInputs(s.Dumps))
	case partition.Day:
		fmt.Fprintln(h, session.EngineVersion, report.SchemaVersion, s.Report.Hash)
		hashInputs(h, p.catalog.Digests(p.settings.Window(s.ID.Period)).Inputs())
	case partition.Month:
		fmt.Fprintln(h, session.EngineVersion, report.SchemaVersion, s.Report.Hash)
		hashInputs(h, p.MonthInputs(s.Report, s.ID.Period))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func hashInputs(w io.Writer, inputs []publish.Input) {
	for _, in := range inputs {
		fmt.Fprintf(w, "%d %q %q\n", in.Size, in.ETag, in.Key)
	}
}
