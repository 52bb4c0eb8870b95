package connection

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A server's WebSocket frames are not masked (RFC 6455, section 5.1), so one
// frame, header and all, serves every connection. These are whole messages in
// one frame each.
const (
	finText   = 0x81
	finBinary = 0x82
	maxHeader = 10
)

// appendHeader appends the header of an unmasked frame (RFC 6455, section 5.2).
func appendHeader(dst []byte, first byte, size int) []byte {
	switch {
	case size < 126:
		return append(dst, first, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(size))
}

// headerSize is the length of the header of a frame that begins with these bytes.
func headerSize(frame []byte) int {
	switch frame[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// text returns a message as a text frame.
func text(message []byte) []byte {
	return append(appendHeader(make([]byte, 0, len(message)+maxHeader), finText, len(message)), message...)
}

// Codec makes frames of the protocol. It implements fanout.Codec.
type Codec struct{}

// Encode implements fanout.Codec. It allocates once.
func (Codec) Encode(events []fanout.Event) []byte {
	at := func(i int) (uint64, []byte) { return events[i].Offset, events[i].Body }
	size := wire.FrameSize(len(events), at)
	return wire.AppendFrame(appendHeader(make([]byte, 0, size+maxHeader), finText, size), len(events), at)
}

// packer is a gzip writer with its output.
type packer struct {
	out bytes.Buffer
	zip *gzip.Writer
}

var packers = sync.Pool{New: func() any {
	p := new(packer)
	p.zip, _ = gzip.NewWriterLevel(&p.out, gzip.BestSpeed)
	return p
}}

// Compress implements fanout.Codec.
func (Codec) Compress(frame []byte) ([]byte, error) {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.out.Reset()
	p.zip.Reset(&p.out)
	if _, err := p.zip.Write(frame[headerSize(frame):]); err != nil {
		return nil, err
	}
	if err := p.zip.Close(); err != nil {
		return nil, err
	}
	packed := appendHeader(make([]byte, 0, p.out.Len()+maxHeader), finBinary, p.out.Len())
	return append(packed, p.out.Bytes()...), nil
}

// Message is the message in a frame that [Codec.Encode] has made.
func Message(frame []byte) []byte { return frame[headerSize(frame):] }
