package connection

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// outcome is what a client hears that is closed for what it did.
func (p *peer) outcome(r *rig, code wire.Code, with wire.CloseCode, reason Reason) {
	p.t.Helper()
	text := p.closed(with)
	if got := p.codes(); len(got) == 0 || got[len(got)-1] != code {
		p.t.Errorf("errors %v; want %s before the close", got, code)
	}
	if !strings.Contains(text, string(code)) {
		p.t.Errorf("close reason %q; want the code %s in it", text, code)
	}
	synctest.Wait()
	r.ended(reason, 1)
}

func TestJoinTimeout(t *testing.T) {
	for name, do := range map[string]func(p *peer){
		"silence": func(*peer) {},
		"messages of the future": func(p *peer) {
			for range 9 {
				p.say(`{"type":"of.the.future"}`)
				time.Sleep(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				began := time.Now()
				p := r.dial("s", nil)
				do(p)
				p.outcome(r, wire.CodeJoinTimeout, wire.CloseJoinRefused, ReasonJoinRefused)
				if took := time.Since(began).Round(time.Millisecond); took != 10*time.Second {
					r.Errorf("closed after %v", took)
				}
			})
		})
	}
}

// The join came, but the store takes too long: that is not the client's fault,
// and it is to come back.
func TestJoinAtASlowStore(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.log.slow(time.Minute)
		p := r.dial("s", nil)
		time.Sleep(9 * time.Second)
		p.say(`{"type":"join","client":"c","name":"n"}`)
		p.outcome(r, wire.CodeUnavailable, wire.CloseStoreAway, ReasonStore)
		if e := p.all(wire.TypeError)[0].Error; !e.Retry || e.After < 5*time.Second {
			r.Errorf("error %+v", e)
		}
		r.log.slow(0)
		time.Sleep(2 * time.Minute)
	})
}

func TestFirstMessage(t *testing.T) {
	for _, c := range []struct {
		message string
		code    wire.Code
		with    wire.CloseCode
		reason  Reason
	}{
		{`{"type":"publish","ref":1,"event":"e"}`, wire.CodeJoinRequired, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"publish"}`, wire.CodeJoinRequired, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"command","ref":1,"command":"c"}`, wire.CodeJoinRequired, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"heartbeat"}`, wire.CodeJoinRequired, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"leave"}`, wire.CodeJoinRequired, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"join"}`, wire.CodeBadClient, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"join","client":"c"}`, wire.CodeBadName, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"join","client":"c","name":" "}`, wire.CodeBadName, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"join","client":"c","seat":"forged"}`, wire.CodeSeatUnknown, wire.CloseJoinRefused, ReasonJoinRefused},
		{`{"type":"join","client":7,"name":"n"}`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{`{"type":"join","client":"c","name":"n","since":{}}`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{``, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{`hello`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{`[]`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{`{"type":"join"`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{`{}`, wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{"{\"type\":\"join\",\"client\":\"\xff\",\"name\":\"n\"}", wire.CodeMalformed, wire.CloseMalformed, ReasonMalformed},
		{strings.Repeat("x", 65537), wire.CodeTooBig, wire.CloseTooBig, ReasonTooBig},
	} {
		t.Run(fmt.Sprintf("%.40q", c.message), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				p := r.dial("s", nil)
				p.say(c.message)
				p.outcome(r, c.code, c.with, c.reason)
				if got := p.all(wire.TypeWelcome); len(got) != 0 {
					r.Errorf("welcomed: %+v", got)
				}
			})
		})
	}
}

// What is wrong with a message of a member closes, or is answered, and never
// troubles another member.
func TestBadMessages(t *testing.T) {
	for _, c := range []struct {
		message string
		binary  bool
		code    wire.Code
		with    wire.CloseCode // 0: the connection stays
		reason  Reason
	}{
		{message: "\x00\x01\x02rubbish", binary: true, code: wire.CodeMalformed, with: wire.CloseMalformed, reason: ReasonMalformed},
		{message: `{"type":"heartbeat"}`, binary: true, code: wire.CodeMalformed, with: wire.CloseMalformed, reason: ReasonMalformed},
		{message: "\xff\xfe", code: wire.CodeMalformed, with: wire.CloseMalformed, reason: ReasonMalformed},
		{message: `{"type":"publish","ref":-1,"event":"e"}`, code: wire.CodeMalformed, with: wire.CloseMalformed, reason: ReasonMalformed},
		{message: strings.Repeat(" ", 65537), code: wire.CodeTooBig, with: wire.CloseTooBig, reason: ReasonTooBig},
		{message: strings.Repeat(" ", 1<<20), code: wire.CodeTooBig, with: wire.CloseTooBig, reason: ReasonTooBig},
		{message: `{"type":"publish","ref":1,"event":"BAD"}`, code: wire.CodeBadEvent},
		{message: `{"type":"publish","event":"e"}`, code: wire.CodeRefRequired},
		{message: `{"type":"command","command":"c"}`, code: wire.CodeRefRequired},
		{message: `{"type":"command","ref":1,"command":"c"}`, code: wire.CodeUnknownCommand},
		{message: `{"type":"join","client":"c","name":"n"}`, code: wire.CodeAlreadyJoined},
		{message: `{"type":"of.the.future","x":1}`},
		{message: `{"type":"welcome"}`},
	} {
		t.Run(fmt.Sprintf("%.40q", c.message), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				other, p := r.dial("s", nil), r.dial("s", nil)
				other.join("")
				p.join("")
				typ := websocket.MessageText
				if c.binary {
					typ = websocket.MessageBinary
				}
				if err := p.Write(context.Background(), typ, []byte(c.message)); err != nil {
					r.Fatal(err)
				}
				if c.with != 0 {
					p.outcome(r, c.code, c.with, c.reason)
				} else {
					p.say(`{"type":"publish","ref":2,"event":"after"}`)
					time.Sleep(time.Second)
					p.isOpen()
					if got := p.codes(); c.code == "" && len(got) != 0 || c.code != "" && (len(got) != 1 || got[0] != c.code) {
						r.Errorf("errors %v; want %s", got, c.code)
					}
					if len(other.events("after")) != 1 {
						r.Error("the next message did not count")
					}
				}
				other.say(`{"type":"publish","ref":1,"event":"other"}`)
				time.Sleep(time.Second)
				other.isOpen()
				if len(other.events("other")) != 1 {
					r.Error("another member is troubled")
				}
			})
		})
	}
}

// A message of just the limit is taken, in one piece or in many.
func TestMessageOfTheLimit(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		head, tail := `{"type":"publish","ref":1,"event":"e","data":"`, `"}`
		message := head + strings.Repeat("x", 65536-len(head)-len(tail)) + tail
		p.say(message)
		w, err := p.Writer(context.Background(), websocket.MessageText)
		if err != nil {
			r.Fatal(err)
		}
		for part := range strings.SplitSeq(strings.Replace(message, `"ref":1`, `"ref":2`, 1), "xxxxxxxxxxxxxxxx") {
			w.Write([]byte(part))
		}
		if err := w.Close(); err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := p.events("e"); len(got) != 2 || len(got[0].Data) < 65000 {
			r.Errorf("%d events", len(got))
		}
		p.isOpen()
	})
}

// A message past the limit that comes in pieces without an end.
func TestEndlessMessage(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		w, err := p.Writer(context.Background(), websocket.MessageText)
		if err != nil {
			r.Fatal(err)
		}
		for err == nil {
			_, err = w.Write(make([]byte, 4096))
		}
		p.outcome(r, wire.CodeTooBig, wire.CloseTooBig, ReasonTooBig)
	})
}

func TestLeaveClosesNormally(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		p.say(`{"type":"leave"}`)
		p.closed(wire.CloseNormal)
		synctest.Wait()
		r.ended(ReasonLeft, 1)
		p = r.dial("s", nil)
		p.join("")
		p.Close(websocket.StatusNormalClosure, "")
		synctest.Wait()
		r.ended(ReasonClient, 1)
		p = r.dial("s", nil)
		p.join("")
		p.CloseNow()
		synctest.Wait()
		r.ended(ReasonLost, 1)
	})
}

// A mistake of ours is no reason to fall over: the client comes back.
func TestEndWithoutACloseCode(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		r.one().End(&wire.Error{Code: wire.CodeInternal, Message: "m"})
		p.outcome(r, wire.CodeInternal, wire.CloseInternal, ReasonInternal)
	})
}
