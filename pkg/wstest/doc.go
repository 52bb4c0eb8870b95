// Package wstest is an in-memory HTTP server for tests of WebSockets, made for
// virtual time: everything in it runs inside a bubble of [testing/synctest],
// where hours of heartbeats take microseconds and [synctest.Wait] says when
// nothing moves any more.
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := wstest.NewServer(t, handler)
//		conn := srv.Dial(t, "/api/websocket?session=s", nil)
//		conn.Send(`{"type":"join","client":"c"}`)
//		welcome := conn.Receive()
//		...
//	})
//
// What it promises: no socket is opened, no goroutine is left behind, and when
// the test ends the server, its connections and every dialed [Conn] are closed.
// Handlers must close the WebSockets that they accept, as everywhere; one that is
// left for the garbage collector is closed from outside the bubble, which
// testing/synctest answers with a panic.
//
// A connection is a [net.Pipe], which has no buffer: whoever writes waits until
// the other side reads. Code that depends on the kernel's buffers shows here.
package wstest
