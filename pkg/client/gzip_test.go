package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/client"
)

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func (p *peer) binary(data []byte) {
	p.t.Helper()
	if err := p.Write(context.Background(), websocket.MessageBinary, data); err != nil {
		p.t.Fatal(err)
	}
}

func frameOf(offset int, data string) string {
	return fmt.Sprintf(`{"type":"frame","events":[{"offset":%d,"at":1,"event":"e","data":"%s"}]}`, offset, data)
}

func TestGzip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.Gzip = true })
		p := f.join()
		p.welcome(0)
		for i := range 10 {
			p.binary(zip(t, frameOf(2*i+1, strings.Repeat("x", 1+i*10000))))
			p.frame(uint64(2*i + 2))
		}
		if got := s.heard("events"); len(got) != 20 || got[19] != "events 20" {
			t.Errorf("told %q", got)
		}
	})
}

// What a few bytes inflate to is bounded, and what is no gzip stream refused.
func TestBadGzip(t *testing.T) {
	good := zip(t, frameOf(1, "x"))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"a bomb":       {zip(t, frameOf(1, strings.Repeat("x", 1<<20))), "it is longer than 65536 bytes"},
		"plain text":   {[]byte(frameOf(1, "x")), "gzip: invalid header"},
		"nothing":      {nil, "EOF"},
		"cut short":    {good[:len(good)-5], "unexpected EOF"},
		"bad checksum": {append(bytes.Clone(good[:len(good)-8]), 1, 2, 3, 4, 5, 6, 7, 8), "gzip: invalid checksum"},
		"a rest":       {append(bytes.Clone(good), "rest"...), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := start(t, f, func(o *client.Options) { o.Gzip, o.MaxMessage = true, 64<<10 })
				p := f.join()
				p.welcome(0)
				p.binary(c.data)
				p = f.join()
				p.welcome(0, resumed)
				p.binary(zip(t, frameOf(1, "x")))
				s.hears("error events", "error plenum client: protocol violation: a binary message: "+c.want, "events 1")
			})
		})
	}
}

func TestMessageLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.MaxMessage = 64 << 10 })
		p := f.join()
		p.welcome(0)
		p.Write(context.Background(), websocket.MessageText, []byte(frameOf(1, strings.Repeat("x", 64<<10))))
		p = f.join()
		p.welcome(0, resumed)
		p.Send(frameOf(1, strings.Repeat("x", 63<<10)))
		s.hears("events reconnecting", "reconnecting", "events 1")
	})
}
