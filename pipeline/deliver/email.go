package deliver

import (
	_ "embed"
	"html/template"
	"strings"
	"text/tabwriter"
)

//go:embed email.html
var emailHTML string

var emailTemplate = template.Must(template.New("email").Parse(emailHTML))

// HTML is the content as the HTML of an e-mail. It loads nothing from elsewhere.
func (c *Content) HTML() (string, error) {
	var b strings.Builder
	err := emailTemplate.Execute(&b, c)
	return b.String(), err
}

// Text is the content as plain text.
func (c *Content) Text() string {
	var b strings.Builder
	b.WriteString(c.Report + "\n" + c.Title + "\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, t := range c.Tiles {
		line := t.Label + "\t" + t.Value
		if t.Was != "" {
			line += "\t" + t.Change + "\t" + t.Was
		}
		_, _ = w.Write([]byte(line + "\n")) // a builder never fails
	}
	if len(c.Groups) > 0 {
		_, _ = w.Write([]byte("\n" + strings.Join(c.GroupHead, "\t") + "\n"))
		for _, row := range c.Groups {
			_, _ = w.Write([]byte(strings.Join(row, "\t") + "\n"))
		}
	}
	_ = w.Flush()
	b.WriteString("\n" + strings.Join(c.Notes, "\n") + "\n")
	if c.Link != "" {
		b.WriteString("\n" + c.LinkText + ": " + c.Link + "\n")
	}
	b.WriteString("\n" + c.Footer + "\n")
	return b.String()
}
