package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/service/states"
	"daybook/transform/day"
)

// The last message of each delivery is that of its newest period, however its attempts
// end.
func TestLastDeliveries(t *testing.T) {
	var s State
	at := time.Date(2026, time.November, 21, 6, 0, 0, 0, time.UTC)
	base := day.Date(2026, time.November, 18)
	email := s.Ledger("sessions/day/email", base)
	email.Post("2026-11-19", "1", "a", at)
	email.Post("2026-11-20", "2", "b", at.Add(time.Hour))
	s.Ledger("americas/week/teams", base).Post("2026-W46", "1.1", "c", at)
	s.Ledger("sessions/month/slack", base)
	s.EndDelivery("sessions/day/email", "a", nil, false, at.Add(time.Minute))
	s.EndDelivery("sessions/day/email", "b", errors.New("421 try later"), false, at.Add(2*time.Hour))
	s.EndDelivery("americas/week/teams", "c", errors.New("410 Gone"), true, at.Add(3*time.Hour))
	want := []states.Delivery{
		{Name: "americas/week/teams", Period: "2026-W46", Revision: "1.1", Posted: at, Outcome: GivenUp, Ended: at.Add(3 * time.Hour), Error: "410 Gone"},
		{Name: "sessions/day/email", Period: "2026-11-20", Revision: "2", Posted: at.Add(time.Hour), Error: "421 try later"},
		{Name: "sessions/month/slack"},
	}
	if diff := cmp.Diff(want, s.LastDeliveries()); diff != "" {
		t.Error(diff)
	}
}
