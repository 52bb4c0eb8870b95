package broadcast

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestBroadcastHasNoRules(t *testing.T) {
	for _, options := range []string{"", "null", `{"x":1}`} {
		s, err := Kind{}.New(json.RawMessage(options))
		if err != nil {
			t.Fatalf("%q: %v", options, err)
		}
		again, err := Kind{}.Decode(s.Encode())
		if err != nil || string(again.View("m")) != "{}" || string(again.View("")) != "{}" {
			t.Errorf("%q: %v, %v", options, again, err)
		}
		_, err = again.Do(kind.Command{Name: "cast_vote"})
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.CodeUnknownCommand || e.Close != 0 {
			t.Errorf("%q: %v", options, err)
		}
	}
}
