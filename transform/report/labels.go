package report

import (
	"daybook/transform/event"
)

// Language is the language of a report's CSV files: of their headings and
// values. Parquet always holds the English values.
type Language uint8

// The languages of REPORT.md.
const (
	English Language = iota
	Dutch
)

// ParseLanguage reads a language code.
func ParseLanguage(code string) (Language, bool) {
	switch code {
	case "en":
		return English, true
	case "nl":
		return Dutch, true
	}
	return 0, false
}

// Text is a text in each language.
type Text [2]string

// same is a text that is the same in all languages.
func same(s string) Text { return Text{s, s} }

// Labels are the configured headings of the name and custom fields; an empty
// one is the default.
type Labels struct {
	Name         string
	CustomFields [5]string
}

// The values of REPORT.md, "Columns" and "Statuses".
var (
	sessionTypes = [...]Text{
		event.MobileApplet: {"Mobile Applet", "Mobiele applet"},
		event.CallingCard:  same("Calling Card"),
		event.InstantChat:  same("Instant Chat"),
		event.Unattended:   {"Unattended", "Onbeheerd"},
		event.ConnectOnLAN: {"Connect On LAN", "Op het LAN-netwerk verbinden"},
		event.Applet:       same("Applet"),
	}
	statuses = [...]Text{
		event.Connecting:                 {"Connecting", "Bezig met verbinden"},
		event.Waiting:                    {"Waiting", "Bezig met wachten"},
		event.Active:                     {"Active", "Actief"},
		event.ClosedByCustomer:           {"Closed by customer", "Afgesloten door klant"},
		event.ClosedByTechnician:         {"Closed by technician", "Afgesloten door technicus"},
		event.Transferring:               {"Transferring", "Bezig met overdragen"},
		event.Transferred:                {"Transferred", "Overgedragen"},
		event.ClosedByWaitingCustomer:    {"Closed by waiting customer", "Afgesloten door wachtende klant"},
		event.TimedOut:                   {"Timed out", "Time-out opgetreden"},
		event.Aborted:                    {"Aborted: technician was deleted or disabled", "Afgebroken: technicus is verwijderd of uitgeschakeld"},
		event.Rebooting:                  {"Rebooting", "Opnieuw opstarten"},
		event.Reconnecting:               {"Reconnecting", "Opnieuw verbinding maken"},
		event.OnHold:                     {"On Hold", "In de wacht"},
		event.TimedOutClosedByTechnician: {"Timed out: closed by technician", "Time-out opgetreden: afgesloten door technicus"},
		event.Offline:                    same("Offline"),
		event.Disconnected:               {"Disconnected", "Verbinding is beëindigd"},
		event.Rebooted:                   {"Rebooted", "Opnieuw opgestart"},
		event.DeclinedByCustomer:         {"Declined by customer", "Geweigerd door de klant"},
	}
)

// statusCodes are the statuses by their names in rows and Parquet.
var statusCodes = func() map[string]event.Status {
	codes := make(map[string]event.Status, len(statuses))
	for code, name := range statuses {
		codes[name[English]] = event.Status(code)
	}
	return codes
}()

// StatusCode is the code of a [Row]'s status; 0 for an unknown name.
func StatusCode(name string) event.Status { return statusCodes[name] }

// resolutions are the verdicts of the column resolved_unresolved: REPORT.md
// gives them in English alone.
var resolutions = [...]string{event.Resolved: "Resolved", event.Unresolved: "Unresolved"}

// ValueIn translates a session type or status from English, the language of rows
// and Parquet. Other texts stay as they are.
func ValueIn(english string, l Language) string {
	return inLanguage(sessionTypes[:], inLanguage(statuses[:], english, l), l)
}

// StatusIn is the name of a status in a language.
func StatusIn(s event.Status, l Language) string { return statuses[s][l] }

// SessionTypeIn is the name of a session type in a language.
func SessionTypeIn(t event.SessionType, l Language) string { return sessionTypes[t][l] }

// inLanguage translates a session type or status from English, the language of
// rows and Parquet, into a report's language.
func inLanguage(values []Text, english string, l Language) string {
	if l == English {
		return english
	}
	for _, t := range values {
		if t[English] == english {
			return t[l]
		}
	}
	return english
}
