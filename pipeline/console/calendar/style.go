package calendar

import "daybook/pipeline/service"

// Style is how a state is shown: by a word, a sign and a colour (its class). Each
// of them alone identifies the state.
type Style struct {
	State service.PartitionState
	Word  string
	Sign  string
	About string
}

// Styles are in the order of the legend.
var Styles = []Style{
	{service.Published, "published", "·", "published once, and fresh"},
	{service.Restated, "restated", "↻", "published again since, and fresh"},
	{service.Empty, "empty", "0", "published, without rows"},
	{service.Building, "running", "▸", "being made"},
	{service.Queued, "queued", "+", "the next run makes it"},
	{service.Waiting, "waiting", "…", "it waits for its drop, its grace or its days"},
	{service.Stale, "stale", "~", "published, and its inputs have changed"},
	{service.Failed, "failed", "!", "the last attempt failed; there will be another"},
	{service.SetAside, "set aside", "×", "it failed too often; it waits for a retry by hand"},
	{service.Missing, "missing", "–", "daybook was not running when it fell due"},
}

// Unlisted is the state of a date that the service's state does not have.
const Unlisted service.PartitionState = "unlisted"

// StyleOf is the style of a state.
func StyleOf(s service.PartitionState) Style {
	if s == Unlisted {
		return Style{s, "not published", "?", "it is not published"}
	}
	for _, l := range Styles {
		if l.State == s {
			return l
		}
	}
	return Style{s, string(s), "?", ""}
}
