// Package stats is what a replica, and the fleet of all replicas, has to say about
// itself: figures for GET /api/stats, for Prometheus, and for the operators' page.
//
// One table ([Metrics]) says what there is, what it means, how it is read, and how
// the figures of several replicas become one. The JSON, the answer to Prometheus,
// and docs/metrics.md are made from it.
//
// Nothing is measured here: whoever does the work counts it in an atomic, and this
// package reads those when somebody asks, and every 2 s for the rates of the last
// minute. With Redis each replica leaves its report there at the same beat, so any
// of them answers for all; that costs Redis a few small commands for each replica,
// not for each session, member, or second that somebody looks.
package stats
