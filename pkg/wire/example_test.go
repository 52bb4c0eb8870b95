package wire_test

import (
	"errors"
	"fmt"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The two sides of one publish: what the client writes, and what it gets back.
func Example() {
	sent := wire.AppendPublish(nil, &wire.Publish{Ref: 1, Event: []byte("chat.message"), Data: []byte(`"hello"`)})
	fmt.Println(string(sent))

	m, err := wire.DecodeServer([]byte(`{"type":"frame","events":[{"offset":7,"at":1763866000123,` +
		`"event":"chat.message","from":"m_7f2a","ref":"c9f1:1","data":"hello"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range m.Frame.Events {
		fmt.Println(e.Offset, e.Event, e.From, string(e.Data))
	}
	// Output:
	// {"type":"publish","ref":1,"event":"chat.message","data":"hello"}
	// 7 chat.message m_7f2a "hello"
}

// A refusal says what is wrong, and whether the connection ends with it.
func ExampleDecode() {
	var m wire.Message
	err := wire.Decode([]byte(`{"type":"publish","ref":1,"event":"Chat Message"}`), &m)
	var refused *wire.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Ref, refused.Close)
		fmt.Println(refused.Message)
	}
	// Output:
	// bad_event 1 0
	// event must be 1 to 64 characters of a-z 0-9 _ . -
}

// An old client obeys a new code: the range decides.
func ExampleCloseCode_Reconnect() {
	fmt.Println(wire.CloseDrained.Reconnect(), wire.CloseCode(4499).Reconnect(), wire.CloseCode(4599).Reconnect())
	// Output: true true false
}
