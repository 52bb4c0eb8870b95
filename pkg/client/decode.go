package client

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"sync"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Buffers and inflaters are shared by all clients: between two messages a
// client holds none.
var (
	buffers   = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	inflaters = sync.Pool{New: func() any { return new(gzip.Reader) }} // 40 KiB each once used
)

func putBuffer(buf *bytes.Buffer) {
	const most = 64 << 10 // what one large snapshot needed is not kept
	if buf.Cap() <= most {
		buf.Reset()
		buffers.Put(buf)
	}
}

// decode reads a message: text, or a binary message that is a gzip stream of
// one, of at most limit bytes. Nothing of data is kept.
func decode(typ websocket.MessageType, data []byte, limit int64) (m wire.ServerMessage, err error) {
	if typ == websocket.MessageBinary {
		buf := buffers.Get().(*bytes.Buffer)
		defer putBuffer(buf)
		if err := inflate(buf, data, limit); err != nil {
			return m, fmt.Errorf("%w: a binary message: %w", ErrProtocol, err)
		}
		data = buf.Bytes()
	}
	// The events that come out keep their bytes, so these are a copy of just the right size.
	if m, err = wire.DecodeServer(bytes.Clone(data)); err != nil {
		return m, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return m, nil
}

func inflate(buf *bytes.Buffer, data []byte, limit int64) error {
	z := inflaters.Get().(*gzip.Reader)
	defer inflaters.Put(z)
	if err := z.Reset(bytes.NewReader(data)); err != nil {
		return err
	}
	n, err := buf.ReadFrom(io.LimitReader(z, limit+1))
	if err == nil && n > limit {
		return fmt.Errorf("it is longer than %d bytes", limit)
	}
	return err
}
