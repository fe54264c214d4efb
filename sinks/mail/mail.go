// Package mail sends messages to a mail server (SMTP), always encrypted.
//
// A message is text and HTML, with attachments. Its Message-ID is the caller's, and
// the same in every attempt: an answer may be lost after the server has taken a
// message, which then arrives twice, and mail programs recognise the copy by this id.
//
// Errors wrap [ErrRefused] if another attempt has no use. They show the server, the
// command that failed and the server's answer; never the password.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"daybook/config"
)

// ErrRefused is wrapped by errors after which a retry has no use: the server answers
// with 5xx.
var ErrRefused = errors.New("the mail server refuses it")

// timeout bounds the connection with its login, and then the sending. It is long
// enough for 25 MiB at 5 Mbit/s.
const timeout = time.Minute

// maxAnswer is how many bytes of a server's answer an error shows.
const maxAnswer = 300

// Message is an e-mail.
type Message struct {
	ID          string // without a host; the same in every attempt
	To          []string
	Subject     string
	Text, HTML  string
	Date        time.Time
	Attachments []Attachment
}

// Attachment is a file of a message.
type Attachment struct {
	Name, Type string // report.csv, text/csv
	Content    []byte
}

// Server is a mail server. It is safe for concurrent use.
type Server struct {
	Timeout  time.Duration // of the connection with its login, and of the sending; a minute
	host     string
	port     int
	options  []gomail.Option
	from     *netmail.Address
	password config.Secret
}

// New makes a server of its configuration. It reads the file of authorities.
func New(c *config.SMTP) (*Server, error) {
	host, portText, err := net.SplitHostPort(c.Server)
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil {
		return nil, fmt.Errorf("smtp: %q is not a host and a port", c.Server)
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("smtp: the sender: %w", err)
	}
	encryption := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("smtp: read ca_file: %w", err)
		}
		encryption.RootCAs = x509.NewCertPool()
		if !encryption.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("smtp: %s holds no certificate; give a PEM file with the authorities that sign the server's certificate", c.CAFile)
		}
	}
	s := &Server{Timeout: timeout, host: host, port: port, from: from, password: c.Password}
	s.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTLSConfig(encryption),
		gomail.WithoutNoop(), gomail.WithoutRset(), // one message a connection needs neither
	}
	if c.TLS == "tls" {
		s.options = append(s.options, gomail.WithSSL())
	} else {
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.User != "" {
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password.Reveal()))
	}
	return s, nil
}

// Host is the server's host, for logs.
func (s *Server) Host() string { return s.host }

// Send delivers a message to all of its addresses, or to none of them: the server has
// to accept each. The error says whether another attempt has a use.
func (s *Server) Send(ctx context.Context, m *Message) error {
	built, err := s.build(m)
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.host, append(slices.Clip(s.options), gomail.WithTimeout(s.Timeout))...)
	if err != nil {
		return s.explain("prepare the connection", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		// A wrong password is mended in the configuration, so it is retried, too.
		return s.explain("connect", err)
	}
	err = client.SendWithSMTPClient(conn, built)
	if built.IsDelivered() {
		_ = client.CloseWithSMTPClient(conn) // the server has the message: how the connection ends changes nothing
		return nil
	}
	_ = conn.Close()
	if err == nil {
		err = errors.New("the message was not sent")
	}
	explained := s.explain("send", err)
	if answer := new(gomail.SendError); errors.As(err, &answer) && answer.ErrorCode()/100 == 5 {
		return fmt.Errorf("%w: %w", ErrRefused, explained)
	}
	return explained
}

// Write writes a message as it is sent: a file that mail programs open.
func (s *Server) Write(w io.Writer, m *Message) error {
	built, err := s.build(m)
	if err != nil {
		return err
	}
	_, err = built.WriteTo(w)
	return err
}

// build makes the message of the library.
func (s *Server) build(m *Message) (*gomail.Msg, error) {
	b := gomail.NewMsg()
	b.FromMailAddress(s.from)
	if err := b.To(m.To...); err != nil {
		return nil, fmt.Errorf("%w: an address of to: %w", ErrRefused, err)
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	b.SetMessageIDWithValue(m.ID + "@" + domain)
	b.SetDateWithValue(m.Date)
	b.SetUserAgent("daybook")
	b.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies
	b.Subject(singleLine(m.Subject))
	b.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		b.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	for _, a := range m.Attachments {
		b.AttachReadSeeker(a.Name, bytes.NewReader(a.Content), gomail.WithFileContentType(gomail.ContentType(a.Type)))
	}
	return b, nil
}

// singleLine replaces control characters, which could begin another header.
func singleLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// explain names the server and the cause. A server may quote what it was sent, so an
// answer to the login is shown by its code alone.
func (s *Server) explain(what string, err error) error {
	at := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	if answer := new(textproto.Error); what == "connect" && errors.As(err, &answer) {
		return fmt.Errorf("%s to %s: the server answers %d; check user and password_file of serve.smtp", what, at, answer.Code)
	}
	text := err.Error()
	if secret := s.password.Reveal(); secret != "" {
		text = strings.ReplaceAll(text, secret, s.password.String())
	}
	text = singleLine(text)
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer], "") + "…"
	}
	return fmt.Errorf("%s to %s: %s", what, at, text)
}
