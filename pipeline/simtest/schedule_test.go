package simtest

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/pack"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/transform/day"
)

// simulation is one history.
type simulation struct {
	seed    uint64
	rng     *rand.Rand
	now     time.Time
	world   *world
	source  *bucket
	sink    *bucket
	reports []settings.Report
	image   *image // what is there from the beginning; nil: nothing
	oracle  *oracle

	slots   []*slot
	turn    *slot      // the one that continues for a while
	senders []*process // some of their calls may still be under way
	dumps   int        // of the world that have arrived
	jumps   int        // of the clock, since the last night

	// The character of this seed's history.
	steps     int     // with disturbances
	early     int     // dumps that arrive before them
	faultRate float64 // of calls
	patience  int     // about how many steps a process continues before another one does

	removeAfter time.Duration // how long superseded parts stay; 0: until the commit
	old         bool          // version 0.1.0 has published what is there from the beginning

	packs [][]byte // earlier contents of packs

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

// schedule is the last part of the history.
func (s *simulation) schedule(most int) string {
	var b strings.Builder
	for _, m := range s.trace[max(0, len(s.trace)-most):] {
		fmt.Fprintln(&b, m)
	}
	return b.String()
}

// monthsIn: one of so many seeds has the end of a month, with ten times as many
// partitions.
const monthsIn = 40

// oldIn: in one of so many seeds version 0.1.0 worked before, and in half of those with
// the end of a month.
const oldIn = 7

// longIn: one of so many seeds has a long world.
const longIn = 200

// firstDay is the first day of the worlds without the end of a month.
var firstDay = day.Date(2027, time.February, 25)

func newSimulation(seed uint64, months *image) *simulation {
	s := &simulation{seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), counts: counts{}}
	s.now = time.Date(2027, time.March, 10, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return s.now }
	s.source, s.sink = newBucket(clock), newBucket(clock)
	s.reports = months.reports[:1+s.rng.IntN(5)/4]
	first := firstDay
	if s.rng.IntN(monthsIn) == 0 {
		s.image, first = months, months.end
		s.image.copyTo(s.source, s.sink)
	}
	s.steps, s.early = 50+s.rng.IntN(240), 1
	if s.rng.IntN(longIn) == 0 && s.image == nil {
		s.world = newLongWorld(s.rng, first-longDays)
		s.steps, s.early = 10*s.steps, len(s.world.dumps)/2
		s.counts["long world"]++
	} else {
		s.world = newWorld(s.rng, first)
	}
	if s.old = seed%oldIn == 0 || s.image != nil && seed%2 == 0; s.old {
		s.early = len(s.world.dumps) / 2
	}
	s.oracle = newOracle(s.world, s.sink, s.reports)

	s.faultRate = pick(s.rng, 0, 0.01, 0.02, 0.04, 0.08)
	s.patience = pick(s.rng, 1, 5, 30, 100)
	s.removeAfter = time.Duration(seed%2) * time.Hour
	s.slots = []*slot{
		{name: "engine A", weight: 6, rest: 3, work: s.someEngine},
		{name: "engine B", weight: 6, rest: 6, work: s.someEngine},
		{name: "collector", weight: 1, rest: 4, work: func() func(context.Context, *process) error { return s.collect }},
		{name: "reader", weight: 1, rest: 1, work: s.someReader},
	}
	return s
}

// settings are those of an engine on two stores.
func (s *simulation) settings(source, sink store.Store) *settings.Pipeline {
	return &settings.Pipeline{
		Source: source, Dumps: pipelinetest.Sources, Lookback: lookback, MaxRejected: 1, Sink: sink, Reports: s.reports,
		Budget: parallel.NewBudget(1, 0), Clock: func() time.Time { return s.now }, Format: plainFormat{}, RemoveAfter: s.removeAfter,
	}
}

// builder is an engine on two stores.
func (s *simulation) builder(source, sink store.Store) *build.Builder {
	return &build.Builder{Settings: s.settings(source, sink)}
}

// run runs the history: the disturbances, and the time after them. Its error is the
// first thing that went wrong.
func (s *simulation) run() error {
	defer s.end()
	for range s.early {
		s.arrive()
	}
	if s.old {
		if err := s.beginOld(); err != nil {
			return fmt.Errorf("in the layout of version 0.1.0: %w", err)
		}
	}
	for range s.steps {
		s.now = s.now.Add(time.Second)
		s.act()
		if err := s.check(); err != nil {
			return err
		}
	}
	if err := s.calmDown(); err != nil {
		return err
	}
	return s.converge()
}

// beginOld publishes the dumps so far in the layout of version 0.1.0.
func (s *simulation) beginOld() error {
	if _, err := s.undisturbed(); err != nil {
		return err
	}
	dirs, err := pipelinetest.MoveBack(context.Background(), s.sink)
	if err != nil {
		return err
	}
	s.counts["old layout"]++
	return s.oracle.setOld(dirs)
}

// end kills all processes.
func (s *simulation) end() {
	for _, slot := range s.slots {
		if slot.running() {
			slot.kill(faultstest.Outcome{Fault: faultstest.Drop})
		}
	}
}

// check asks the oracle, and whether a process has failed for no reason.
func (s *simulation) check() error {
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

// act does one random thing.
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
	case n < 72:
		s.spoilPack()
	default:
		s.proceed()
	}
}

// arrive stores the next dump.
func (s *simulation) arrive() {
	if s.dumps == len(s.world.dumps) {
		return
	}
	d := &s.world.dumps[s.dumps]
	s.dumps++
	body := s.world.body(d)
	object, err := s.source.Put(context.Background(), d.key, bytes.NewReader(body), int64(len(body)), store.Condition{})
	if err != nil {
		panic(err) // this call has no faults
	}
	s.oracle.arrived[d.key] = &arrivedDump{d, publish.Input{Key: d.key, ETag: object.ETag, Size: object.Size}}
	s.note("producer", "put", d.key, "")
	s.counts["dump arrived"]++
}

// deliverOne delivers one of the calls that the network holds.
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

// killOne kills a process. Its last call may arrive at once, later, or never.
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

// freezeOne stops a process for a while, like a machine that swaps.
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

// spoilPack damages a pack of copies, deletes it, or puts an old one or one of another
// sink in its place.
func (s *simulation) spoilPack() {
	ctx := context.Background()
	var keys []string
	for object, err := range s.sink.List(ctx, partition.PackRoot) {
		if err != nil {
			panic(err) // this call has no faults
		}
		keys = append(keys, object.Key)
	}
	if len(keys) == 0 {
		return
	}
	key := pick(s.rng, keys...)
	body, err := pipelinetest.ReadObject(ctx, s.sink, key)
	if err != nil {
		panic(err)
	}
	s.packs = append(s.packs, body)
	how := pick(s.rng, "pack damaged", "pack cut", "pack lost", "pack old", "pack of another sink", "pack of another format")
	switch how {
	case "pack lost":
		if err := s.sink.Delete(ctx, key); err != nil {
			panic(err)
		}
	case "pack damaged":
		body = bytes.Clone(body)
		body[s.rng.IntN(len(body))] ^= 1 << s.rng.IntN(8)
	case "pack cut":
		body = body[:s.rng.IntN(len(body))]
	case "pack old":
		body = pick(s.rng, s.packs...)
	case "pack of another sink":
		body = s.foreignPack()
	case "pack of another format":
		body = bytes.Replace(body, []byte("daybook pack 1"), []byte("daybook pack 2"), 1)
	}
	if how != "pack lost" {
		if _, err := s.sink.Put(ctx, key, bytes.NewReader(body), int64(len(body)), store.Condition{}); err != nil {
			panic(err)
		}
	}
	s.note("vandal", "spoils", key, how)
	s.counts[how]++
}

// foreignPack is a pack with the keys of this sink, and contents of other partitions:
// a copy of one manifest under the key of each other.
func (s *simulation) foreignPack() []byte {
	foreign := pack.New()
	keys := slices.Clone(s.sink.keys)
	for i, key := range keys {
		if _, isManifest := publish.ManifestDir(key); isManifest {
			body, err := pipelinetest.ReadObject(context.Background(), s.sink, key)
			if err != nil {
				panic(err)
			}
			sum := md5.Sum(body)
			foreign.Add(keys[(i+1)%len(keys)], hex.EncodeToString(sum[:]), body)
		}
	}
	return foreign.Encode()
}

// night lets so much time pass that all garbage is old. Everything under way is over
// before.
func (s *simulation) night() {
	for _, slot := range s.slots {
		if slot.running() {
			s.kill(slot)
		}
	}
	for len(s.late()) > 0 {
		s.deliverOne()
	}
	s.now, s.jumps = s.now.Add(nightTime), 0
	s.note("clock", "night", "", "")
	s.counts["night"]++
}

// proceed lets a process continue by one call, or starts one. Mostly it is the process
// that had its turn before.
func (s *simulation) proceed() {
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
		// The collector has seen that a part which could still be published is old,
		// and removes it at once, before a writer puts it again: GC asks for no more.
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

// someEngine is the work of an engine that builds everything, or some days.
func (s *simulation) someEngine() func(context.Context, *process) error {
	target := partition.Everything()
	if s.rng.IntN(3) == 0 {
		arrived := s.world.dumps[:s.dumps]
		from, to := pick(s.rng, arrived...).day, pick(s.rng, arrived...).day
		target = partition.Days(min(from, to), max(from, to))
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
