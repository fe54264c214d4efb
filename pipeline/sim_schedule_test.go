package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/transform/day"
	"daybook/transform/report"
)

// simulation is one history.
type simulation struct {
	seed    uint64
	rng     *rand.Rand
	now     time.Time
	world   *world
	source  *bucket
	sink    *bucket
	reports []Report
	image   *image // what was there from the beginning; nil: nothing
	oracle  *oracle

	slots   []*slot
	turn    *slot      // which goes on for a while
	senders []*process // some of whose calls may still be under way
	dumps   int        // of the world that have arrived
	jumps   int        // of the clock, since the last night

	// How this seed's history is: some are calm, some are wild, in some the
	// processes take turns often.
	steps     int     // that are disturbed
	faultRate float64 // of calls
	patience  int     // for how many steps a process goes on, about

	trace  []moment
	counts counts
}

// A slot is for one process at a time.
type slot struct {
	name   string
	weight int // how often it has its turn, compared with others
	rest   int // about how many of its turns pass between two processes
	work   func() func(context.Context, *process) error
	*process
}

func (s *slot) running() bool { return s.process != nil && s.waiting != nil }

// moment is an entry of the schedule.
type moment struct {
	step      int
	who, what string
	key       string
	fault     string
}

func (m moment) String() string {
	return strings.TrimRight(fmt.Sprintf("%5d  %-9s  %-7s %s  %s", m.step, m.who, m.what, m.key, m.fault), " ")
}

// schedule is the last part of what has happened.
func (s *simulation) schedule(most int) string {
	var b strings.Builder
	for _, m := range s.trace[max(0, len(s.trace)-most):] {
		fmt.Fprintln(&b, m)
	}
	return b.String()
}

// monthsIn is in how many seeds there is one in which a month comes to its end:
// there are ten times as many partitions to look at.
const monthsIn = 40

// simStart is the first day of the worlds in which no month is over.
var simStart = day.Date(2027, time.February, 25)

func newSimulation(seed uint64, months *image) *simulation {
	s := &simulation{seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), counts: counts{}}
	s.now = time.Date(2027, time.March, 10, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return s.now }
	s.source, s.sink = newBucket(clock), newBucket(clock)
	s.reports = months.reports[:1+s.rng.IntN(5)/4]
	first := simStart
	if s.rng.IntN(monthsIn) == 0 {
		s.image, first = months, months.end
		s.image.copyTo(s.source, s.sink)
	}
	s.world = newWorld(s.rng, first)
	s.oracle = newOracle(s.world, s.sink, s.reports)

	s.steps = 50 + s.rng.IntN(240)
	s.faultRate = pick(s.rng, 0, 0.01, 0.02, 0.04, 0.08)
	s.patience = pick(s.rng, 1, 5, 30, 100)
	s.slots = []*slot{
		{name: "engine A", weight: 6, rest: 3, work: s.someEngine},
		{name: "engine B", weight: 6, rest: 6, work: s.someEngine},
		{name: "collector", weight: 1, rest: 4, work: func() func(context.Context, *process) error { return s.collect }},
		{name: "reader", weight: 1, rest: 1, work: s.someReader},
	}
	return s
}

// runner is an engine on two stores.
func (s *simulation) runner(source, sink store.Store) *Runner {
	return &Runner{
		Source: source, Template: template, Lookback: simLookback, MaxRejected: 1, Sink: sink, Reports: s.reports,
		Workers: 1, Now: func() time.Time { return s.now }, format: plainFormat{},
	}
}

// run is the history: what is disturbed, and how it comes to rest. Its error is
// the first thing that went wrong.
func (s *simulation) run() error {
	defer s.end()
	s.arrive()
	for range s.steps {
		s.now = s.now.Add(time.Second)
		s.act()
		if err := s.look(); err != nil {
			return err
		}
	}
	if err := s.calmDown(); err != nil {
		return err
	}
	return s.converge()
}

// end leaves no process behind.
func (s *simulation) end() {
	for _, slot := range s.slots {
		if slot.running() {
			slot.kill(faultstest.Outcome{Fault: faultstest.Drop})
		}
	}
}

// look asks the oracle, and whether a process has ended as it should not.
func (s *simulation) look() error {
	if err := s.oracle.check(); err != nil {
		return err
	}
	for _, slot := range s.slots {
		if slot.process != nil && slot.err != nil {
			return fmt.Errorf("%s failed: %w", slot.name, slot.err)
		}
	}
	return nil
}

func (s *simulation) note(who, what, key, fault string) {
	s.trace = append(s.trace, moment{len(s.trace), who, what, key, fault})
}

// act lets one thing happen.
func (s *simulation) act() {
	switch n := s.rng.IntN(1000); {
	case n < 20:
		s.arrive()
	case n < 40:
		s.deliverOne()
	case n < 48:
		s.killOne()
	case n < 54:
		s.freezeOne()
	case n < 60:
		s.jump()
	case n < 62:
		s.night()
	default:
		s.goOn()
	}
}

// arrive lets the next dump arrive.
func (s *simulation) arrive() {
	if s.dumps == len(s.world.dumps) {
		return
	}
	d := &s.world.dumps[s.dumps]
	s.dumps++
	body := s.world.body(d)
	object, err := s.source.Put(context.Background(), d.key, bytes.NewReader(body), int64(len(body)), store.Condition{})
	if err != nil {
		panic(err) // there are no faults in this call
	}
	s.oracle.arrived[d.key] = &arrivedDump{d, publish.Input{Key: d.key, ETag: object.ETag, Size: object.Size}}
	s.note("producer", "put", d.key, "")
	s.counts["dump arrived"]++
}

// deliverOne delivers one of the calls that are under way.
func (s *simulation) deliverOne() {
	late := s.late()
	if len(late) == 0 {
		return
	}
	l := late[s.rng.IntN(len(late))]
	l.from.sink.DeliverOne(context.Background(), l.n)
	s.note("network", string(l.call.Op), l.call.Key, "late, of "+l.from.name)
	s.counts["delivered late"]++
	if l.from.waiting == nil {
		s.counts["delivered after its sender's death"]++
	}
}

// killOne kills a process. What it has just sent may arrive, or not, or later.
func (s *simulation) killOne() {
	if slot := s.someRunning(); slot != nil {
		s.kill(slot)
	}
}

func (s *simulation) kill(slot *slot) {
	fault := faultstest.Drop
	if c := slot.waiting; c.Op == faultstest.Put || c.Op == faultstest.Delete {
		fault = pick(s.rng, faultstest.Drop, faultstest.LoseAnswer, faultstest.Linger)
	}
	s.note(slot.name, "killed", "at "+string(slot.waiting.Op)+" "+slot.waiting.Key, faultNames[fault])
	slot.kill(faultstest.Outcome{Fault: fault})
	s.counts["process killed"]++
}

// freezeOne stops a process for a while, as a machine does that swaps.
func (s *simulation) freezeOne() {
	if slot := s.someRunning(); slot != nil {
		slot.wakes = len(s.trace) + s.rng.IntN(200)
		s.note(slot.name, "freezes", "", "")
		s.counts["process frozen"]++
	}
}

func (s *simulation) someRunning() *slot {
	var running []*slot
	for _, slot := range s.slots {
		if slot.running() {
			running = append(running, slot)
		}
	}
	if len(running) == 0 {
		return nil
	}
	return running[s.rng.IntN(len(running))]
}

// jump sets the clock, forwards or back.
func (s *simulation) jump() {
	if s.jumps == maxJumps {
		return
	}
	s.jumps++
	by := time.Duration(s.rng.Int64N(int64(2*maxJump))) - maxJump
	s.now = s.now.Add(by)
	s.note("clock", "jumps", by.Round(time.Second).String(), "")
	s.counts["clock jumped"]++
}

// night lets so much time pass that what nobody needs is old. Whatever was
// going on is over by then.
func (s *simulation) night() {
	for _, slot := range s.slots {
		if slot.running() {
			s.kill(slot)
		}
	}
	for len(s.late()) > 0 {
		s.deliverOne()
	}
	s.now, s.jumps = s.now.Add(aNight), 0
	s.note("clock", "night", "", "")
	s.counts["night"]++
}

// goOn lets a process go on by one call, or starts it. Mostly it is the one
// that had its turn before.
func (s *simulation) goOn() {
	if s.turn == nil || s.rng.IntN(s.patience) == 0 {
		s.turn = s.someSlot()
	}
	slot := s.turn
	switch {
	case !slot.running():
		s.turn = nil
		if s.rng.IntN(slot.rest) == 0 {
			s.startIn(slot)
		}
	case slot.wakes > len(s.trace):
		s.turn = nil
	default:
		s.resume(slot, s.fate(slot.waiting))
	}
}

func (s *simulation) someSlot() *slot {
	total := 0
	for _, slot := range s.slots {
		total += slot.weight
	}
	n := s.rng.IntN(total)
	for _, slot := range s.slots {
		if n -= slot.weight; n < 0 {
			return slot
		}
	}
	panic("the weights do not add up")
}

func (s *simulation) startIn(slot *slot) {
	s.note(slot.name, "starts", "", "")
	slot.process = s.start(slot.name, slot.work())
	s.senders = append(s.senders, slot.process)
	kind, _, _ := strings.Cut(slot.name, " ")
	s.counts[kind+" started"]++
}

func (s *simulation) resume(slot *slot, fate faultstest.Outcome) {
	c := slot.waiting
	s.note(slot.name, string(c.Op), c.Key, faultNames[fate.Fault])
	slot.resume(fate)
	switch next := slot.waiting; {
	case next == nil:
		s.note(slot.name, "ends", "", "")
	case next.Op == faultstest.Delete && c.Op == faultstest.Open && next.Key == c.Key:
		// The collection has just seen that a part which could still be
		// published is old. It removes it at once, before anybody puts it
		// again: that is all that GC asks for.
		s.resume(slot, faultstest.Outcome{})
	}
}

// faultNames are for people.
var faultNames = map[faultstest.Fault]string{
	faultstest.Drop: "lost", faultstest.LoseAnswer: "applied, answer lost", faultstest.Repeat: "applied twice", faultstest.Linger: "delayed", faultstest.Cut: "cut",
}

// fate decides what becomes of a call.
func (s *simulation) fate(c *faultstest.Call) (fate faultstest.Outcome) {
	if s.rng.Float64() >= s.faultRate {
		return fate
	}
	kind := "write "
	if c.Op == faultstest.Put || c.Op == faultstest.Delete {
		fate.Fault = pick(s.rng, faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger)
	} else {
		kind, fate.Fault, fate.At = "read ", pick(s.rng, faultstest.Drop, faultstest.Cut), int64(s.rng.IntN(20))
	}
	s.counts[kind+faultNames[fate.Fault]]++
	return fate
}

// someEngine is the work of an engine that was asked for everything, or for
// some days.
func (s *simulation) someEngine() func(context.Context, *process) error {
	target := Everything()
	if s.rng.IntN(3) == 0 {
		arrived := s.world.dumps[:s.dumps]
		from, to := pick(s.rng, arrived...).day, pick(s.rng, arrived...).day
		target = Days(min(from, to), max(from, to))
	}
	return s.engine(target)
}

// someReader is the work of a reader of some partition.
func (s *simulation) someReader() func(context.Context, *process) error {
	var dirs []string
	for _, dir := range slices.Sorted(maps.Keys(s.oracle.published)) {
		if !strings.HasPrefix(dir, publish.HistoryRoot) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return func(context.Context, *process) error { return nil }
	}
	return s.read(pick(s.rng, dirs...))
}

// calmDown ends the faults: all dumps arrive, all processes come to their end,
// and all that was under way is delivered.
func (s *simulation) calmDown() error {
	s.faultRate = 0
	for s.dumps < len(s.world.dumps) {
		s.arrive()
	}
	for s.someRunning() != nil || len(s.late()) > 0 {
		if slot := s.someRunning(); slot != nil && s.rng.IntN(8) > 0 {
			s.resume(slot, faultstest.Outcome{})
		} else {
			s.deliverOne()
		}
		if err := s.look(); err != nil {
			return err
		}
	}
	return nil
}

// converge runs engines until there is nothing to do, and holds what there is
// then against what there would be had nothing ever gone wrong.
func (s *simulation) converge() error {
	for round := 1; ; round++ {
		writes, err := s.undisturbed()
		if err != nil {
			return fmt.Errorf("run %d after the faults: %w", round, err)
		}
		if writes == 0 {
			break
		}
		if round == maxRounds {
			return fmt.Errorf("run %d after the faults still finds something to do", round)
		}
	}
	for _, check := range []func() error{s.planIsDone, s.asIfNothingHadHappened, s.nothingIsLeftOver} {
		if err := check(); err != nil {
			return fmt.Errorf("after the faults: %w", err)
		}
	}
	s.counts["converged"]++
	s.countPublished()
	return nil
}

// undisturbed runs an engine without faults, and counts what it writes.
func (s *simulation) undisturbed() (writes int, err error) {
	s.note("engine", "runs", "", "")
	result, err := s.runner(s.source, s.sink).Run(context.Background(), Everything(), OnlyDue)
	if err == nil {
		err = result.Err()
	}
	writes = len(s.sink.changed)
	return writes, errors.Join(err, s.oracle.check())
}

func (s *simulation) planIsDone() error {
	plan, err := s.runner(s.source, s.sink).Plan(context.Background(), Everything())
	if err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if step.Status != Fresh && step.Status != Waiting {
			return fmt.Errorf("%s %s %s is %s: %s", step.Kind, step.Report, step.Partition, step.Status, strings.Join(step.Reasons, "; "))
		}
	}
	return nil
}

// asIfNothingHadHappened compares with one run on a fresh store.
func (s *simulation) asIfNothingHadHappened() error {
	fresh := newBucket(nil)
	if s.image != nil {
		copyObjects(fresh, s.image.sink)
	}
	result, err := s.runner(s.source, fresh).Run(context.Background(), Everything(), OnlyDue)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return err
	}
	want, err := view(fresh)
	if err != nil {
		return err
	}
	got, err := view(s.sink)
	if err != nil {
		return err
	}
	for key, content := range want {
		if got[key] != content {
			return fmt.Errorf("%s is not what an undisturbed run makes", key)
		}
		delete(got, key)
	}
	for key := range got {
		return fmt.Errorf("%s is there, and an undisturbed run makes none", key)
	}
	return nil
}

// nothingIsLeftOver collects the garbage when all of it is old.
func (s *simulation) nothingIsLeftOver() error {
	s.now = s.now.Add(aNight)
	s.note("collector", "runs", "", "")
	if _, err := publish.GC(context.Background(), s.sink, s.gcOptions(), nil); err != nil {
		return err
	}
	return errors.Join(s.oracle.check(), s.oracle.leftovers())
}

func (s *simulation) countPublished() {
	for dir, m := range s.oracle.published {
		switch {
		case strings.HasPrefix(dir, publish.HistoryRoot), m.Digest != nil:
			continue
		case strings.Contains(dir, monthlySuffix+"/"):
			s.counts["published: months"]++
		default:
			s.counts["published: days"]++
		}
		s.counts["restated"] += m.Revision - 1
	}
}

// An image is the stores as they are after weeks in which nothing happened: it
// takes a whole month for one to be published.
type image struct {
	reports      []Report
	source, sink []stored
	end          day.Day // the first day after them
}

type stored struct {
	key  string
	body []byte
}

// emptyDay is the one day of an image that there is a dump of, with nothing in
// it.
var emptyDay = day.Date(2027, time.February, 1)

func newImage(t *testing.T) *image {
	t.Helper()
	img := &image{reports: simReports(t), end: day.Date(2027, time.February, 27)}
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, string(template.Prefix(emptyDay))+"none.ndjson", "\n")
	s := &simulation{reports: img.reports}
	run(t, s.runner(source, sink), Days(emptyDay, img.end-1))
	img.source, img.sink = storedIn(t, source), storedIn(t, sink)
	return img
}

// simReports are two whose days are as far apart as days of the Earth can be.
func simReports(t *testing.T) []Report {
	t.Helper()
	reports := []Report{
		{Definition: report.Definition{Name: "east"}, Hash: "a"},
		{Definition: report.Definition{Name: "west", Unit: report.Unit{Technicians: []int64{1}}}, Hash: "b", SessionsCSV: true},
	}
	for i, name := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		reports[i].Zone = zone
	}
	return reports
}

func storedIn(t *testing.T, st store.Store) (objects []stored) {
	t.Helper()
	all := contents(t, st, true)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		objects = append(objects, stored{key, []byte(all[key])})
	}
	return objects
}

func (i *image) copyTo(source, sink *bucket) {
	copyObjects(source, i.source)
	copyObjects(sink, i.sink)
	sink.changed = nil // the oracle knows of empty days
}

func copyObjects(to *bucket, objects []stored) {
	for _, o := range objects {
		if _, err := to.Put(context.Background(), o.key, bytes.NewReader(o.body), int64(len(o.body)), store.Condition{}); err != nil {
			panic(err) // a store in memory takes everything
		}
	}
}
