// Package redistest runs private Redis servers for tests and for tools that
// break Redis on purpose.
//
// It promises that each server is real (the redis-server of this machine), is
// ready when it is handed over, listens on 127.0.0.1 alone on ports that were
// free, keeps its data in a directory of its own, and ends with whoever started
// it, even if that process is killed (on Linux; elsewhere only at an orderly end).
//
// [Start], [StartSentinel] and [StartCluster] are for tests: they fail the test
// if something cannot be had and end everything in its cleanup. [NewServer] is
// the same server for programs. The package knows just enough of the Redis
// protocol for administration ([Server.Do]), so a test of a Redis client does
// not depend on a Redis client to arrange its faults.
package redistest
