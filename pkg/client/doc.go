// Package client takes part in a session of a Plenum gateway: it joins,
// publishes, and hears what everybody publishes, over whatever breaks.
//
//	c := client.New(client.Options{
//		URLs:     []string{"wss://plenum.example.org"},
//		Session:  "team-7",
//		Name:     "Ada",
//		OnEvents: func(events []wire.Event) { ... },
//	})
//	c.Publish("chat.message", "hello") // kept until there is a connection
//	err := c.Run(ctx) // until ctx ends, c.Leave, or the gateway says never again
//
// # What it promises
//
// Events come in offset order, none missing, each once, over reconnects,
// crashes of gateways and deploys. Where the past cannot be replayed, OnState
// hands over the truth as it is now, and events continue behind it. There is
// never a silent gap: a gateway that leaves one is reported to OnError, and the
// client resumes from the last event that was right.
//
// A publish or command is kept until it is settled, and takes effect at most
// once however often it is sent. Its outcome is told to whoever waits for it
// (PublishWait, Command) and to OnSettled. There are three:
//
//   - It took effect, once. By then OnEvents has been given its event.
//   - A [*wire.Error]: it did not take effect and never will.
//   - [ErrOutcomeLost], or [ErrClosed] at the end: nobody can tell any more. The
//     first happens when the answer was lost with a connection and the event was
//     not replayed.
//
// The outbox is bounded; when it is full Publish says so ([ErrFull]). Nothing
// is dropped in silence, except ephemeral events, which are for the moment.
//
// # Connections
//
// A connection that is lost is made again at once, within a jitter of 100 ms,
// then with full jitter up to bounds that double to 5 s, for as long as it
// takes; each attempt goes to the next of the addresses. A connection resumes
// from the position that the callbacks were given. Whether a close is final is
// decided by the range of its code, so a final one ends Run with a [*Closed].
//
// When a gateway drains, the client makes its next connection first and lets go
// of the old one once it is welcomed on the new one; nobody notices.
//
// Liveness follows the gateway: the client answers its heartbeats at once, and
// takes two intervals of silence and Options.Timeout for death.
//
// # Callbacks and goroutines
//
// All callbacks are called by the goroutine of Run, one at a time, in the order
// in which things happened. They may call any method that does not wait. A
// callback that blocks stops the client from reading; if that takes longer than
// the gateway's patience, it ends the connection, and the client resumes.
//
// An idle client is the one goroutine of Run, one timer, and about 10 KiB, of
// which 8 KiB are the WebSocket library's buffers; thousands of clients in one
// process are fine. A second goroutine exists while there is something to send.
// Time is package time's, so clients run inside a bubble of testing/synctest; package
// wstest has the connections for that.
//
// The protocol is plenum.v1, see package wire.
package client
