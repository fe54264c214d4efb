package calendar

import "daybook/pipeline/service/states"

// Style is how a state is shown: by a word, a sign and a colour (its class). Each
// of them alone identifies the state.
type Style struct {
	State states.State
	Word  string
	Sign  string
	About string
}

// Styles are in the order of the legend.
var Styles = []Style{
	{states.Published, "published", "·", "published once, and fresh"},
	{states.Restated, "restated", "↻", "published again since, and fresh"},
	{states.Empty, "empty", "0", "published, without rows"},
	{states.Building, "running", "▸", "being made"},
	{states.Queued, "queued", "+", "the next run makes it"},
	{states.Waiting, "waiting", "…", "it waits for its drop, its grace or its days"},
	{states.Stale, "stale", "~", "published, and its inputs have changed"},
	{states.Failed, "failed", "!", "the last attempt failed; there will be another"},
	{states.SetAside, "set aside", "×", "it failed too often; it waits for a retry by hand"},
	{states.Missing, "missing", "–", "daybook was not running when it fell due"},
}

// Unlisted is the state of a date that the service's state does not have.
const Unlisted states.State = "unlisted"

// StyleOf is the style of a state.
func StyleOf(s states.State) Style {
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
