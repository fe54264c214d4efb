//go:build s3

package storetest

import (
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// A Network is one more way to a server, with connections that go wrong.
type Network struct {
	Addr  string // host:port
	proxy *toxiproxy.Proxy
}

// Through opens a way to the server through toxics, in toxiproxy's JSON; "stall"
// is one of them ([Stall]). A toxic's toxicity is the share of the connections
// that it befalls, each by itself. Toxics stay as they are: toxiproxy can hang
// if they are changed while a connection breaks. Other toxics are another
// network.
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
	t.Cleanup(proxy.Stop) // which does nothing the second time
	return &Network{proxy.Listen, proxy}
}

// Stop ends all connections, and lets no more be made.
func (n *Network) Stop() { n.proxy.Stop() }

// Stall lets Bytes through on each connection, and then nothing, without
// closing it. Toxiproxy has a toxic that closes after some bytes, and one that
// never lets any through.
type Stall struct {
	Bytes int64 `json:"bytes"`
}

// NewState counts the bytes that a connection has let through.
func (s *Stall) NewState() any { return new(int64) }

// Pipe is what befalls a connection.
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
