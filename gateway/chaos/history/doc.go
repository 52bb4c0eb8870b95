// Package history records what the members of sessions did and saw while the
// gateway was being broken, and judges afterwards whether it kept its promises:
//
//   - One order: at each offset of an epoch everybody saw the same event.
//   - Each client saw the offsets one after the other: no hole, no event twice,
//     none before an earlier one, over all its connections.
//   - What was acknowledged took effect exactly once; what was not, at most
//     once; what was refused, never; and nothing took effect that nobody asked
//     for, or differently from how it was asked for.
//   - The requests of a client took effect in the order in which it made them,
//     and no request after another one that was made when the first was visible.
//   - A snapshot is what the events before it lead to, and the events after it
//     go on from there: who is in the session with which status, and in a
//     document session the document itself.
//   - A welcome's acked is the highest ref of the client that took effect.
//   - A past that is gone is told: an epoch never comes back, an offset never
//     goes back within one, and where the store keeps everything there is one
//     epoch only.
//   - In the end everybody has come as far as everybody else, and every request
//     has been settled.
//
// The package shares nothing with the gateway, not even types, and imports the
// standard library only: a mistake in the codec, the merge of patches, or the
// client's book-keeping cannot hide itself here.
//
// An event is kept once for a session, and that a client saw it takes 8 bytes:
// with 20 clients or more in a session, 10 million deliveries take 200 MB at most.
package history
