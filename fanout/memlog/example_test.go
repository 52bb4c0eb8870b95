package memlog_test

import (
	"context"
	"fmt"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// A log by itself, without a hub: an append takes effect once, and what it
// appended can be read after any position.
func Example() {
	ctx, sessions := context.Background(), memlog.New(memlog.Options{History: 100})
	hello := &fanout.Append{Create: true, Items: []fanout.Item{
		{Client: "speaker", Ref: 1, Events: 1, Records: fanout.AppendEvent(nil, []byte("hello"))},
	}}
	for range 2 {
		took, err := sessions.Append(ctx, "room-7", hello)
		fmt.Println(took.Outcome, took.Offset, err)
	}
	view, err := sessions.Read(ctx, "room-7", &fanout.Query{History: true, After: 0})
	for _, e := range view.Events {
		fmt.Println(e.Offset, string(e.Body))
	}
	fmt.Println(view.Complete, err)
	// Output:
	// took 1 <nil>
	// repeated 1 <nil>
	// 1 hello
	// true <nil>
}
