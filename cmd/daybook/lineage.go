package main

import (
	"context"
	"fmt"
	"time"

	"daybook/config"
	"daybook/pipeline/build"
	"daybook/pipeline/lineage"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/courier"
	"daybook/pipeline/settings"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// lineageHook is the receiver of events of lineage; nil if none is configured.
func lineageHook(c *config.Config) (*webhook.Hook, error) {
	if c.Lineage == nil {
		return nil, nil
	}
	hook, err := webhook.NewLineage(c.Lineage, nil)
	if err != nil {
		return nil, codedError{err, exitUsage}
	}
	return hook, nil
}

// producerOf makes events of lineage; nil if no receiver is configured.
func producerOf(c *config.Config, p *settings.Pipeline) *lineage.Producer {
	if c.Lineage == nil {
		return nil
	}
	source := sinkAt(&c.Source.Store, p.Source.URL(""))
	return &lineage.Producer{
		Namespace: c.Lineage.Namespace, Version: version, Clock: p.Clock,
		Source: func(key string) string { return source.ObjectURL(p.Source.URL(key)) },
		Sink:   p.LoaderURL,
	}
}

// deliveryWait is how long the end of a run waits for the receiver of its events. It
// limits what a receiver that hangs can cost.
const deliveryWait = 5 * time.Second

// lineageRun sends the events of a run of the command line.
type lineageRun struct {
	*lineage.Run
	app      *app
	receiver *webhook.Hook // nil: none is configured
	courier  *courier.Courier
	stop     func() // ends the deliveries in the background
}

// beginLineage begins to send the events of a run. Without a receiver, the result does
// nothing.
func (a *app) beginLineage(ctx context.Context, c *config.Config, p *settings.Pipeline, record *runs.Record) (*lineageRun, error) {
	l := &lineageRun{app: a, stop: func() {}}
	var err error
	if l.receiver, err = lineageHook(c); l.receiver == nil {
		return l, err
	}
	sink := func() store.Store { return p.Sink }
	l.courier = courier.New(controller.NewStore(sink), sink)
	l.Run = producerOf(c, p).Begin(record, l.courier.Add)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// An error here may pass: end tries again, and tells.
		l.courier.Keep(ctx, func(error) { _ = l.courier.Deliver(ctx, l.receiver) })
	}()
	l.stop = func() { cancel(); <-ended }
	return l, nil
}

// hook is told of each step; nil without a receiver.
func (l *lineageRun) hook() func(*plan.Step, *build.Done) {
	if l.receiver == nil {
		return nil
	}
	return l.Step
}

// end sends what is left, and tells about what could not be sent.
func (l *lineageRun) end(ctx context.Context, record *runs.Record) {
	l.stop()
	if l.receiver == nil {
		return
	}
	l.Run.End(record)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), runs.WriteTimeout)
	defer cancel()
	if err := l.courier.Post(ctx); err != nil {
		l.note("%d events of lineage could not be stored and are lost: %s", l.courier.Waiting(), err)
	}
	ctx, cancel = context.WithTimeout(ctx, deliveryWait)
	defer cancel()
	if err := l.courier.Deliver(ctx, l.receiver); err != nil {
		l.note("events of lineage wait in the sink, and the next run or daybook serve sends them: %s", err)
	}
}

func (l *lineageRun) note(format string, args ...any) {
	if !l.app.quiet {
		fmt.Fprintf(l.app.stderr, format+"\n", args...)
	}
}
