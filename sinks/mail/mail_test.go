package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"daybook/config"
	"daybook/sinks/mail"
)

const password = "hunter2"

// server is a mail server on loopback. refuse is asked at each stage of a message: login,
// rcpt and data.
type server struct {
	mu      sync.Mutex
	got     []string // the messages taken
	refuse  func(stage string) error
	address string
	caFile  string
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s}, nil }

type session struct{ *server }

func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.ask("rcpt") }
func (s *session) AuthMechanisms() []string             { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, given string) error {
		if user != "reports" || given != password {
			return &smtp.SMTPError{Code: 535, Message: "no login with " + given}
		}
		return s.ask("login")
	}), nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.ask("data"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(text))
	return nil
}

func (s *server) ask(stage string) error {
	if s.refuse == nil {
		return nil
	}
	return s.refuse(stage)
}

// start serves with STARTTLS, or with TLS from the beginning, by a certificate of its own.
func start(t *testing.T, fromBeginning bool) *server {
	t.Helper()
	s := &server{}
	certificate := s.certify(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	served := smtp.NewServer(s)
	served.ErrorLog = log.New(io.Discard, "", 0)
	served.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if fromBeginning {
		listener = tls.NewListener(listener, served.TLSConfig)
	}
	go func() { _ = served.Serve(listener) }()
	t.Cleanup(func() { _ = served.Close() })
	return s
}

// certify makes a certificate of 127.0.0.1, and the file with its authority.
func (s *server) certify(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func client(t *testing.T, s *server, change func(*config.SMTP)) *mail.Server {
	t.Helper()
	c := &config.SMTP{Server: s.address, TLS: "starttls", CAFile: s.caFile, From: "Daybook <reports@example.org>", User: "reports", Password: config.NewSecret(password)}
	if change != nil {
		change(c)
	}
	m, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func message() *mail.Message {
	return &mail.Message{
		ID: "5f0c", To: []string{"lead@example.org", "Team <team@example.org>"}, Subject: "Woensdag: 3 sessies – één", Text: "Sessions 3", HTML: "<p>Sessions 3</p>",
		Date: time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC), Attachments: []mail.Attachment{{Name: "total.csv", Type: "text/csv", Content: []byte("Sessions\n3\n")}},
	}
}

func TestSend(t *testing.T) {
	for _, encryption := range []string{"starttls", "tls"} {
		t.Run(encryption, func(t *testing.T) {
			s := start(t, encryption == "tls")
			m := client(t, s, func(c *config.SMTP) { c.TLS = encryption })
			for range 2 {
				if err := m.Send(t.Context(), message()); err != nil {
					t.Fatal(err)
				}
			}
			if len(s.got) != 2 {
				t.Fatalf("it has %d messages", len(s.got))
			}
			for _, text := range s.got {
				checkMessage(t, text)
			}
		})
	}
}

// checkMessage reads a message as a mail program does.
func checkMessage(t *testing.T, text string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != message().Subject {
		t.Errorf("the subject is %q (%v)", subject, err)
	}
	if id := m.Header.Get("Message-ID"); id != "<5f0c@example.org>" {
		t.Errorf("the Message-ID is %s", id)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Address != "team@example.org" {
		t.Errorf("to %v (%v)", to, err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	attached := ""
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if part.FileName() == "total.csv" {
			body, _ := io.ReadAll(part)
			attached = strings.TrimSpace(string(body))
		}
	}
	if attached != "U2Vzc2lvbnMKMwo=" { // the base64 of the file
		t.Errorf("attached is %q", attached)
	}
}

// TestFaults: which refusals are final, and what errors show.
func TestFaults(t *testing.T) {
	answers := func(stage string, code int) func(string) error {
		return func(at string) error {
			if at != stage {
				return nil
			}
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "no, and your password is " + password}
		}
	}
	for _, c := range []struct {
		name   string
		refuse func(string) error
		change func(*config.SMTP)
		final  bool
		shows  string
	}{
		{"unknown recipient", answers("rcpt", 550), nil, true, `550 "no, and your password is <redacted>"`},
		{"later", answers("rcpt", 451), nil, false, `451 "no`},
		{"spam", answers("data", 554), nil, true, `554 "no`},
		{"full", answers("data", 452), nil, false, `452 "no`},
		{"wrong password", nil, func(c *config.SMTP) { c.Password = config.NewSecret("hunter2 of old") }, false, "the server answers 535; check user and password_file"},
		{"refused connection", nil, func(c *config.SMTP) { c.Server = "127.0.0.1:1" }, false, "127.0.0.1:1"},
		{"unknown authority", nil, func(c *config.SMTP) { c.CAFile = "" }, false, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, false)
			s.refuse = c.refuse
			err := client(t, s, c.change).Send(t.Context(), message())
			if err == nil || errors.Is(err, mail.ErrRefused) != c.final || !strings.Contains(err.Error(), c.shows) {
				t.Errorf("%v; final: %t, want %t and %q", err, errors.Is(err, mail.ErrRefused), c.final, c.shows)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
			if len(s.got) > 0 {
				t.Error("the server took it")
			}
		})
	}
}

// A server that takes the message after an answer of 4xx has it once.
func TestLaterAccepted(t *testing.T) {
	s := start(t, false)
	refusals := 0
	s.refuse = func(stage string) error {
		if stage == "data" && refusals == 0 {
			refusals++
			return &smtp.SMTPError{Code: 451, Message: "later"}
		}
		return nil
	}
	m := client(t, s, nil)
	if err := m.Send(t.Context(), message()); err == nil {
		t.Fatal("it was taken at once")
	}
	if err := m.Send(t.Context(), message()); err != nil || len(s.got) != 1 {
		t.Errorf("%d messages (%v)", len(s.got), err)
	}
}

// raw serves each connection by hand. It ends with the test.
func raw(t *testing.T, serve func(net.Conn)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	s := &server{address: listener.Addr().String()}
	s.certify(t)
	return s
}

// A server that says nothing is left after the time-out, and the message is retried.
func TestStalled(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s := raw(t, func(conn net.Conn) { <-over; conn.Close() })
	m := client(t, s, nil)
	m.Timeout = 50 * time.Millisecond
	if err := m.Send(t.Context(), message()); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("%v", err)
	}
}

// A server without STARTTLS gets neither the password nor the message.
func TestUnencrypted(t *testing.T) {
	var heard bytes.Buffer
	var mu sync.Mutex
	s := raw(t, func(conn net.Conn) {
		defer conn.Close()
		_, _ = io.WriteString(conn, "220 mail\r\n")
		b := make([]byte, 1024)
		for {
			n, err := conn.Read(b)
			mu.Lock()
			heard.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "250-mail\r\n250 AUTH PLAIN LOGIN\r\n")
		}
	})
	err := client(t, s, nil).Send(t.Context(), message())
	mu.Lock()
	defer mu.Unlock()
	if err == nil || strings.Contains(heard.String(), "AUTH") || strings.Contains(heard.String(), "DATA") {
		t.Errorf("%v; the server heard %q", err, heard.String())
	}
}

// A connection that breaks after DATA leaves it open whether the server has the message:
// it is retried with the same Message-ID.
func TestDroppedAfterData(t *testing.T) {
	s := start(t, false)
	dropped := false
	m := client(t, s, nil)
	s.refuse = func(stage string) error {
		if stage == "data" && !dropped {
			dropped = true
			panic("the server dies") // it closes the connection without an answer
		}
		return nil
	}
	if err := m.Send(t.Context(), message()); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Fatalf("%v", err)
	}
	if err := m.Send(t.Context(), message()); err != nil || len(s.got) != 1 || !strings.Contains(s.got[0], "<5f0c@example.org>") {
		t.Errorf("%d messages (%v)", len(s.got), err)
	}
}

// A subject or the name of a file adds no header.
func TestHeadersCannotBeAdded(t *testing.T) {
	s := start(t, false)
	m := message()
	m.Subject = "a\r\nBcc: other@example.org\r\n\r\nbody"
	m.Attachments[0].Name = "a\"\r\nX-Added: yes.csv"
	if err := client(t, s, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	read, err := netmail.ReadMessage(strings.NewReader(s.got[0]))
	if err != nil || read.Header.Get("Bcc") != "" || read.Header.Get("Subject") == "a" || strings.Contains(s.got[0], "\nX-Added") {
		t.Errorf("%v: %s", err, s.got[0])
	}
}

func TestCancelled(t *testing.T) {
	s := start(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(t, s, nil).Send(ctx, message()); err == nil || len(s.got) > 0 {
		t.Errorf("%v", err)
	}
}
