package stats

import (
	"sync/atomic"

	"github.com/plenum-gateway/plenum/fanout/latency"
	"github.com/plenum-gateway/plenum/gateway/connection"
)

// Metrics are all figures, in the order of docs/metrics.md.
var Metrics = concat(connectionRows, sessionRows, messageRows, latencyRows, frameRows, logRows, processRows, redisRows)

func concat(parts ...[]Metric) (all []Metric) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// counter is a row that reads atomics: one, or one for each value of a label.
func counter(group, key, name, help string, read func(r *reading) *atomic.Int64) Metric {
	return Metric{Group: group, Key: key, Name: name, Kind: Counter, Merge: Sum, Help: help,
		numbers: func(r *reading) []float64 { return []float64{float64(read(r).Load())} }}
}

func gauge(group, key, name, help string, merge Merge, read func(r *reading) float64) Metric {
	return Metric{Group: group, Key: key, Name: name, Kind: Gauge, Merge: merge, Help: help,
		numbers: func(r *reading) []float64 { return []float64{read(r)} }}
}

func labelled(kind Kind, group, key, name, help, label string, values []string, read func(r *reading) []float64) Metric {
	return Metric{Group: group, Key: key, Name: name, Kind: kind, Merge: Sum, Help: help, Label: label, Values: values, numbers: read}
}

func histogram(key, name, help string, read func(r *reading) *timer) Metric {
	return Metric{Group: "latency", Key: key, Name: name, Kind: Histogram, Merge: Sum, Help: help,
		spread: func(r *reading) latency.Distribution { return read(r).distribution() }}
}

func reasons() (names []string) {
	for _, r := range connection.Reasons {
		names = append(names, string(r))
	}
	return names
}

var connectionRows = []Metric{
	gauge("connections", "open", "plenum_connections", "Connections right now, joined or not.", Sum,
		func(r *reading) float64 { return float64(r.Connections.Open.Load()) }),
	gauge("connections", "joined", "plenum_connections_joined", "Connections of members right now.", Sum,
		func(r *reading) float64 { return float64(r.Sessions.Present.Load()) }),
	gauge("connections", "limit", "plenum_connections_limit", "Connections that may be open: PLENUM_CONNECTIONS.", Sum,
		func(r *reading) float64 { return float64(r.ConnectionLimit) }),
	counter("connections", "accepted", "plenum_connections_accepted_total", "Handshakes that became a connection.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Accepted }),
	labelled(Counter, "connections", "refused", "plenum_handshakes_refused_total",
		"Handshakes answered with an HTTP error: because the replica drains (a proxy asks another one), or for another reason: "+
			"too many connections, too many at once, or no WebSocket handshake at all.", "reason", []string{"draining", "other"},
		func(r *reading) []float64 {
			draining := float64(r.Connections.RefusedDraining.Load())
			return []float64{draining, max(0, float64(r.Connections.Refused.Load())-draining)}
		}),
	labelled(Counter, "connections", "closed", "plenum_connections_closed_total", "Connections that ended, by reason.", "reason", reasons(),
		func(r *reading) (all []float64) {
			for _, reason := range connection.Reasons {
				all = append(all, float64(r.Connections.Ended(reason)))
			}
			return all
		}),
	counter("connections", "drained", "plenum_connections_drained_total", "Connections that were asked to move to another replica.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Drains }),
	gauge("connections", "backlog", "plenum_backlog_bytes", "Bytes that wait for sockets which take too little right now.", Sum,
		func(r *reading) float64 { return float64(r.Connections.Backlog.Load()) }),
	counter("connections", "lagged", "plenum_connections_lagged_total", "Times that a slow connection had its frames dropped and took more again.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Lagged }),
	counter("connections", "caught_up", "plenum_connections_caught_up_total", "Times that such a connection was brought up to date.",
		func(r *reading) *atomic.Int64 { return &r.Sessions.CatchUps }),
	counter("connections", "heartbeats_missed", "plenum_heartbeats_missed_total", "Heartbeats that found a connection silent for too long.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Missed }),
}

var sessionRows = []Metric{
	gauge("sessions", "active", "plenum_sessions", "Sessions with a connection. Each is counted by one replica, so the sum over all replicas is the fleet's.", Sum,
		func(r *reading) float64 { return float64(r.census.Sessions) }),
	gauge("sessions", "pools", "plenum_pools", "Sessions that this replica subscribes to. One that is spread over several replicas is counted by each.", Sum,
		func(r *reading) float64 { return float64(r.census.Pools) }),
	labelled(Gauge, "sessions", "members", "plenum_members", "Members of the sessions that this replica counts, by status.", "status",
		[]string{"online", "reconnecting", "offline"},
		func(r *reading) []float64 {
			return []float64{float64(r.census.Online), float64(r.census.Away), float64(r.census.Offline)}
		}),
	labelled(Counter, "sessions", "joins", "plenum_joins_total",
		"Joins by outcome: a new seat, a seat that came back (return: with a snapshot as it asked; resume: after a lost connection), or refused.",
		"outcome", []string{"new", "return", "resume", "refused"},
		func(r *reading) []float64 {
			s := r.Sessions
			return []float64{float64(s.Joins.Load()), float64(s.Returns.Load()), float64(s.Resumes.Load() + s.Snapshots.Load()), float64(s.Refused.Load())}
		}),
	labelled(Counter, "sessions", "resumes", "plenum_resumes_total",
		"Seats that came back and asked for what they had missed, by outcome: they got exactly that, or a snapshot instead, or were refused.",
		"outcome", []string{"replay", "snapshot", "refused"},
		func(r *reading) []float64 {
			s := r.Sessions
			return []float64{float64(s.Resumes.Load()), float64(s.Snapshots.Load()), float64(s.Denied.Load())}
		}),
	counter("sessions", "resets", "plenum_session_resets_total", "Times that the members of a session here were given the state anew because the log had lost its past.",
		func(r *reading) *atomic.Int64 { return &r.Sessions.Resets }),
}

var messageRows = []Metric{
	counter("messages", "received", "plenum_messages_received_total", "Messages from clients.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Messages }),
	counter("messages", "bytes", "plenum_messages_received_bytes_total", "Bytes of them, each message in steps of 64.",
		func(r *reading) *atomic.Int64 { return &r.Connections.Received }),
	labelled(Counter, "messages", "requests", "plenum_requests_total", "Requests that were passed on to the log, by type.", "type",
		[]string{"publish", "ephemeral", "command"},
		func(r *reading) []float64 {
			s := r.Sessions
			return []float64{float64(s.Publishes.Load()), float64(s.Passing.Load()), float64(s.Commands.Load())}
		}),
	counter("messages", "repeated", "plenum_requests_repeated_total", "Requests that had taken effect before and were sent again.",
		func(r *reading) *atomic.Int64 { return &r.Sessions.Repeats }),
	labelled(Counter, "messages", "errors", "plenum_message_errors_total",
		"Messages that were answered with an error, by cause: they were invalid, they came past the rate, or the session refused them.",
		"cause", []string{"invalid", "too_fast", "refused"},
		func(r *reading) []float64 {
			c := r.Connections
			return []float64{float64(c.Errors.Load()), float64(c.SlowDown.Load()), float64(r.Sessions.Rejected.Load())}
		}),
}

var latencyRows = []Metric{
	histogram("publish", "plenum_publish_latency_seconds",
		"From the moment when a durable publish or command was read to the moment when its frame was written to the sockets of the members here. "+
			"The replica that took it measures it, with one clock: append, pub/sub, and the wait for the frame are in it, the network to the members is not. "+
			"One request, drawn at random, stands for all whose events leave together.",
		func(r *reading) *timer { return &r.publish }),
	histogram("append", "plenum_log_append_seconds", "One append to the log, answer included.",
		func(r *reading) *timer { return &r.append }),
	histogram("round_trip", "plenum_heartbeat_round_trip_seconds", "From a heartbeat to its client's answer: the quality of connections. To the millisecond.",
		func(r *reading) *timer { return &r.roundTrip }),
	histogram("redis_ping", "plenum_redis_ping_seconds", "From a PING to Redis's answer, every 2 s.",
		func(r *reading) *timer { return &r.ping }),
}

var frameRows = []Metric{
	counter("frames", "encoded", "plenum_frames_total", "Frames that were encoded, each once for all members of a session here.",
		func(r *reading) *atomic.Int64 { return &r.Log.Frames }),
	counter("frames", "events", "plenum_frame_events_total", "Events in them.",
		func(r *reading) *atomic.Int64 { return &r.Log.FrameEvents }),
	counter("frames", "bytes", "plenum_frame_bytes_total", "Bytes of them, before compression.",
		func(r *reading) *atomic.Int64 { return &r.Log.FrameBytes }),
	counter("frames", "deliveries", "plenum_frame_deliveries_total", "Frames that were handed to connections.",
		func(r *reading) *atomic.Int64 { return &r.Log.Deliveries }),
	counter("frames", "event_deliveries", "plenum_event_deliveries_total", "Events that were handed to connections.",
		func(r *reading) *atomic.Int64 { return &r.Log.EventDeliveries }),
	counter("frames", "compressed", "plenum_compressions_total", "Frames that were compressed, each once.",
		func(r *reading) *atomic.Int64 { return &r.Log.Compressions }),
	counter("frames", "compress_failures", "plenum_compression_failures_total", "Frames that could not be compressed and were sent plain.",
		func(r *reading) *atomic.Int64 { return &r.Log.CompressFailures }),
	counter("frames", "compress_saved", "plenum_compression_saved_bytes_total", "Bytes by which compressed frames are smaller, once for each frame.",
		func(r *reading) *atomic.Int64 { return &r.Log.CompressSaved }),
}
