// Package loadtest puts members into sessions of a running gateway, has them
// send at a set rate, and reports what became of it: how many connections and
// messages succeeded, and how long a message took to reach the members.
//
// It is an open loop. Each message has a moment at which it is due, by a
// schedule that waits for nobody, and its latency counts from that moment to
// each member that is given it. So a gateway that stands still shows in the
// latencies, and not in a schedule that waited for it.
//
// What it measures can be the load generator's own doing: a program that is out
// of processor time sends late and reads late. So it watches itself, and the
// report says when it was the limit; see [Generator].
//
// Members are clients of package client, so they come back after a loss, resume,
// and send again what was not settled. With [Options.Verify] everything that they
// did and saw is judged by package history, the checker of the fault tests.
package loadtest
