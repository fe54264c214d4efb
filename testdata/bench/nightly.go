package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The night of a small customer: the dumps of one more day have arrived, after
// nightlyDays days of history in three reports.
const (
	nightlyFrom     = "2026-08-12" // the night is in the middle of a month
	nightlyLast     = "2026/10/11"
	nightlyDays     = 60
	nightlySessions = 2_000

	// Version 0.2.0 took 1,630 requests for the night, and 276 with nothing to do.
	// The targets are half of the former, and the listings with five reads.
	nightlyRequests = 815
	idleRequests    = 26 + 5
)

// nightly runs a night on an S3 server, and then again with nothing to do. It counts
// the requests of both. It has more than 60 lines because it follows one night.
func (b *bench) nightly(ctx context.Context) error {
	server, err := b.startServer(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	bucketDir := filepath.Join(b.serverDir(), bucket)
	upload := command{name: b.data.binary, env: server.environment(), args: []string{"generate", "--quiet", "--out", "s3://" + bucket + "/nights",
		"--endpoint", "http://" + server.addr, "--from", nightlyFrom, "--days", strconv.Itoa(nightlyDays + 1),
		"--sessions-per-day", strconv.Itoa(b.data.scaled(nightlySessions)), "--codec", "gzip"}}
	if _, err := upload.run(ctx); err != nil {
		return err
	}
	last, kept := filepath.Join(bucketDir, "nights", nightlyLast), b.scratch("last-day")
	if err := os.Rename(last, kept); err != nil {
		return err
	}
	run := func(name, addr, sink string) (command, error) {
		p := pipeline{source: server.store(addr, "nights"), sink: server.store(addr, sink), reports: decadeReports()}
		return b.command(name, p, "run", "--workers", strconv.Itoa(workers))
	}
	history, err := run("history", server.addr, "history")
	if err != nil {
		return err
	}
	if _, err := history.run(ctx); err != nil {
		return err
	}
	if err := os.Rename(kept, last); err != nil {
		return err
	}
	// The server keeps ETags in attributes of its files, which cp copies.
	anew := func() error {
		if err := os.RemoveAll(filepath.Join(bucketDir, "night")); err != nil {
			return err
		}
		_, err := measure(ctx, "cp", "-a", filepath.Join(bucketDir, "history"), filepath.Join(bucketDir, "night"))
		return err
	}
	night, err := run("night", server.addr, "night")
	if err != nil {
		return err
	}
	took, err := interleave(ctx, b.rounds, contender{name: "night", command: night, before: anew})
	if err != nil {
		return err
	}
	b.took(took["night"], "a night of %d sessions after %d days, three reports", b.data.scaled(nightlySessions), nightlyDays)
	idle, err := interleave(ctx, b.rounds, contender{name: "idle", command: night})
	if err != nil {
		return err
	}
	b.took(idle["idle"], "the same with nothing to do")
	if err := anew(); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		most float64
	}{{"a night", nightlyRequests}, {"nothing to do", idleRequests}} {
		counter := newCounter(server.addr)
		counted, err := run("counted", counter.Listener.Addr().String(), "night")
		if err == nil {
			_, err = counted.run(ctx)
		}
		counter.Close()
		if err != nil {
			return err
		}
		total := 0
		byMethod := map[string]int{}
		for _, kind := range counter.kinds() {
			method, _, _ := strings.Cut(kind, " ")
			byMethod[method] += counter.requests[kind]
			total += counter.requests[kind]
		}
		for _, method := range []string{"LIST", "GET", "PUT", "DELETE"} {
			b.add("requests", float64(byMethod[method]), "%s: %s", c.name, method)
		}
		b.add("requests", float64(total), "%s", c.name)
		b.atMost(c.most)
	}
	return nil
}
