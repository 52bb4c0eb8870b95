// Package chaos breaks a whole Plenum on one machine, on purpose and by a seed,
// and holds it to its promises.
//
// A [Run] starts Redis, replicas and nginx as processes of its own, and
// members that publish and send commands without pause: most through the Go
// client, one in each session by a client of its own that was written from the
// protocol's page alone and resends on purpose what was acknowledged already.
// Meanwhile a schedule of faults runs, see [Plan]; the same seed is the same
// schedule. In the end the faults stop, everybody must come to the same offset,
// and package history judges what everybody did and saw.
//
// Everything listens on 127.0.0.1, on free ports, and ends with the run, also if
// the process is killed (on Linux).
package chaos
