//go:build s3

package storetest

import (
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// A Network is a proxy to a server whose connections fail in given ways.
type Network struct {
	Addr  string // host:port
	proxy *toxiproxy.Proxy
}

// Through starts a proxy to the server with toxics, in toxiproxy's JSON;
// "stall" ([Stall]) is available, too. A toxic's toxicity is the share of
// connections that it affects. Toxics cannot be changed later, because
// toxiproxy can hang if they change while a connection breaks: start another
// network instead.
func (s *Server) Through(t testing.TB, toxicsJSON ...string) *Network {
	t.Helper()
	toxics.Register("stall", new(Stall))
	control := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(control, "s3", "127.0.0.1:0", s.Addr)
	for _, toxic := range toxicsJSON {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatalf("%s: %v", toxic, err)
		}
	}
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop) // a second Stop does nothing
	return &Network{proxy.Listen, proxy}
}

// Stop closes all connections and refuses new ones.
func (n *Network) Stop() { n.proxy.Stop() }

// Stall passes Bytes bytes on each connection and then stops, without closing
// it. Toxiproxy itself has no such toxic: one of its own closes after some
// bytes, another passes none.
type Stall struct {
	Bytes int64 `json:"bytes"`
}

// NewState returns the counter of the bytes that a connection has passed.
func (s *Stall) NewState() any { return new(int64) }

// Pipe passes the data of one connection.
func (s *Stall) Pipe(stub *toxics.ToxicStub) {
	passed := stub.State.(*int64)
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			c.Data = c.Data[:min(int64(len(c.Data)), s.Bytes-*passed)]
			*passed += int64(len(c.Data))
			if len(c.Data) > 0 {
				stub.Output <- c
			}
		}
	}
}
