// Command loadtest loads a gateway and reports how much it carries; see package
// loadtest and docs/loadtest.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/plenum-gateway/plenum/gateway/loadtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	os.Exit(loadtest.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
