// Package connection is one socket: the handshake, the messages that come in,
// the bytes that wait to go out, heartbeats, and limits.
//
// What it promises:
//
//   - Every accepted connection ends, once, with a counted [Reason].
//   - What waits for a connection is bounded in bytes. One that lags has its
//     frames dropped and is brought up to date when it can take them again; the
//     others do not notice.
//   - A frame is written with one call per connection, on the goroutine that
//     made it; a connection has a writer only while its socket is full.
//   - An idle connection costs no goroutine, no timer, and no buffer (on Linux;
//     elsewhere one goroutine).
//   - A client is told what it did wrong, before it is closed for it.
//
// github.com/coder/websocket does the handshake, the reading, the control
// frames, and the close handshake. Data messages are written as prepared bytes,
// see frame.go, beside it; both go through one outbox, whole frames at a time.
package connection
