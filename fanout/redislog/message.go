package redislog

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/plenum-gateway/plenum/fanout"
)

// deliver parses "epoch first offset revision\nrecords" and hands it over.
func deliver(r fanout.Receiver, session, message string) {
	header, records, ok := strings.Cut(message, "\n")
	var b fanout.Batch
	var numbers [3]uint64
	b.Epoch, header, _ = strings.Cut(header, " ")
	for i := range numbers {
		var number string
		number, header, _ = strings.Cut(header, " ")
		n, err := strconv.ParseUint(number, 10, 64)
		ok = ok && err == nil
		numbers[i] = n
	}
	if !ok {
		return // not ours: somebody else publishes to our channel
	}
	b.First, b.Offset, b.Rev = numbers[0], numbers[1], numbers[2]
	if len(records) > 0 {
		b.Records = unsafe.Slice(unsafe.StringData(records), len(records)) // both sides never change it
	}
	r.Deliver(session, b)
}
