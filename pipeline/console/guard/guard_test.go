package guard

import (
	"net/netip"
	"testing"
	"time"
)

// However many addresses fail, few are remembered, and one that goes on is
// limited.
func TestFailedLoginsOfManyAddresses(t *testing.T) {
	a, now := NewLogins(), time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	guessing := Client{Address: netip.MustParseAddr("192.0.2.1")}
	refused := 0
	for i := range 5 * maxClients {
		now = now.Add(time.Second)
		a.Failed(Client{Address: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}, now)
		if allowed, _ := a.Failed(guessing, now); !allowed {
			refused++
		}
		if len(a.limiters) > maxClients {
			t.Fatalf("%d addresses are remembered", len(a.limiters))
		}
	}
	// One in ten seconds is allowed.
	if most := 5*maxClients/10 + 10*LoginBurst; 5*maxClients-refused > most {
		t.Errorf("%d of %d attempts are refused", refused, 5*maxClients)
	}
}

func TestConnectionsLeaveFilesToTheRuns(t *testing.T) {
	for files, want := range map[int]int{0: 256, 1: 1, 400: 100, 1024: 256, 1 << 20: 256} {
		if got := connectionsOf(files); got != want {
			t.Errorf("of %d files: %d connections, want %d", files, got, want)
		}
	}
}
