package loadtest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNothingSaid(t *testing.T) {
	c, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Sessions != 1 || c.Members != 12 || c.Duration != time.Minute || c.Rate != 1 || c.Kind != Broadcast ||
		!slices.Equal(c.Targets, []string{"http://localhost:8080"}) || c.Gateway != "" {
		t.Errorf("%+v", c)
	}
	want := Thresholds{ConnectionSuccess: 0.95, MessageSuccess: 0.95, MeanLatency: 200 * time.Millisecond}
	if c.Thresholds != want {
		t.Errorf("thresholds %+v", c.Thresholds)
	}
}

func TestFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("a.b.c\nd.e.f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := "-target http://a:1,wss://b -target https://c/ws -kind document -session team -sessions 3 -members 5 -rate 2.5 -size 100-2000 " +
		"-ramp 2s -duration 5m -reconnects 3 -patience 20s -gzip -insecure -token @" + file + " -passcode p -api-key=k -verify " +
		"-connection-success 99 -message-success 99.5% -mean-latency 50ms -p99-latency 1s -json - -html page -quiet"
	got, err := Parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	want := Command{JSON: "-", HTML: "page", Quiet: true, Options: Options{
		Targets: []string{"http://a:1", "wss://b", "https://c/ws"}, Kind: Document, Session: "team", Sessions: 3, Members: 5, Rate: 2.5,
		Size: Size{100, 2000}, Ramp: 2 * time.Second, Duration: 5 * time.Minute, Reconnects: 3, Patience: 20 * time.Second,
		Gzip: true, Insecure: true, Tokens: []string{"a.b.c", "d.e.f"}, Passcode: "p", APIKey: "k", Verify: true,
		Thresholds: Thresholds{ConnectionSuccess: 0.99, MessageSuccess: 0.995, MeanLatency: 50 * time.Millisecond, P99Latency: time.Second},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// All mistakes are told at once, each with what would be right.
func TestMistakesInFlags(t *testing.T) {
	for args, want := range map[string][]string{
		"-members x -sessions 1.5": {"-members x: must be a whole number", "-sessions 1.5: must be a whole number"},
		"-rate fast -duration 60":  {"-rate fast: must be a number", "-duration 60: must be a duration such as 500ms, 60s or 10m"},
		"-target localhost:8080":   {"-target localhost:8080: must be an address such as http://localhost:8080 or wss://plenum.example.org"},
		"-target ftp://a -kind dance -session a/b": {"-target ftp://a: must be an address", "-kind dance: must be one of broadcast, document, estimation",
			"-session a/b: must be of A-Z a-z 0-9 _ -"},
		"-sessions 0 -members -1 -rate -1": {"-sessions 0: must be at least 1", "-members -1: must be at least 1", "-rate -1: must be 0 or from 0.001 to 1000"},
		"-sessions 100000 -members 12":     {"-sessions 100000 -members 12: must be at most 200000 members together"},
		"-size 3 -duration 1ms -patience 0s -ramp -1s": {"-size 3: must be bytes from 64 to", "-duration 1ms: must be from 1s to 168h0m0s",
			"-patience 0s: must be from 1s to 10m0s", "-ramp -1s: must be from 0s to 1h0m0s"},
		"-size 500-100 -reconnects 100":             {"-size 500-100: must be bytes from", "-reconnects 100: must be from 0 to 60 a minute"},
		"-size a-b":                                 {"-size a-b: must be bytes such as 200 or 100-2000"},
		"-kind document -members 3000 -size 100":    {"-size 100: must be so small that the document of 3000 members has at most 204800 bytes"},
		"-connection-success 101 -mean-latency 0s":  {"-connection-success 101: must be a percentage from 0 to 100", "-mean-latency 0s: must be longer than 0s"},
		"-message-success most -p99-latency -1s":    {"-message-success most: must be a percentage such as 95", "-p99-latency -1s: must be 0s or longer"},
		"-kind estimation -verify":                  {"-verify true: must be left out with -kind estimation"},
		"-gateway a -target http://b":               {"-gateway a and -target http://b: say one of them"},
		"-foo 3 bar -members 1 baz -verify=perhaps": {"flag provided but not defined: -foo", `"bar": there are no arguments`, `"baz": there are no arguments`, "-verify=perhaps: must be true or false"},
		"---x -members":                             {"bad flag syntax: ---x", "flag needs an argument: -members"},
		"-token @/does/not/exist":                   {"-token @/does/not/exist: must be the secret, or @ and a file that can be read"},
	} {
		_, err := Parse(strings.Fields(args))
		if err == nil {
			t.Errorf("%s is taken", args)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: nothing says %q:\n%v", args, w, err)
			}
		}
		if got := strings.Count(err.Error(), "\n") + 1; got != len(want) {
			t.Errorf("%s: %d mistakes are told, not %d:\n%v", args, got, len(want), err)
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	if _, err := Parse([]string{"-members", "x", "-help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help returns %v", err)
	}
	var usage strings.Builder
	WriteUsage(&usage)
	p := parser{flags: newFlagSet(), command: new(Command)}
	p.define()
	p.flags.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(usage.String(), "  -"+f.Name) {
			t.Errorf("the usage does not name -%s:\n%s", f.Name, &usage)
		}
	})
}
