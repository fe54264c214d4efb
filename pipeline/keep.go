package pipeline

import (
	"strings"

	"daybook/transform/report"
)

// A rowKeeper makes rows outlive the session that they were made of, whose
// texts change when the next one is read. Rows repeat each other: a few hundred
// technicians, channels and platforms fill millions of them. So the keeper holds
// one copy of such texts, and rows share it. The zero value is ready to use, by
// one worker.
type rowKeeper struct {
	repeated map[string]string
}

// What a keeper remembers, and then starts over: a few megabytes at the very
// worst, some hundred kilobytes usually.
const (
	maxRepeated    = 8192 // texts
	maxRepeatedLen = 256  // bytes of one
)

// keep returns the row with texts of its own.
func (k *rowKeeper) keep(r report.Row) report.Row {
	for _, text := range []*string{
		&r.TechnicianName, &r.TechnicianEmail, &r.TechnicianGroup, &r.ToolsUsed, &r.ChannelName, &r.CallingCard,
		&r.Platform, &r.BrowserType, &r.TransferredTo,
	} {
		*text = k.share(*text)
	}
	for i := range r.CustomFields {
		r.CustomFields[i] = k.share(r.CustomFields[i])
	}
	own(&r.Name, &r.TrackingID, &r.CustomerIP, &r.DeviceID)
	return r // its other texts are the program's
}

// share returns a copy of text that may be shared with other rows.
func (k *rowKeeper) share(text string) string {
	if kept, ok := k.repeated[text]; ok || text == "" {
		return kept
	}
	text = strings.Clone(text)
	if len(text) > maxRepeatedLen {
		return text
	}
	if k.repeated == nil || len(k.repeated) == maxRepeated {
		k.repeated = make(map[string]string)
	}
	k.repeated[text] = text
	return text
}

// own makes copies of texts that are one row's alone, together: they live and
// die together.
func own(texts ...*string) {
	size := 0
	for _, text := range texts {
		size += len(*text)
	}
	var all strings.Builder
	all.Grow(size)
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}
