package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/client"
)

// publish makes requests at the rate of the run.
func (l *life) publish(publishing, running context.Context) {
	defer close(l.silent)
	for l.pause(publishing) && running.Err() == nil {
		var err error
		switch n := l.rand.IntN(100); {
		case n < 4:
			err = l.rename(running)
		case n < 9:
			err = l.client.PublishEphemeral("cursor", "cursor", n)
		case l.session.kind == "document" && n < 70:
			data := patch(l.rand, l.number)
			err = l.command(running, "patch", data, "document.patched", data)
		default:
			l.texts++
			err = l.note("note", text(l.rand, l.texts, l.run.large.Load() > 0))
		}
		if errors.Is(err, client.ErrClosed) {
			return
		}
	}
}

// pause waits for the time of the next request: sooner while large ones are
// wanted. It reports false if there is to be none.
func (l *life) pause(publishing context.Context) bool {
	wait := min(4, l.rand.ExpFloat64()) / l.session.rate
	if l.run.large.Load() > 0 {
		wait /= 3
	}
	return sleep(publishing, time.Duration(wait*float64(time.Second)))
}

// note publishes.
func (l *life) note(event string, data []byte) error {
	at := l.run.history.Now()
	ref, err := l.client.Publish(event, json.RawMessage(data))
	if err == nil {
		l.ref = ref
		l.record.Sent(at, ref, event, data)
	}
	return err
}

// rename gives the member another name.
func (l *life) rename(ctx context.Context) error {
	l.texts++
	name := fmt.Sprintf("%s %d %x", l.name, l.texts, l.rand.Uint32())
	return l.command(ctx, "set_name", fmt.Appendf(nil, `{"name":%q}`, name), "member.changed", nil)
}

// command sends a command and waits until it is settled. The client does not
// say which ref it got; but requests are made one after the other here, and each
// that is kept gets the next one.
func (l *life) command(ctx context.Context, name string, data []byte, event string, led []byte) error {
	at := l.run.history.Now()
	_, err := l.client.Command(ctx, name, json.RawMessage(data))
	if errors.Is(err, client.ErrFull) || errors.Is(err, client.ErrTooBig) {
		return err
	}
	l.ref++
	l.record.Sent(at, l.ref, event, led)
	if errors.Is(err, client.ErrClosed) {
		l.record.Settled(l.ref, history.Unknown, 0) // or it was not even kept
	}
	return err
}

// finish publishes the last event, and returns where it stands. It waits until
// publish has ended.
func (m *member) finish(ctx context.Context) (epoch string, offset uint64, err error) {
	l := m.current()
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	select {
	case <-l.silent:
	case <-ctx.Done():
		return "", 0, fmt.Errorf("%s has a request that is not settled", m.name)
	}
	data := []byte(`"the end"`)
	at := l.run.history.Now()
	offset, err = l.client.PublishWait(ctx, "end", json.RawMessage(data))
	if !errors.Is(err, client.ErrClosed) && !errors.Is(err, client.ErrFull) {
		l.ref++
		l.record.Sent(at, l.ref, "end", data)
	}
	if err == nil && offset == 0 {
		err = errors.New("the gateway did not say where")
	}
	return l.client.Position().Epoch, offset, err
}

// text returns the data of a note, with nothing in it that JSON escapes. Large
// ones do not get much smaller by compression.
func text(r *rand.Rand, n int, large bool) []byte {
	if large && r.IntN(2) == 0 {
		noise := make([]byte, 3000+r.IntN(10_000))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return fmt.Appendf(nil, `{"n":%d,"text":"%x"}`, n, noise)
	}
	size := 10 + r.IntN(200)
	if r.IntN(100) == 0 {
		size = 2000 + r.IntN(10_000)
	}
	return fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, n, strings.Repeat(string('a'+rune(r.IntN(26))), size))
}

// patch returns a JSON merge patch. Members change what they share, and what is
// theirs.
func patch(r *rand.Rand, member int) []byte {
	switch r.IntN(5) {
	case 0:
		return fmt.Appendf(nil, `{"shared":{"k%d":%d}}`, r.IntN(10), r.IntN(1000))
	case 1:
		return fmt.Appendf(nil, `{"shared":{"k%d":null}}`, r.IntN(10))
	case 2:
		return fmt.Appendf(nil, `{"by":{"m%d":null}}`, member)
	case 3:
		return fmt.Appendf(nil, `{"title":"title %d","tags":[%d,{"deep":null}]}`, r.IntN(100), r.IntN(100))
	}
	return fmt.Appendf(nil, `{"by":{"m%d":{"n":%d,"of":{"k%d":"v"}}}}`, member, r.IntN(1000), r.IntN(3))
}
