// Command daybook turns raw support-session event dumps in object storage into
// session reports: partitioned Parquet for warehouses, CSV summaries for
// people.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // makes time zones independent of the machine's database
)

func main() {
	// The first signal asks the work to stop. The second one then ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}
