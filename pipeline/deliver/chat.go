package deliver

import (
	"strings"

	"daybook/pipeline/words"
)

// Limits of Slack's blocks: the texts of headers and of other texts, in characters.
// Counted in bytes they are on the safe side.
const (
	maxHeader = 140
	maxField  = 1900
)

// block is a JSON object of Slack or of an Adaptive Card.
type block map[string]any

// slack is the content as blocks of Slack (Block Kit). text is what notifications show.
func (c *Content) slack() block {
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := func(s string) block {
		return block{"type": "mrkdwn", "text": words.Shortened(s, maxField)}
	}
	fields := make([]block, 0, len(c.Tiles)) // Slack takes ten at most
	for _, t := range c.Tiles {
		line := "*" + plain.Replace(t.Label) + "*\n" + plain.Replace(t.Value)
		if t.Was != "" {
			line += "\n" + plain.Replace(t.changed())
		}
		fields = append(fields, text(line))
	}
	blocks := []block{
		{"type": "header", "text": block{"type": "plain_text", "text": words.Shortened(c.Report+": "+c.Title, maxHeader)}},
		{"type": "section", "fields": fields},
		{"type": "context", "elements": []block{text(plain.Replace(strings.Join(c.Notes, " ")))}},
	}
	if c.Link != "" {
		blocks = append(blocks, block{"type": "actions", "elements": []block{
			{"type": "button", "text": block{"type": "plain_text", "text": c.LinkText}, "url": c.Link},
		}})
	}
	return block{"text": plain.Replace(words.Shortened(c.Subject, maxField)), "blocks": blocks}
}

// teams is the content as an Adaptive Card in the envelope that the webhook of a workflow
// takes.
func (c *Content) teams() block {
	text := func(s string, more block) block {
		b := block{"type": "TextBlock", "text": unmarked(s), "wrap": true}
		for name, value := range more {
			b[name] = value
		}
		return b
	}
	facts := make([]block, 0, len(c.Tiles))
	for _, t := range c.Tiles {
		value := t.Value
		if t.Was != "" {
			value += " – " + t.changed()
		}
		facts = append(facts, block{"title": unmarked(t.Label), "value": unmarked(value)})
	}
	body := []block{
		text(c.Report, block{"isSubtle": true}),
		text(c.Title, block{"size": "Large", "weight": "Bolder", "spacing": "None"}),
		{"type": "FactSet", "facts": facts},
		text(strings.Join(c.Notes, " "), block{"isSubtle": true, "size": "Small"}),
	}
	card := block{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "lang": c.Language,
		"fallbackText": c.Subject, "body": body, "msteams": block{"width": "Full"},
	}
	if c.Link != "" {
		card["actions"] = []block{{"type": "Action.OpenUrl", "title": c.LinkText, "url": c.Link}}
	}
	return block{"type": "message", "attachments": []block{
		{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card},
	}}
}

// changed is the change with what the value was.
func (t *Tile) changed() string {
	if t.Change == "" {
		return t.Was
	}
	return t.Change + ", " + t.Was
}

// unmarked escapes what the Markdown of Adaptive Cards gives a meaning.
func unmarked(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`).Replace(s)
}
