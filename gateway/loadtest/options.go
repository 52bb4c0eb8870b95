package loadtest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Kind is a kind of session that the load test knows how to use.
type Kind string

// The kinds.
const (
	Broadcast  Kind = "broadcast"  // members publish
	Document   Kind = "document"   // each member patches a part of its own
	Estimation Kind = "estimation" // members vote; the first of each session reveals, and starts the next round
)

var kinds = []Kind{Broadcast, Document, Estimation}

// Options say what load there is to be. The names in brackets are the flags of
// the command, by which mistakes are told.
type Options struct {
	Targets []string // [target] addresses of gateways, or of what stands before them: http, https, ws or wss

	Kind     Kind          // [kind]
	Session  string        // [session] the sessions' ids begin with it; drawn at random if empty
	Sessions int           // [sessions]
	Members  int           // [members] in each session
	Rate     float64       // [rate] messages a second of each member; 0: they only listen
	Size     Size          // [size] bytes of a message's data
	Ramp     time.Duration // [ramp] over which the members come; 0: a second for every 200, rounded up
	Duration time.Duration // [duration] of the load, after they came

	// Reconnects is how often a minute each member loses its connection, as when
	// a phone changes networks, and comes back. [reconnects]
	Reconnects float64
	// Patience is for a handshake, for those who have not come when the ramp is
	// over, and for what is under way at the end. [patience]
	Patience time.Duration

	Gzip     bool     // [gzip] members take large frames compressed
	Insecure bool     // [insecure] any certificate will do
	Tokens   []string // [token] of joins, dealt out to the members in turn; empty: none
	Passcode string   // [passcode] of every join
	APIKey   string   // [api-key] of the requests that make sessions; with one, all are made so
	Verify   bool     // [verify] judge delivery; 8 bytes of memory for each

	Thresholds Thresholds

	// Progress is told how far it has come, once a second; it may be nil.
	Progress func(Progress)
}

// Size is a range of sizes in bytes, out of which each is as likely.
type Size struct{ Least, Most int }

func (s Size) String() string {
	if s.Least == s.Most {
		return fmt.Sprint(s.Least)
	}
	return fmt.Sprintf("%d-%d", s.Least, s.Most)
}

// Thresholds are what a run has to reach.
type Thresholds struct {
	ConnectionSuccess float64       // [connection-success] share of the connections, 0 to 1
	MessageSuccess    float64       // [message-success] share of the messages; the error rate is the rest
	MeanLatency       time.Duration // [mean-latency]
	P99Latency        time.Duration // [p99-latency] 0: not looked at
}

// Defaults returns the options of a run of which nothing was said.
func Defaults() Options {
	return Options{Kind: Broadcast, Sessions: 1, Members: 12, Rate: 1, Size: Size{200, 200}, Duration: time.Minute,
		Patience:   10 * time.Second,
		Thresholds: Thresholds{ConnectionSuccess: 0.95, MessageSuccess: 0.95, MeanLatency: 200 * time.Millisecond}}
}

// users is how many members there are to be in all sessions.
func (o *Options) users() int { return o.Sessions * o.Members }

// ramp is how long the members take to come.
func (o *Options) ramp() time.Duration {
	if o.Ramp > 0 {
		return o.Ramp
	}
	const together = 200
	return time.Duration((o.users()+together-1)/together) * time.Second
}

// made reports whether sessions are made through the HTTP API before anybody
// joins.
func (o *Options) made() bool { return o.Kind != Broadcast || o.APIKey != "" }

// Bounds of the options.
const (
	leastSize = 64      // a message's mark and something around it
	mostSize  = 1 << 20 // no gateway takes more
	mostUsers = 200_000
	// mostDocument is how much the members of one document session may write
	// together: less than a document may have.
	mostDocument = 200 << 10
)

// Check returns all mistakes, joined; nil if there is none.
func (o *Options) Check() error {
	var mistakes []error
	say := func(ok bool, flag string, value any, allowed string) {
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("-%s %v: must be %s", flag, value, allowed))
		}
	}
	during := func(d, least, most time.Duration, flag string) {
		say(d >= least && d <= most, flag, d, fmt.Sprintf("from %v to %v", least, most))
	}
	say(len(o.Targets) > 0, "target", `""`, "the address of a gateway, such as http://localhost:8080")
	for _, t := range o.Targets {
		say(validTarget(t), "target", t, "an address such as http://localhost:8080 or wss://plenum.example.org")
	}
	say(slices.Contains(kinds, o.Kind), "kind", o.Kind, "one of "+kindNames())
	say(o.Session == "" || wire.ValidSessionID(o.sessionID(o.Sessions-1)), "session", o.Session,
		fmt.Sprintf("of A-Z a-z 0-9 _ -, and with the session's number at most %d characters", wire.MaxSessionID))
	say(o.Sessions >= 1, "sessions", o.Sessions, "at least 1")
	say(o.Members >= 1, "members", o.Members, "at least 1")
	say(o.Sessions < 1 || o.Members < 1 || o.Sessions <= mostUsers/o.Members, "sessions", fmt.Sprintf("%d -members %d", o.Sessions, o.Members),
		fmt.Sprintf("at most %d members together", mostUsers))
	say(o.Rate == 0 || o.Rate >= 0.001 && o.Rate <= 1000, "rate", o.Rate, "0 or from 0.001 to 1000 messages a second")
	say(o.Size.Least >= leastSize && o.Size.Least <= o.Size.Most && o.Size.Most <= mostSize, "size", o.Size,
		fmt.Sprintf("bytes from %d to %d, such as 200 or 100-2000", leastSize, mostSize))
	say(o.Kind != Document || o.Members <= mostDocument/max(1, o.Size.Most), "size", o.Size,
		fmt.Sprintf("so small that the document of %d members has at most %d bytes", o.Members, mostDocument))
	say(o.Kind != Estimation || !o.Verify, "verify", o.Verify, "left out with -kind estimation, whose events do not say who made them")
	say(o.Ramp >= 0 && o.Ramp <= time.Hour, "ramp", o.Ramp, "from 0s to 1h0m0s")
	during(o.Duration, time.Second, 7*24*time.Hour, "duration")
	during(o.Patience, time.Second, 10*time.Minute, "patience")
	say(o.Reconnects >= 0 && o.Reconnects <= 60, "reconnects", o.Reconnects, "from 0 to 60 a minute")
	o.Thresholds.check(say)
	return errors.Join(mistakes...)
}

func (t *Thresholds) check(say func(ok bool, flag string, value any, allowed string)) {
	share := func(s float64, flag string) {
		say(s >= 0 && s <= 1, flag, s*100, "a percentage from 0 to 100")
	}
	share(t.ConnectionSuccess, "connection-success")
	share(t.MessageSuccess, "message-success")
	say(t.MeanLatency > 0, "mean-latency", t.MeanLatency, "longer than 0s")
	say(t.P99Latency >= 0, "p99-latency", t.P99Latency, "0s or longer")
}

func validTarget(target string) bool {
	u, err := url.Parse(target)
	return err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme)
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// sessionID is the id of a session by its number.
func (o *Options) sessionID(number int) string { return fmt.Sprintf("%s-%d", o.Session, number) }
