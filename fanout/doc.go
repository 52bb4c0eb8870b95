// Package fanout keeps the logs of many small sessions and hands what happens
// in them to the local members of each, live and without a gap.
//
// What it promises:
//
//   - Every subscriber of a session gets the session's durable events in offset
//     order, none missing and none twice, from the position at which it was
//     attached. Batches that come early are parked, what is missing is read from
//     the log, what comes twice is dropped.
//   - Where the past is truly gone (the log's epoch changed, or a hole is older
//     than the history) nobody is shown a silent gap: the pool's [Owner] is told
//     and replaces what its members know by a snapshot.
//   - A frame is encoded once and compressed at most once for all subscribers.
//   - A slow subscriber never delays another one: [Subscriber.Deliver] must not
//     block, and what waits for a socket is the subscriber's to bound.
//
// The parts: a [Log] stores events and state and publishes them ([memlog] in
// one process, [redislog] over Redis); a [Hub] has one [Pool] for each session
// with local subscribers; a pool applies batches, cuts frames by a budget, and
// has a desk where appends of the session gather while one is under way.
//
// The package moves bytes. It knows no WebSocket, no HTTP, and no logger, and
// imports the standard library only.
//
// [memlog]: https://pkg.go.dev/github.com/plenum-gateway/plenum/fanout/memlog
// [redislog]: https://pkg.go.dev/github.com/plenum-gateway/plenum/fanout/redislog
package fanout
