package stats

import "sync/atomic"

var logRows = []Metric{
	counter("log", "appends", "plenum_log_appends_total", "Appends that were sent to the log.",
		func(r *reading) *atomic.Int64 { return &r.Log.Appends }),
	counter("log", "append_requests", "plenum_log_append_requests_total", "Requests in them.",
		func(r *reading) *atomic.Int64 { return &r.Log.AppendItems }),
	counter("log", "append_conflicts", "plenum_log_append_conflicts_total", "Appends that another replica was quicker than, and that were decided again.",
		func(r *reading) *atomic.Int64 { return &r.Log.AppendConflicts }),
	counter("log", "append_repeats", "plenum_log_append_repeats_total", "Requests that the log had taken before.",
		func(r *reading) *atomic.Int64 { return &r.Log.AppendRepeats }),
	counter("log", "errors", "plenum_log_errors_total", "Appends and reads that failed, or whose outcome was unknown for a while.",
		func(r *reading) *atomic.Int64 { return &r.Log.AppendErrors }),
	counter("log", "reads", "plenum_log_reads_total", "Reads of a session, for joins, resumes and lists.",
		func(r *reading) *atomic.Int64 { return &r.Log.Reads }),
	counter("log", "reads_shared", "plenum_log_reads_shared_total", "Askers who shared a read with another one.",
		func(r *reading) *atomic.Int64 { return &r.Log.ReadsShared }),
	counter("log", "batches", "plenum_log_batches_total", "Batches that were heard from the log.",
		func(r *reading) *atomic.Int64 { return &r.Log.Batches }),
	counter("log", "batch_repeats", "plenum_log_batch_repeats_total", "Batches that were known already, at least in part.",
		func(r *reading) *atomic.Int64 { return &r.Log.Repeats }),
	counter("log", "malformed", "plenum_log_malformed_total", "Batches that could not be read.",
		func(r *reading) *atomic.Int64 { return &r.Log.Malformed }),
	counter("log", "holes", "plenum_log_holes_total", "Times that something was missing in what was heard.",
		func(r *reading) *atomic.Int64 { return &r.Log.Holes }),
	counter("log", "repairs", "plenum_log_repairs_total", "Holes that were read from the log and filled.",
		func(r *reading) *atomic.Int64 { return &r.Log.Repairs }),
	counter("log", "unhealed", "plenum_log_unhealed_total", "Holes older than the history: members got a snapshot.",
		func(r *reading) *atomic.Int64 { return &r.Log.Unhealed }),
	counter("log", "resets", "plenum_log_resets_total", "Sessions whose log had lost its past: members got a snapshot.",
		func(r *reading) *atomic.Int64 { return &r.Log.Resets }),
	counter("log", "subscriptions", "plenum_log_subscriptions_total", "Sessions that were subscribed to.",
		func(r *reading) *atomic.Int64 { return &r.Log.Subscriptions }),
	counter("log", "resubscriptions", "plenum_log_resubscriptions_total", "Times that subscriptions were lost for a while and came back.",
		func(r *reading) *atomic.Int64 { return &r.Log.Resubscriptions }),
	counter("log", "checks", "plenum_log_checks_total", "Quiet sessions whose head was compared with the log's.",
		func(r *reading) *atomic.Int64 { return &r.Log.SweepChecks }),
}

// rising makes a counter of what something else has counted.
func rising(m Metric) Metric {
	m.Kind = Counter
	return m
}

var processRows = []Metric{
	gauge("process", "start_time", "plenum_start_time_seconds", "When the process began, in seconds since 1970.", Apart,
		func(r *reading) float64 { return r.started }),
	gauge("process", "draining", "plenum_draining", "1 while the replica takes nobody in: it drains, or has drained.", Sum,
		func(r *reading) float64 { return one(r.Draining()) }),
	gauge("process", "memory", "plenum_memory_bytes", "Memory of the process (resident).", Sum,
		func(r *reading) float64 { return r.host.memory }),
	gauge("process", "memory_limit", "plenum_memory_limit_bytes", "Memory that it may have: of its control group, or of the machine.", Sum,
		func(r *reading) float64 { return r.host.memoryLimit }),
	rising(gauge("process", "cpu", "plenum_cpu_seconds_total", "Processor time that the process has used.", Sum,
		func(r *reading) float64 { return r.host.cpu })),
	gauge("process", "cores", "plenum_cpu_cores", "Processor cores that it may use at once (GOMAXPROCS).", Sum,
		func(r *reading) float64 { return r.host.cores }),
	gauge("process", "goroutines", "plenum_goroutines", "Goroutines.", Sum,
		func(r *reading) float64 { return r.host.goroutines }),
	gauge("process", "descriptors", "plenum_file_descriptors", "Open files and sockets.", Sum,
		func(r *reading) float64 { return r.host.descriptors }),
	gauge("process", "descriptors_limit", "plenum_file_descriptors_limit", "Files and sockets that may be open.", Sum,
		func(r *reading) float64 { return r.host.descriptorsLimit }),
	rising(gauge("process", "network_received", "plenum_network_received_bytes_total", "Bytes that the machine, or the container, has received, without its loopback.", Apart,
		func(r *reading) float64 { return r.host.received })),
	rising(gauge("process", "network_sent", "plenum_network_sent_bytes_total", "Bytes that it has sent.", Apart,
		func(r *reading) float64 { return r.host.sent })),
}

var redisRows = []Metric{
	gauge("redis", "up", "plenum_redis_up", "1 if Redis answered the last PING; with the embedded log always 1.", Lowest,
		func(r *reading) float64 { return one(!r.StoreAway()) }),
	gauge("redis", "memory", "plenum_redis_memory_bytes", "Memory of Redis; in a Cluster of all its masters. 0 with the embedded log.", Highest,
		func(r *reading) float64 { return r.store.Memory }),
	gauge("redis", "memory_limit", "plenum_redis_memory_limit_bytes", "Memory that Redis may have: maxmemory, or the machine's.", Highest,
		func(r *reading) float64 { return r.store.Limit }),
	gauge("redis", "memory_share", "plenum_redis_memory_ratio", "The former by the latter; in a Cluster of the master that is fullest. From 0 to 1.", Highest,
		func(r *reading) float64 { return r.store.Share }),
	{Group: "redis", Key: "replicas", Name: "plenum_replicas", Kind: Gauge, Merge: Highest,
		Help:  "Replicas as their leases tell: alive, or lost within the last 10 min and not back under their name. 1 and 0 with the embedded log.",
		Label: "state", Values: []string{"alive", "lost"},
		numbers: func(r *reading) []float64 { return []float64{r.alive, r.lost} }},
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
