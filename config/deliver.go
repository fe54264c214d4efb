package config

import (
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
)

// Placeholders are what the subject of a delivery may hold.
var Placeholders = []string{"{report}", "{period}", "{sessions}"}

// maxAttachments is the most that an e-mail may carry: the base64 of more exceeds
// what mail servers take, and it is made in memory.
const maxAttachments = Size(25 << 20)

// minAttachments holds the summaries of a small report.
const minAttachments = Size(64 << 10)

func (v *validator) smtp(path string, s *SMTP) {
	v.secret(path+".password", &s.Password, &s.PasswordFile)
	s.CAFile = v.inFolder(s.CAFile)
	if v.given(path + ".server") {
		host, port, err := net.SplitHostPort(s.Server)
		number, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || portErr != nil || number == 0 || !endpoint.MatchString(s.Server) || host == "" {
			v.problem(path+".server", "%q is not a host and a port; write one such as smtp.example.org:587", s.Server)
		}
	}
	if v.given(path + ".from") {
		v.address(path+".from", s.From)
	}
	switch hasPassword := !s.Password.IsZero() || s.PasswordFile != ""; {
	case v.failed[path+".user"] || v.failed[path+".password"] || v.failed[path+".password_file"]:
		// reported already
	case s.User == "" && hasPassword:
		v.problem(path, "has a password without a user; give user, too")
	case s.User != "" && !hasPassword:
		v.problem(path+".user", "needs a password; give password_file, too")
	}
}

// address checks an e-mail address: a@example.org, or Name <a@example.org>.
func (v *validator) address(path, text string) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		v.problem(path, "%q is not an e-mail address; write reports@example.org or Reports <reports@example.org>", text)
		return
	}
	if _, domain, _ := strings.Cut(a.Address, "@"); strings.ContainsAny(a.Address, "\r\n") || strings.ContainsAny(domain, "[]\" ") {
		v.problem(path, "%q is not an e-mail address with a domain; write reports@example.org", text)
	}
}

// deliveries checks the deliveries of a report.
func (v *validator) deliveries(path string, all []Delivery, server *SMTP) {
	for i := range all {
		d, at := &all[i], fmt.Sprintf("%s[%d]", path, i)
		if v.failed[at] {
			continue
		}
		if d.Against == "weekday" && d.Every != "day" && v.given(at+".against") {
			v.problem(at+".against", "weekday suits every: day only; remove it, or set every: day")
		}
		if d.Format != "email" {
			v.chat(at, d)
			continue
		}
		v.email(at, d, server)
	}
}

// email checks a delivery by e-mail.
func (v *validator) email(at string, d *Delivery, server *SMTP) {
	v.without(at, d, "url", "url_file")
	if server == nil && v.decoded("serve.smtp") {
		v.problem(at, "needs a mail server; give serve.smtp, or set format to slack or teams")
	}
	if len(d.To) == 0 && !v.failed[at+".to"] {
		v.problem(at, "needs to: the addresses that get it, as in to: [reports@example.org]")
	}
	for i, to := range d.To {
		v.address(fmt.Sprintf("%s.to[%d]", at, i), to)
	}
	unique(v, at+".to", d.To)
	rest := d.Subject
	for _, p := range Placeholders {
		rest = strings.ReplaceAll(rest, p, "")
	}
	if strings.ContainsAny(rest, "{}") {
		v.problem(at+".subject", "%q has a brace that belongs to no placeholder; there are %s", d.Subject, strings.Join(Placeholders, ", "))
	}
	if d.MaxAttachment < minAttachments || d.MaxAttachment > maxAttachments {
		v.problem(at+".max_attachment", "%s is not from %s to %s", sizeText(d.MaxAttachment), sizeText(minAttachments), sizeText(maxAttachments))
	}
}

// chat checks a delivery to Slack or Teams.
func (v *validator) chat(at string, d *Delivery) {
	v.without(at, d, "to", "subject")
	v.hookURL(at, &d.URL, &d.URLFile)
}

// without refuses the settings of another format.
func (v *validator) without(at string, d *Delivery, names ...string) {
	for _, name := range names {
		if path := at + "." + name; v.given(path) {
			v.problem(path, "has no effect with format %s; remove it, or choose another format", d.Format)
		}
	}
}
