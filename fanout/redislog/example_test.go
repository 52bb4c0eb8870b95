package redislog_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/redislog"
)

// A log begins with Open and Run, and ends with Close after both the hub and Run
// have. The hub itself is in the example of package fanout.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	sessions, err := redislog.Open(ctx, redislog.Options{URL: "redis://localhost:6379"})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range sessions.Advice(ctx) {
		log.Println("redis:", a)
	}
	var running sync.WaitGroup
	defer sessions.Close()
	defer running.Wait()
	defer stop()

	sessions.Listen(printer{}) // a program with a hub leaves this to fanout.New
	running.Go(func() { sessions.Run(ctx) })

	if err := sessions.Subscribe(ctx, "room-7"); err != nil {
		log.Fatal(err)
	}
	_, err = sessions.Append(ctx, "room-7", &fanout.Append{
		Create: true,
		Items:  []fanout.Item{{Client: "speaker", Ref: 1, Events: 1, Records: fanout.AppendEvent(nil, []byte("hello"))}},
	})
	if err != nil {
		log.Fatal(err)
	}
}

// printer prints what is appended, by whichever process.
type printer struct{}

func (printer) Deliver(session string, b fanout.Batch) {
	events, err := fanout.DurableEvents(nil, b.First, b.Records)
	if err != nil {
		log.Println(session, err)
	}
	for _, e := range events {
		fmt.Println(session, e.Offset, string(e.Body))
	}
}

func (printer) Resubscribed(sessions []string) { log.Println("may have missed something of", sessions) }
