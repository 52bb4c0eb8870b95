// Command gateway is one replica of Plenum. Its settings come from the
// environment; see configs/gateway.env, or --settings.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/gateway/app"
	"github.com/plenum-gateway/plenum/gateway/stats"
)

// version is set when the program is built.
var version = "development"

func main() {
	flag.Usage = usage
	showVersion := flag.Bool("version", false, "print the version")
	showSettings := flag.Bool("settings", false, "print all settings with their defaults")
	askReady := flag.Bool("ready", false, "ask the gateway that runs with these settings whether it is ready")
	showMetrics := flag.Bool("metrics", false, "print what all metrics mean, as docs/metrics.md")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "gateway takes no arguments, got %q; see gateway --help\n", flag.Args())
		os.Exit(2)
	case *showVersion:
		fmt.Println("plenum gateway", version)
	case *showSettings:
		app.WriteEnv(os.Stdout)
	case *askReady:
		os.Exit(ready())
	case *showMetrics:
		stats.WriteDoc(os.Stdout)
	default:
		os.Exit(run())
	}
}

func usage() {
	fmt.Println(`gateway is one replica of Plenum, a session gateway.

  gateway              serve until SIGTERM or SIGINT; a second one leaves at once
  gateway --ready      ask the one that runs with these settings whether it is ready; exits with 1 if not
  gateway --settings   print all settings with their defaults
  gateway --metrics    print what all metrics mean
  gateway --version    print the version

Settings are environment variables:`)
	app.WriteEnv(os.Stdout)
}

// ready is the health check of a container that has no other program.
func ready() int {
	settings, _, err := app.Load(os.Environ())
	if err == nil {
		err = app.Ready(context.Background(), settings.Listen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func run() int {
	settings, warnings, err := app.Load(os.Environ())
	if err != nil {
		fmt.Fprintf(os.Stderr, "the settings have mistakes:\n%v\n", err)
		return 2
	}
	log := app.NewLogger(settings)
	defer log.Sync()
	for _, name := range warnings {
		log.Warn("no such setting", zap.String("variable", name))
	}
	tuneGC()

	stop, stopDone := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stopDone()
	now, hurry := context.WithCancel(context.Background())
	defer hurry()
	second(hurry)

	a, err := app.New(stop, settings, version, log)
	if err != nil {
		log.Error("cannot start", zap.Error(err))
		return 1
	}
	if err := a.Run(stop, now); err != nil {
		log.Error("stopped", zap.Error(err))
		return 1
	}
	return 0
}

// second calls hurry at the second signal.
func second(hurry func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() { // lives as long as the process
		<-signals
		<-signals
		hurry()
	}()
}

// tuneGC trades a little processor time for memory: most of the heap is idle
// connections, which the collector need not look at often, and at the default
// of 100 as much again would lie around. Measured with 9,600 idle connections.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
