package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A member says hello and prints what everybody says, over all reconnects, until
// it is interrupted.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	c := client.New(client.Options{
		URLs:    []string{"http://localhost:8080"},
		Session: "team-7",
		Name:    "Ada",
		OnEvents: func(events []wire.Event) { // in offset order, none missing, each once
			for _, e := range events {
				fmt.Println(e.Offset, e.Event, string(e.Data))
			}
		},
	})
	// Kept until it is settled, and sent again if need be: it takes effect once.
	if _, err := c.Publish("chat.message", "hello"); err != nil {
		log.Fatal(err)
	}
	if err := c.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
