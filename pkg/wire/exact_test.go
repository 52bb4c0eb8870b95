package wire

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestUnmarshalComparesNamesExactly(t *testing.T) {
	type inner struct {
		Wide bool `json:"wide"`
	}
	type data struct {
		Round int             `json:"round"`
		Card  *string         `json:"card,omitempty"`
		Kept  json.RawMessage `json:"kept"`
		inner
	}
	five := "5"
	for text, want := range map[string]data{
		`{"round":3,"card":"5"}`:                              {Round: 3, Card: &five},
		`{"Round":3,"CARD":"5"}`:                              {},
		"{\"\u212aept\":1,\"kept\":2}":                        {Kept: json.RawMessage(`2`)}, // the Kelvin sign is alike k
		`{"round":3,"ROUND":"x","future":{"round":[1]}}`:      {Round: 3},
		` { "round" : 1 , "round" : 3 , "Card" : 7 } `:        {Round: 3},
		`{"\u0072ound":3,"card":null,"CARD":"8"}`:             {Round: 3},
		`{"wide":true,"Wide":false}`:                          {inner: inner{true}},
		`{"kept":{"CARD":[1e400,"\"}"]},"KEPT":0,"card":"5"}`: {Kept: json.RawMessage(`{"CARD":[1e400,"\"}"]}`), Card: &five},
		`{}`: {}, `null`: {},
	} {
		var got data
		if err := Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{``, `{`, `[]`, `3`, `"x"`, `{"round":"3"}`, `{"round":"3","ROUND":3}`, `{"round":1e400}`} {
		var got data
		if err := Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was taken as %+v", text, got)
		}
	}
}
