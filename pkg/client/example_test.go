package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

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

// A request's outcome is one of four, and each asks for something else.
func ExampleClient_PublishWait() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()

	c := client.New(client.Options{URLs: []string{"http://localhost:8080"}, Session: "team-7", Name: "Ada"})
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()

	offset, err := c.PublishWait(ctx, "chat.message", "hello")
	var refused *wire.Error
	switch {
	case err == nil:
		fmt.Println("everybody has it, at offset", offset)
	case errors.As(err, &refused) && refused.Retry:
		fmt.Println("not now: again after", refused.After, refused.Message)
	case errors.As(err, &refused):
		fmt.Println("never:", refused.Code, refused.Message)
	default: // ErrOutcomeLost, ErrClosed, or ctx has ended
		fmt.Println("nobody can tell any more:", err)
	}

	if err := c.Leave(ctx); err != nil { // gives the seat up; to keep it end ctx instead
		log.Print(err)
	}
	var closed *client.Closed
	if err := <-ended; errors.As(err, &closed) {
		log.Print("the gateway ended it for good: ", closed.Code, " ", closed.Reason)
	}
}

// A program that comes back is the same member, and hears what it missed: keep
// the seat, which is a secret, and the position.
func ExampleClient_Position() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	options := client.Options{URLs: []string{"http://localhost:8080"}, Session: "team-7", Name: "Ada"}
	var kept struct {
		Seat  string
		Since wire.Position
	}
	if saved, err := os.ReadFile("seat.json"); err == nil && json.Unmarshal(saved, &kept) == nil {
		options.Seat, options.Since = kept.Seat, &kept.Since
	}
	c := client.New(options)
	err := c.Run(ctx)

	kept.Seat, kept.Since = c.Seat(), c.Position()
	if saved, err := json.Marshal(kept); err == nil && kept.Seat != "" {
		_ = os.WriteFile("seat.json", saved, 0o600)
	}
	if err != nil {
		log.Print(err)
	}
}
