package loadtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// payloads makes what members send, and reads from what they are given when it
// was due. The mark names the run, so that what others say in the same session
// is not measured.
type payloads struct {
	mark  []byte // what stands before the moment
	noise []byte // text that no compressor makes much smaller
	size  Size
	kind  Kind
}

func newPayloads(run string, o *Options) *payloads {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	p := &payloads{mark: fmt.Appendf(nil, `"run":%q,"at":`, run), noise: make([]byte, o.Size.Most+1<<10), size: o.Size, kind: o.Kind}
	for i := range p.noise {
		p.noise[i] = letters[rand.IntN(len(letters))]
	}
	return p
}

// random is a source of random numbers.
type random interface{ IntN(n int) int }

// next returns the data of a member's message that is due at a moment.
func (p *payloads) next(member int, due time.Duration, r random) []byte {
	size := p.size.Least + r.IntN(p.size.Most-p.size.Least+1)
	data := make([]byte, 0, size)
	if p.kind == Document {
		data = append(strconv.AppendInt(append(data, `{"m`...), int64(member), 10), `":`...)
	}
	data = append(append(data, '{'), p.mark...)
	data = append(strconv.AppendInt(data, due.Microseconds(), 10), `,"pad":"`...)
	end := `"}`
	if p.kind == Document {
		end = `"}}`
	}
	pad := max(0, size-len(data)-len(end))
	at := r.IntN(len(p.noise) - pad)
	return append(append(data, p.noise[at:at+pad]...), end...)
}

// due reads when a message was due; false if it is none of this run.
func (p *payloads) due(data []byte) (time.Duration, bool) {
	const front = 64 // the mark begins before that
	at := bytes.Index(data[:min(len(data), front)], p.mark)
	if at < 0 {
		return 0, false
	}
	micros := int64(0)
	for _, c := range data[at+len(p.mark):] {
		if c < '0' || c > '9' {
			break
		}
		micros = micros*10 + int64(c-'0')
	}
	return time.Duration(micros) * time.Microsecond, true
}
