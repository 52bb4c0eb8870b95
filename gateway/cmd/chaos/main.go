// Command chaos breaks a whole Plenum on this machine and holds it to its
// promises; see package chaos and docs/reliability.md. It exits with 1 if a
// promise was not kept, and with 2 if there was nothing to judge.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/plenum-gateway/plenum/gateway/chaos"
)

func main() {
	var o chaos.Options
	var only string
	var plan bool
	flag.StringVar(&o.Gateway, "gateway", ".build/plenum-gateway", "the gateway's `binary`")
	flag.StringVar(&o.Nginx, "nginx", "deploy/nginx", "the `directory` of nginx.conf and upstream.conf")
	flag.Uint64Var(&o.Seed, "seed", 0, "of the schedule of faults; 0: a random one")
	flag.DurationVar(&o.For, "for", 0, "how long faults happen (default 40s)")
	flag.DurationVar(&o.Every, "every", 0, "between two faults, on average (default 1s)")
	flag.IntVar(&o.Members, "members", 0, "how many members (default 60)")
	flag.IntVar(&o.Replicas, "replicas", 0, "how many replicas (default 3)")
	flag.Float64Var(&o.Rate, "rate", 0, "requests a second of each member (default 2)")
	flag.DurationVar(&o.Converge, "converge", 0, "how long all may take to come to the same offset (default 1m30s)")
	flag.StringVar(&only, "only", "", "these kinds of faults only: `kind,kind…`")
	flag.BoolVar(&plan, "plan", false, "print the schedule, and do nothing")
	flag.BoolVar(&o.Keep, "keep", false, "keep the logs")
	flag.Parse()
	if o.Seed == 0 {
		o.Seed = uint64(rand.Uint32())
	}
	if err := choose(&o, only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if plan {
		for _, f := range chaos.Plan(o) {
			fmt.Printf("%7.2fs  %v\n", f.At.Seconds(), f)
		}
		return
	}
	os.Exit(run(o))
}

// choose reads the kinds of faults.
func choose(o *chaos.Options, only string) error {
	if only == "" {
		return nil
	}
	for name := range strings.SplitSeq(only, ",") {
		kind := chaos.Kind(strings.TrimSpace(name))
		if !slices.Contains(chaos.Kinds(), kind) {
			return fmt.Errorf("there is no kind of fault %q; there are %q", name, chaos.Kinds())
		}
		o.Only = append(o.Only, kind)
	}
	return nil
}

// run runs until the end or an interrupt, after which it judges what there is.
func run(o chaos.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	o.Say = func(line string) { fmt.Println(line) }
	report, err := chaos.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	report.Write(os.Stdout)
	if !report.OK() {
		return 1
	}
	return 0
}
