package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// What nobody may do over HTTP: each gets its own clear answer, or is cut, while
// honest members see nothing of it, and nothing is left behind. It runs beside no
// other test: those count on a machine that is not under attack.
func TestHostileRequests(t *testing.T) {
	_, both := replicas(t, "PLENUM_API_RATE=0")
	honest := everyone(t, 6, "target", []string{both[0].URL()})
	before := []state{both[0].state(t), both[1].state(t)}
	stop, talks := chatter(t, honest, 200*time.Millisecond)
	var all sync.WaitGroup
	var mu sync.Mutex
	for name, f := range hostileRequests {
		for _, g := range both {
			all.Go(func() {
				err := f(attacker{t, g, "target", name})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	all.Wait()
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range honest {
		m.quiet(t)
	}
	allCaughtUp(t, honest)
	judge(t, honest)
	allSettledWell(t, honest)
	neverLost(t, honest)
	for i, g := range both {
		poll(t, "the descriptors of the attackers to be closed", func() error {
			if now := g.descriptors(t); now > before[i].descriptors {
				return fmt.Errorf("%d descriptors are open; there were %d", now, before[i].descriptors)
			}
			return nil
		})
		if after := g.state(t); after.memory > before[i].memory+32<<10 {
			t.Errorf("a replica has %d KiB; it had %d", after.memory, before[i].memory)
		}
	}
}

var hostileRequests = map[string]attack{
	"a gzip bomb":            gzipBomb,
	"an endless body":        endless("POST /api/sessions HTTP/1.1", "application/json"),
	"an endless patch":       endless("PATCH /api/sessions/target HTTP/1.1", "application/json"),
	"a body of 10 GB":        gets("POST /api/sessions HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 10000000000\r\n\r\n", 415),
	"deep JSON":              gets(posted(`{"event":"e","data":`+strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000)+`}`), 400),
	"many names":             gets(posted(`{"event":"e"`+strings.Repeat(`,"event":"e"`, 4000)+`}`), 404),
	"a lone surrogate":       gets(posted(`{"event":"e","data":"\ud800"}`), 400),
	"a huge number":          gets(posted(`{"event":"e","data":1`+strings.Repeat("0", 50_000)+`}`), 404),
	"a header bomb":          gets("GET /healthz HTTP/1.1\r\nX: "+strings.Repeat("x", 40_000)+"\r\n\r\n", 431),
	"many headers":           gets("GET /healthz HTTP/1.1\r\n"+strings.Repeat("X: y\r\n", 10_000)+"\r\n", 431),
	"two lengths":            gets("POST /api/sessions HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
	"a length and chunks":    gets("POST /healthz HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 405),
	"an odd encoding":        gets("POST /api/sessions HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
	"a path with dots":       gets("DELETE /api/../api/sessions/target HTTP/1.1\r\n\r\n", 307, 301),
	"an escaped path":        gets("DELETE /api/sessions/%2e%2e%2ftarget HTTP/1.1\r\n\r\n", 400),
	"a NUL in the path":      gets("DELETE /api/sessions/target%00 HTTP/1.1\r\n\r\n", 400),
	"an absolute path":       gets("GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n\r\n", 404),
	"a tunnel":               gets("CONNECT evil.example:443 HTTP/1.1\r\n\r\n", 404, 405),
	"an odd method":          gets("BREW /api/sessions/target HTTP/1.1\r\n\r\n", 405),
	"a long key":             gets("POST /api/sessions/none/events HTTP/1.1\r\nIdempotency-Key: "+strings.Repeat("k", 5000)+"\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"+`{"event":"e"}`, 400),
	"two keys":               gets("POST /api/sessions/none/events HTTP/1.1\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"+`{"event":"e"}`, 400),
	"slow headers":           slowly("GET /healthz HTTP/1.1\r\nHost: x\r\nX: "),
	"a slow body":            slowly("POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"),
	"a slow body to nowhere": slowly("POST /api/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"),
	"one key at once":        oneKey,
}

// posted is a publish into no session.
func posted(body string) string {
	return fmt.Sprintf("POST /api/sessions/none/events HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// gets sends a request, byte for byte but for the Host, and expects one of
// the statuses.
func gets(request string, statuses ...int) attack {
	return func(a attacker) error {
		conn, err := net.DialTimeout("tcp", a.g.Addr, patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		line, rest, _ := strings.Cut(request, "\r\n")
		go fmt.Fprintf(conn, "%s\r\nHost: %s\r\n%s", line, a.g.Addr, rest) // the answer may come before all is sent
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		for _, status := range statuses {
			if res.StatusCode == status {
				return nil
			}
		}
		return fmt.Errorf("status %s; want %v", res.Status, statuses)
	}
}

// gzipBomb sends a megabyte that would be a gigabyte.
func gzipBomb(a attacker) error {
	var bomb bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	zeros := make([]byte, 1<<20)
	for range 64 {
		zip.Write(zeros)
	}
	zip.Close()
	for _, method := range []string{"POST", "PATCH"} {
		path := map[string]string{"POST": "/api/sessions", "PATCH": "/api/sessions/target"}[method]
		request := fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", method, path, bomb.Len(), bomb.Bytes())
		if err := gets(request, 415)(a); err != nil {
			return err
		}
	}
	return nil
}

// endless sends chunks for ever.
func endless(line, media string) attack {
	return func(a attacker) error {
		conn, err := net.DialTimeout("tcp", a.g.Addr, patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		go func() {
			fmt.Fprintf(conn, "%s\r\nHost: %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", line, a.g.Addr, media)
			chunk := "10000\r\n" + strings.Repeat("1", 0x10000) + "\r\n"
			for {
				if _, err := io.WriteString(conn, chunk); err != nil {
					return // it is not read any more
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			return fmt.Errorf("status %s", res.Status)
		}
		return nil
	}
}

// slowly sends a byte now and then, over many connections; none is kept for ever.
func slowly(begin string) attack {
	return func(a attacker) error {
		errs := make(chan error, 20)
		for range 20 {
			go func() { errs <- drips(a.g.Addr, begin) }()
		}
		var err error
		for range 20 {
			err = errors.Join(err, <-errs)
		}
		return err
	}
}

func drips(addr, begin string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, begin); err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() {
		conn.SetReadDeadline(time.Now().Add(patience))
		_, err := io.Copy(io.Discard, conn)
		over <- err
	}()
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			io.WriteString(conn, "x") // fails when it has been cut: then over tells
		case err := <-over:
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return fmt.Errorf("it was not cut within %v", patience)
			}
			return nil
		}
	}
}

// oneKey publishes the same event with the same key many times at once: it is
// there once.
func oneKey(a attacker) error {
	session := "key-" + strings.ReplaceAll(a.g.Addr, ".", "-")
	session = strings.ReplaceAll(session, ":", "-")
	post := func(path, body, key string) (int, error) {
		r, err := http.NewRequest("POST", a.g.URL()+path, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		res, err := requests.Do(r)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		return res.StatusCode, nil
	}
	if status, err := post("/api/sessions", `{"id":"`+session+`"}`, "x"); err != nil || status != 201 {
		return fmt.Errorf("creating: %d, %v", status, err)
	}
	statuses := make(chan int, 30)
	for range 30 {
		go func() {
			status, err := post("/api/sessions/"+session+"/events", `{"event":"e"}`, "the key")
			if err != nil {
				status = 0
			}
			statuses <- status
		}()
	}
	count := make(map[int]int)
	for range 30 {
		count[<-statuses]++
	}
	if count[201] != 1 || count[200] != 29 {
		return fmt.Errorf("statuses %v", count)
	}
	return nil
}

// Whatever happens, and at whatever level is logged: no secret is.
func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	m := newMint(t)
	key, secret := "an-api-key-that-has-more-than-32-characters", "a-secret-that-has-more-than-32-characters"
	g := startGateway(t, "PLENUM_LOG_LEVEL=debug", "PLENUM_API_KEYS="+key, "PLENUM_AUTH_ALGORITHM=HS256", "PLENUM_AUTH_SECRET="+secret)
	forged, passcode := m.token("ada"), "passcode-4711"
	good, err := goodToken(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, join := range []string{string(joinWith(forged, `,"passcode":"`+passcode+`"`)), `{"type":"join","token":"` + forged, `{"type":"join","client":"","token":"` + forged + `"}`} {
		p, err := dialPeer(t, g.Addr, "s")
		if err == nil {
			err = p.send([]byte(join))
		}
		if err != nil {
			t.Fatal(err)
		}
		p.end()
	}
	l := listen(t, g, "s", string(joinWith(good, `,"passcode":"`+passcode+`"`)))
	l.say(`{"type":"command","ref":1,"command":"refresh_token","data":{"token":"` + forged + `"}}`)
	l.until("error")
	l.say(`{"type":"command","ref":2,"command":"refresh_token","data":{"token":"` + good + `"}}`)
	l.until("ack")
	for _, header := range []string{"Bearer " + key, "Bearer " + forged} {
		r, err := http.NewRequest("GET", g.URL()+"/api/sessions/s", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		res, err := requests.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		for _, hidden := range []string{good, forged, key, secret, passcode} {
			if bytes.Contains(text, []byte(hidden)) {
				t.Errorf("an answer holds %s: %s", hidden, text)
			}
		}
	}
	l.CloseNow()
	g.Term()
	g.Wait(t)
	log := g.log.String()
	if !strings.Contains(log, `"msg":"connection ended"`) {
		t.Errorf("the log is not the one of all that happened: %s", log)
	}
	for _, hidden := range []string{good, forged, strings.Split(forged, ".")[2], key, secret, passcode} {
		if strings.Contains(log, hidden) {
			t.Errorf("the log holds %s", hidden)
		}
	}
}
