package fanout

import (
	"sync/atomic"

	"github.com/plenum-gateway/plenum/fanout/latency"
)

// Stats counts what a hub did since it was made. All fields only rise.
type Stats struct {
	Frames           atomic.Int64 // encoded
	FrameEvents      atomic.Int64 // events in them
	FrameBytes       atomic.Int64 // of them, before compression
	Deliveries       atomic.Int64 // frames handed to subscribers
	EventDeliveries  atomic.Int64 // events in those
	Compressions     atomic.Int64
	CompressFailures atomic.Int64
	CompressSaved    atomic.Int64 // bytes, once per frame

	Batches   atomic.Int64 // heard from the log
	Repeats   atomic.Int64 // batches, or parts of them, that were known already
	Holes     atomic.Int64 // times something was missing
	Repairs   atomic.Int64 // reads that filled a hole
	Unhealed  atomic.Int64 // holes older than the history
	Resets    atomic.Int64 // changes of an epoch
	Malformed atomic.Int64 // batches that could not be read

	Appends         atomic.Int64      // sent to the log
	AppendItems     atomic.Int64      // requests in them
	AppendConflicts atomic.Int64      // decided again on a newer state
	AppendRepeats   atomic.Int64      // requests taken before
	AppendErrors    atomic.Int64      // appends that failed or whose outcome stayed unknown for a while
	AppendTime      latency.Histogram // of one call of the log
	Reads           atomic.Int64
	ReadsShared     atomic.Int64 // askers that shared another one's read

	Subscriptions   atomic.Int64
	Resubscriptions atomic.Int64
	SweepChecks     atomic.Int64

	// Publish is the time from the proposal of a durable event on this hub to the
	// moment when its frame was handed to the subscribers here; see timing.go.
	Publish latency.Histogram
}
