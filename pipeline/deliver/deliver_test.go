package deliver_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"daybook/config"
	"daybook/pipeline/build"
	"daybook/pipeline/deliver"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// session is a session of a date: it waits a minute, and is worked at for four.
const session = `{"event_id":"%[1]d-1","ts":"%[2]sT08:00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}
{"event_id":"%[1]d-0","ts":"%[2]sT08:00:00Z","session_id":%[1]d,"type":"status_changed","status":"waiting"}
{"event_id":"%[1]d-2","ts":"%[2]sT08:01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":%[3]d,"name":"Ada %[3]d","group":"<b>Tier & %[3]d</b>"}}
{"event_id":"%[1]d-3","ts":"%[2]sT08:05:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_technician"}
`

// published builds a report with as many sessions on each day of the week of 9 November
// 2026 as are given. Technicians 1 and 2 take them by turns.
func published(t *testing.T, language report.Language, sessions ...int) *settings.Pipeline {
	t.Helper()
	template, err := dump.ParseTemplate("{yyyy}/{mm}/{dd}/")
	if err != nil {
		t.Fatal(err)
	}
	s := &settings.Pipeline{
		Source: store.NewMemory(nil), Sink: store.NewMemory(nil), Dumps: dump.Sources{{Template: template}}, Lookback: 1, Budget: parallel.NewBudget(1, 0),
		Reports: []settings.Report{{Definition: report.Definition{Name: "sessions", Zone: time.UTC, Language: language}}},
		Clock:   func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) },
	}
	id := 0
	for i, n := range sessions {
		date := day.Date(2026, 11, 9) + day.Day(i)
		var b strings.Builder
		for range n {
			id++
			fmt.Fprintf(&b, session, id, date, 1+id%2)
		}
		key := strings.ReplaceAll(date.String(), "-", "/") + "/a.ndjson"
		if _, err := s.Source.Put(t.Context(), key, strings.NewReader(b.String()), int64(b.Len()), store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	result, err := (&build.Builder{Settings: s}).Run(t.Context(), partition.Everything(), build.OnlyDue)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// composed is the message of one delivery about the period with a date.
func composed(t *testing.T, s *settings.Pipeline, item config.Delivery, date day.Day) *deliver.Message {
	t.Helper()
	c := config.Default()
	c.Serve.PublicURL = "https://daybook.example.org"
	c.Serve.SMTP = &config.SMTP{Server: "127.0.0.1:587", From: "reports@example.org"}
	item.To, item.URL = []string{"lead@example.org"}, config.NewSecret("https://hooks.example.org/t0ken")
	c.Reports[0].Deliver = []config.Delivery{item}
	all, err := deliver.New(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := all[0].Compose(t.Context(), s, deliver.PeriodOf(all[0].Every, date), "5f0c", false)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func written(t *testing.T, m *deliver.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b, time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// attachments are the decoded files of an e-mail, by name.
func attachments(t *testing.T, text []byte) map[string][]byte {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if part.FileName() == "" {
			continue
		}
		if files[part.FileName()], err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, part)); err != nil {
			t.Fatal(err)
		}
	}
}

func email(every, attach string) config.Delivery {
	return config.Delivery{Every: every, Format: "email", Attach: attach, MaxAttachment: 1 << 20}
}

// A day of 6 sessions after one of 4, each of which waits a minute.
func TestTilesAndChange(t *testing.T) {
	s := published(t, report.English, 4, 6)
	c := composed(t, s, email("day", "none"), day.Date(2026, 11, 10)).Content
	want := []deliver.Tile{
		{Label: "Sessions", Value: "6", Change: "+50%", Was: "was 4", Sense: deliver.Neutral},
		{Label: "Legs picked up", Value: "6 (100%)", Change: "+50%", Was: "was 4", Sense: deliver.Neutral},
		{Label: "Legs not picked up", Value: "0 (0%)", Change: "unchanged", Was: "was 0", Sense: deliver.Neutral},
		{Label: "Median waiting time of a leg", Value: "0:01:00", Change: "unchanged", Was: "was 0:01:00", Sense: deliver.Neutral},
		{Label: "90% waiting time of a leg", Value: "0:01:00", Change: "unchanged", Was: "was 0:01:00", Sense: deliver.Neutral},
	}
	for i, w := range want {
		if c.Tiles[i] != w {
			t.Errorf("tile %+v, want %+v", c.Tiles[i], w)
		}
	}
	if c.Subject != "sessions, Tuesday 10 November 2026: 6 sessions" || c.Link != "https://daybook.example.org/reports/sessions/2026-11-10" {
		t.Errorf("%q, %q", c.Subject, c.Link)
	}
	html, err := c.HTML()
	if err != nil || strings.Contains(html, "<b>") || !strings.Contains(html, "&lt;b&gt;Tier &amp; 1&lt;/b&gt;") {
		t.Errorf("the group's name is not escaped (%v)", err)
	}
	c = composed(t, s, email("day", "none"), day.Date(2026, 11, 9)).Content
	if c.Tiles[0].Was != "" || !strings.Contains(c.Text(), "Sunday 8 November 2026 is not published") {
		t.Errorf("compared with a day that is not published: %s", c.Text())
	}
}

// The sums of the attached tables are the totals, for a day and for a week, whose figures
// come from the rows.
func TestAttachmentsSumUp(t *testing.T) {
	s := published(t, report.English, 4, 6, 0, 1, 2, 3, 5)
	for every, want := range map[string]int{"day": 6, "week": 21} {
		files := attachments(t, written(t, composed(t, s, email(every, "csv"), day.Date(2026, 11, 10))))
		period := map[string]string{"day": "2026-11-10", "week": "2026-W46"}[every]
		for _, table := range []string{"total", "by_technician", "by_group", "by_hour"} {
			rows, err := csv.NewReader(bytes.NewReader(files["sessions-"+period+"-"+table+".csv"])).ReadAll()
			if err != nil || len(rows) < 2 {
				t.Fatalf("%s %s: %v (%v)", every, table, rows, err)
			}
			if got := sum(t, rows, "Sessions"); got != want {
				t.Errorf("%s %s: %d sessions, want %d", every, table, got, want)
			}
		}
		book, err := excelize.OpenReader(bytes.NewReader(attachments(t, written(t, composed(t, s, email(every, "xlsx"), day.Date(2026, 11, 10))))["sessions-"+period+".xlsx"]))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := book.GetRows("by_technician")
		if err != nil || sum(t, rows, "Sessions") != want {
			t.Errorf("%s workbook: %v (%v)", every, rows, err)
		}
	}
}

func sum(t *testing.T, rows [][]string, heading string) (total int) {
	t.Helper()
	for column, h := range rows[0] {
		for _, row := range rows[1:] {
			if h == heading {
				n, err := strconv.Atoi(row[column])
				if err != nil {
					t.Fatal(err)
				}
				total += n
			}
		}
	}
	return total
}

// Attachments beyond the limit stay out, and the message says so.
func TestTooLarge(t *testing.T) {
	item := email("day", "csv")
	item.MaxAttachment = 10
	m := composed(t, published(t, report.English, 1), item, day.Date(2026, 11, 9))
	if len(attachments(t, append(written(t, m), '\n'))) > 0 || !strings.Contains(m.Content.Text(), "more than the limit of 10 B, and are not attached") {
		t.Error(m.Content.Text())
	}
}

func TestDutch(t *testing.T) {
	c := composed(t, published(t, report.Dutch, 1), email("day", "none"), day.Date(2026, 11, 9)).Content
	if c.Language != "nl" || c.Title != "Maandag 9 november 2026" || c.Tiles[3].Label != "Mediane wachttijd van een deelsessie" || c.LinkText != "Open het rapport" {
		t.Errorf("%+v", c)
	}
}

// slackMessage and teamsMessage are the parts of the formats' schemas that messages use.
type slackMessage struct {
	Text   string `json:"text"`
	Blocks []struct {
		Type     string                        `json:"type"`
		Text     *struct{ Type, Text string }  `json:"text"`
		Fields   []struct{ Type, Text string } `json:"fields"`
		Elements []map[string]any              `json:"elements"`
	} `json:"blocks"`
}

type teamsMessage struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string  `json:"contentType"`
		ContentURL  *string `json:"contentUrl"`
		Content     struct {
			Schema       string         `json:"$schema"`
			Type         string         `json:"type"`
			Version      string         `json:"version"`
			Lang         string         `json:"lang"`
			FallbackText string         `json:"fallbackText"`
			MSTeams      map[string]any `json:"msteams"`
			Body         []struct {
				Type                        string
				Text, Size, Weight, Spacing string
				Wrap, IsSubtle              bool
				Facts                       []struct{ Title, Value string }
			} `json:"body"`
			Actions []struct{ Type, Title, URL string } `json:"actions"`
		} `json:"content"`
	} `json:"attachments"`
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func TestChatMessages(t *testing.T) {
	s := published(t, report.English, 4, 6)
	var slack slackMessage
	decode(t, written(t, composed(t, s, config.Delivery{Every: "day", Format: "slack"}, day.Date(2026, 11, 10))), &slack)
	if len(slack.Blocks) != 4 || slack.Blocks[0].Type != "header" || slack.Blocks[0].Text.Type != "plain_text" || len(slack.Blocks[1].Fields) != 6 || !strings.Contains(slack.Blocks[1].Fields[0].Text, "+50%, was 4") {
		t.Errorf("%+v", slack)
	}
	var teams teamsMessage
	decode(t, written(t, composed(t, s, config.Delivery{Every: "day", Format: "teams"}, day.Date(2026, 11, 10))), &teams)
	card := &teams.Attachments[0].Content
	if teams.Type != "message" || teams.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || card.Type != "AdaptiveCard" || card.Version != "1.4" {
		t.Errorf("%+v", teams)
	}
	for _, b := range card.Body {
		if b.Type != "TextBlock" && b.Type != "FactSet" || b.Type == "TextBlock" && b.Text == "" {
			t.Errorf("element %+v", b)
		}
	}
	if len(card.Body[2].Facts) != 6 || card.Actions[0].Type != "Action.OpenUrl" || card.Actions[0].URL != "https://daybook.example.org/reports/sessions/2026-11-10" {
		t.Errorf("%+v", card)
	}
}

func TestPeriods(t *testing.T) {
	for _, c := range []struct {
		every deliver.Every
		date  day.Day
		name  string
		days  int
	}{
		{deliver.Day, day.Date(2026, 3, 1), "2026-03-01", 1},
		{deliver.Week, day.Date(2027, 1, 3), "2026-W53", 7}, // a Sunday
		{deliver.Week, day.Date(2027, 1, 4), "2027-W01", 7},
		{deliver.Week, day.Date(2024, 12, 31), "2025-W01", 7},
		{deliver.Month, day.Date(2028, 2, 29), "2028-02", 29},
	} {
		p := deliver.PeriodOf(c.every, c.date)
		again, err := deliver.ParsePeriod(c.every, p.String())
		if p.String() != c.name || p.NumDays() != c.days || err != nil || again != p || !p.Contains(c.date) || p.Previous().To != p.From-1 {
			t.Errorf("%s: %s of %d days, %v (%v)", c.name, p, p.NumDays(), again, err)
		}
	}
	for _, wrong := range []string{"2026-W54", "2026-W00", "2026-W1", "W46"} {
		if p, err := deliver.ParsePeriod(deliver.Week, wrong); err == nil {
			t.Errorf("%s is read as %s", wrong, p)
		}
	}
}
