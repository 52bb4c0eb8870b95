package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/gateway/apidoc/apidoctest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// listener is a client that keeps every message as it came.
type listener struct {
	testing.TB
	*websocket.Conn
	heard [][]byte
}

func listen(t testing.TB, g *gateway, session, join string) *listener {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+g.Addr+"/api/websocket?session="+session, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	l := &listener{TB: t, Conn: conn}
	l.say(join)
	l.until("welcome")
	return l
}

func (l *listener) say(text string) {
	l.Helper()
	if err := l.Write(l.Context(), websocket.MessageText, []byte(text)); err != nil {
		l.Fatal(err)
	}
}

// until reads up to a message of a type.
func (l *listener) until(typ string) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), patience)
	defer cancel()
	for {
		_, text, err := l.Read(ctx)
		if err != nil {
			l.Fatalf("waiting for a %s: %v", typ, err)
		}
		l.heard = append(l.heard, text)
		var m struct{ Type string }
		if json.Unmarshal(text, &m) == nil && m.Type == typ {
			return
		}
	}
}

// you is what the welcome said.
func (l *listener) you() wire.You {
	var w wire.Welcome
	for _, text := range l.heard {
		if json.Unmarshal(text, &w) == nil && w.Type == wire.TypeWelcome {
			return w.You
		}
	}
	return wire.You{}
}

func (l *listener) member() string { return l.you().Member }
func (l *listener) seat() string   { return l.you().Seat }

// event reads up to an event of a member.
func (l *listener) event(name, from string) {
	l.Helper()
	for {
		l.until("frame")
		var f wire.Frame
		if err := json.Unmarshal(l.heard[len(l.heard)-1], &f); err != nil {
			l.Fatal(err)
		}
		if slices.ContainsFunc(f.Events, func(e wire.Event) bool { return e.Event == name && e.From == from }) {
			return
		}
	}
}

// What a running gateway says over the WebSocket is what the AsyncAPI document
// describes.
func TestTheWebSocketIsAsDocumented(t *testing.T) {
	t.Parallel()
	messages, err := apidoctest.NewMessages()
	if err != nil {
		t.Fatal(err)
	}
	g := startGateway(t, "PLENUM_HEARTBEAT_INTERVAL=1s", "PLENUM_HEARTBEAT_TIMEOUT=10m", "PLENUM_SESSION_KIND=document")
	ada := listen(t, g, "s", `{"type":"join","client":"a","name":"Ada"}`)
	bob := listen(t, g, "s", `{"type":"join","client":"b","name":"Bob"}`)
	ada.until("heartbeat")
	for ref, say := range []string{
		`{"type":"publish","ref":%d,"event":"chat.message","data":{"text":"hi"}}`,
		`{"type":"command","ref":%d,"command":"patch","data":{"a":1}}`,
		`{"type":"command","ref":%d,"command":"set_name","data":{"name":"Ada L."}}`,
	} {
		ada.say(fmt.Sprintf(say, ref+1))
		ada.until("frame")
	}
	ada.say(`{"type":"publish","event":"cursor","key":"c","data":[1,2],"ephemeral":true}`)
	bob.until("frame")
	ada.say(`{"type":"publish","ref":1,"event":"chat.message"}`)
	ada.until("ack")
	ada.say(`{"type":"command","ref":9,"command":"nothing"}`)
	ada.until("error")
	ada.say(`{"type":"publish","ref":10,"event":"UPPER"}`)
	ada.until("error")
	g.Term()
	bob.until("drain")

	seen := make(map[string]int)
	for _, text := range slices.Concat(ada.heard, bob.heard) {
		known, err := messages.FromServer(text)
		if !known || err != nil {
			t.Errorf("known %t: %v: %s", known, err, text)
		}
		var m struct{ Type string }
		if json.Unmarshal(text, &m) == nil {
			seen[m.Type]++
		}
	}
	want := []string{"ack", "drain", "error", "frame", "heartbeat", "welcome"} // state and private: the vectors
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("heard were %v; want %v", got, want)
	}
}
