package integration

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The cards of the deck that is played with. Their labels are of different
// length, and nowhere else in the program.
const (
	shortCard  = "Q"
	longCard   = "Zyxwvutsrq"
	middleCard = "Kjihgf"
)

// TestHiddenIsHidden records every byte that everybody but the voter is sent
// during a round, every byte that Redis publishes, the logs, and what HTTP
// answers; once for each of several ways to pick cards. Before the reveal all
// of it is the same, byte for byte, but for what is drawn at random, and times.
func TestHiddenIsHidden(t *testing.T) {
	t.Parallel()
	picks := [][3]string{ // the first vote, a re-pick, and the vote after a retraction
		{shortCard, shortCard, shortCard},
		{longCard, longCard, longCard},
		{shortCard, longCard, middleCard},
		{longCard, middleCard, "?"},
	}
	var first map[string]string
	for _, cards := range picks {
		got := playHidden(t, cards)
		for name, bytes := range got {
			if len(bytes) == 0 {
				t.Errorf("%v: nothing was recorded of %s", cards, name)
			}
			for _, card := range []string{longCard, middleCard, `"` + shortCard + `"`} {
				// A snapshot tells the deck, and nothing else may name a card.
				if n := strings.Count(bytes, card); n != 2*strings.Count(bytes, `"cards":[`) {
					t.Errorf("%v: %s names the card %s %d times:\n%s", cards, name, card, n, bytes)
				}
			}
			if first != nil && bytes != first[name] {
				t.Errorf("%s with the cards %v:\n%s\nwith %v:\n%s", name, cards, bytes, picks[0], first[name])
			}
		}
		if first == nil {
			first = got
		}
		if names := slices.Sorted(maps.Keys(got)); len(names) != len(first) {
			t.Errorf("recorded %v", names)
		}
	}
}

// recorder is a connection whose bytes are kept.
type recorder struct {
	net.Conn
	bell
	mu   sync.Mutex
	read []byte
}

// Read implements net.Conn.
func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	r.read = append(r.read, p[:n]...)
	r.mu.Unlock()
	r.ring()
	return n, err
}

// begin forgets what was recorded.
func (r *recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = nil
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.read)
}

// player is somebody at the table whose connection is recorded.
type player struct {
	*peer
	*recorder
	t      testing.TB
	name   string
	member string
	seat   string
	ref    int
}

// sit joins the session on a replica, or comes back with a seat.
func sit(t testing.TB, g *gateway, name, seat, role string) *player {
	t.Helper()
	p, err := openPeer(t, g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Conn: p.Conn}
	p.Conn = r
	join := fmt.Sprintf(`{"type":"join","client":"client-of-%s","name":%q,"seat":%q,"role":%q}`, name, name, seat, role)
	w := new(told)
	for _, do := range []func() error{
		func() error { return p.put(handshake(g.Addr, "hidden")) },
		p.accepted,
		func() error { r.begin(); return p.send([]byte(join)) },
		func() error { w, err = p.await("welcome"); return err },
	} {
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return &player{peer: p, recorder: r, t: t, name: name, member: w.You.Member, seat: w.You.Seat}
}

// command gives a command and waits until it has taken effect.
func (p *player) command(command, data string) {
	p.t.Helper()
	p.ref++
	if err := p.peer.send(fmt.Appendf(nil, `{"type":"command","ref":%d,"command":%q,"data":%s}`, p.ref, command, data)); err != nil {
		p.t.Fatal(err)
	}
	echo := fmt.Sprintf("client-of-%s:%d", p.name, p.ref)
	p.hear("the answer to "+command, func(m *told) bool {
		return m.Type == "ack" && m.Ref == uint64(p.ref) ||
			slices.ContainsFunc(m.Events, func(e wire.Event) bool { return e.Ref == echo })
	})
}

// hear reads until a message comes that is waited for.
func (p *player) hear(what string, ok func(m *told) bool) {
	p.t.Helper()
	for {
		m, err := p.peer.next()
		if err != nil || m.Type == "error" {
			p.t.Fatalf("%s waits for %s: %+v, %v", p.name, what, m, err)
		}
		if ok(m) {
			return
		}
	}
}

// hearEvent reads until an event comes.
func (p *player) hearEvent(name string) {
	p.t.Helper()
	p.hear(name, func(m *told) bool {
		return slices.ContainsFunc(m.Events, func(e wire.Event) bool { return e.Event == name })
	})
}

// tap records all that Redis publishes.
func tap(t testing.TB, redis *redistest.Server) *recorder {
	t.Helper()
	conn, err := net.Dial("tcp", redis.Addr())
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Conn: conn}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, r)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	if _, err := io.WriteString(conn, "PSUBSCRIBE *\r\n"); err != nil {
		t.Fatal(err)
	}
	r.await(t, "the subscription", func() bool { return strings.Contains(r.String(), "psubscribe") })
	return r
}

// published waits for the n-th message on the tap.
func (r *recorder) published(t testing.TB, n int) {
	t.Helper()
	r.await(t, fmt.Sprintf("message %d of Redis", n), func() bool { return strings.Count(r.String(), "pmessage") >= n })
}

// playHidden plays a round up to the reveal, one step after the other, and
// returns what was recorded, by name. Then it reveals, to see that the cards
// were what was played.
func playHidden(t *testing.T, cards [3]string) map[string]string {
	t.Helper()
	redis, one, two := startHidden(t)
	redisTap := tap(t, redis)
	own := sit(t, two, "own", "", "voter")
	fac := sit(t, one, "fac", "", "")
	ben := sit(t, two, "ben", "", "")
	eye := sit(t, one, "eye", "", "spectator")
	ann := sit(t, one, "ann", "", "")
	redisTap.published(t, 5)
	phone := sit(t, two, "phone", ann.seat, "")
	redisTap.published(t, 6) // the phone is noted
	own.command("promote", fmt.Sprintf(`{"member":%q}`, fac.member))
	others := []*player{own, fac, ben, eye}
	for _, p := range others[1:] {
		p.hearEvent("roles.changed")
	}
	redisTap.published(t, 7)
	for _, r := range []*recorder{redisTap, own.recorder, fac.recorder, ben.recorder, eye.recorder} {
		r.begin()
	}

	ann.command("cast_vote", vote(cards[0]))
	everyoneHears(others, "vote.state")
	ann.command("cast_vote", vote(cards[1])) // a re-pick
	fence(own, others)
	phone.command("retract_vote", `{"round":1}`)
	everyoneHears(others, "vote.state")
	phone.command("cast_vote", vote(cards[2]))
	everyoneHears(others, "vote.state")
	ben.command("cast_vote", vote(middleCard)) // the same in all runs
	everyoneHears([]*player{own, fac, eye}, "vote.state")
	late := sit(t, one, "late", "", "")
	everyoneHears(others, "member.joined")
	redisTap.published(t, 7)

	got := map[string]string{"redis": redisTap.String(), "late": late.recorder.String()}
	for _, p := range []*player{own, fac, eye} {
		got[p.name] = p.recorder.String()
	}
	for i, g := range []*gateway{one, two} {
		name := []string{"first", "second"}[i]
		got["log of "+name] = numbers.ReplaceAllString(g.log.String(), "#")
		got["HTTP of "+name] = httpAnswers(t, g)
	}
	names := strings.NewReplacer(own.member, "<own>", fac.member, "<fac>", ben.member, "<ben>", eye.member, "<eye>", ann.member, "<ann>",
		late.member, "<late>", late.seat, "<seat>", late.peer.ledger.at.Epoch, "<epoch>")
	mask(got, names)
	own.command("reveal", `{"round":1,"force":true}`)
	eye.hear("the cards", func(m *told) bool {
		return slices.ContainsFunc(m.Events, func(e wire.Event) bool {
			return e.Event == "round.revealed" && strings.Contains(string(e.Data), fmt.Sprintf(`%q:%q`, ann.member, cards[2]))
		})
	})
	return got
}

// startHidden starts two replicas that log everything and say nothing unasked,
// with the meeting.
func startHidden(t *testing.T) (redis *redistest.Server, one, two *gateway) {
	t.Helper()
	redis = redistest.Start(t)
	settings := []string{"PLENUM_REDIS_URL=" + redis.URL(), "PLENUM_LOG_LEVEL=debug", "PLENUM_HEARTBEAT_INTERVAL=1h", "PLENUM_HEARTBEAT_TIMEOUT=2h"}
	one = startGateway(t, append([]string{"PLENUM_REPLICA=first"}, settings...)...)
	two = startGateway(t, append([]string{"PLENUM_REPLICA=second"}, settings...)...)
	createHidden(t, one)
	return redis, one, two
}

// mask takes out what is drawn at random, and times.
func mask(got map[string]string, names *strings.Replacer) {
	for name, text := range got {
		text = incarnation.ReplaceAllString(times.ReplaceAllString(names.Replace(text), "<time>"), `"by":"<replica>"`)
		if strings.HasPrefix(name, "log of ") { // connections end in any order
			lines := strings.Split(text, "\n")
			slices.Sort(lines)
			text = strings.Join(lines, "\n")
		}
		got[name] = text
	}
}

var (
	times       = regexp.MustCompile(`1[0-9]{12}`)
	incarnation = regexp.MustCompile(`"by":"[a-z2-7]+"`)
	lastWords   = regexp.MustCompile(`(?m) [^ ]+$`) // the last word of a line
	numbers     = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
)

func vote(card string) string { return fmt.Sprintf(`{"round":1,"card":%q}`, card) }

func everyoneHears(players []*player, event string) {
	for _, p := range players {
		p.t.Helper()
		p.hearEvent(event)
	}
}

// fence has everybody hear something, so that what came before has come.
func fence(by *player, players []*player) {
	by.t.Helper()
	by.ref++
	if err := by.peer.send(fmt.Appendf(nil, `{"type":"publish","ref":%d,"event":"fence","data":1}`, by.ref)); err != nil {
		by.t.Fatal(err)
	}
	everyoneHears(players, "fence")
}

// createHidden makes the session over HTTP.
func createHidden(t testing.TB, g *gateway) {
	t.Helper()
	body := fmt.Sprintf(`{"kind":"estimation","id":"hidden","options":{"deck":[%q,%q,%q,"?"]}}`, shortCard, middleCard, longCard)
	res, err := requests.Post(g.URL()+"/api/sessions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		answer, _ := io.ReadAll(res.Body)
		t.Fatalf("POST /api/sessions: %s %s", res.Status, answer)
	}
}

// httpAnswers is what HTTP tells of the session, and of the replica. Of figures
// there is what they are called: they differ from run to run.
func httpAnswers(t testing.TB, g *gateway) string {
	t.Helper()
	var b bytes.Buffer
	for _, path := range []string{"/api/sessions/hidden", "/api/sessions/hidden/events?after=0", "/metrics", "/api/stats", "/api/stats?scope=fleet"} {
		status, body, err := get(g.URL() + path)
		if err != nil || status != http.StatusOK {
			t.Fatalf("GET %s: %d %s, %v", path, status, body, err)
		}
		for _, card := range []string{longCard, middleCard} {
			if n := bytes.Count(body, []byte(card)); n != 2*bytes.Count(body, []byte(`"cards":[`)) {
				t.Errorf("%s names the card %s %d times:\n%s", path, card, n, body)
			}
		}
		switch {
		case path == "/metrics":
			body = lastWords.ReplaceAll(body, nil)
		case strings.HasPrefix(path, "/api/stats"):
			continue
		}
		fmt.Fprintf(&b, "%s\n%s\n", path, body)
	}
	return b.String()
}
