package redislog_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// password must be in no error.
const password = "s3cret-pa55"

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	protected := redistest.Start(t, "requirepass "+password)
	down := redistest.Start(t)
	down.Stop()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	with := func(addr string) string { return "redis://:" + password + "@" + addr }
	for _, c := range []struct {
		name, url string
		want      []string // in the error
	}{
		{"Empty", "", []string{"URL"}},
		{"BadPort", "redis://:" + password + "@127.0.0.1:port", []string{"URL", `":port"`}},
		{"BadEscape", "redis://:%zz" + password + "@127.0.0.1", []string{"URL", "%25"}},
		{"Slash", "redis://:" + password + "/more@127.0.0.1", []string{"URL", "%2F"}},
		{"SlashFirst", "redis://user/" + password + "@127.0.0.1:6379/0", []string{"URL", "%2F"}},
		{"Hash", "redis://:" + password + "#more@127.0.0.1", []string{"URL", "%23"}},
		{"Scheme", "http://:" + password + "@127.0.0.1:6379", []string{"URL", "http"}},
		{"Database", with("127.0.0.1:6379") + "/first", []string{"URL", "first"}},
		{"NothingListens", with(down.Addr()), []string{down.Addr(), "connection refused", "is redis-server running"}},
		{"HTTP", "redis://" + web.Listener.Addr().String(), []string{web.Listener.Addr().String(), "not Redis"}},
		{"HTTPWithPassword", with(web.Listener.Addr().String()), []string{web.Listener.Addr().String(), "not Redis"}},
		{"Silent", with(serve(t, func(net.Conn) {})), []string{"127.0.0.1", "silent"}},
		{"HangsUp", with(serve(t, func(c net.Conn) { c.Close() })), []string{"127.0.0.1", "hangs up"}},
		{"NoPassword", protected.URL(), []string{protected.Addr(), "asks for a password"}},
		{"WrongPassword", "redis://:not-" + password + "@" + protected.Addr(), []string{protected.Addr(), "password is wrong"}},
		{"TooOld", with(serve(t, oldRedis("6.2.14"))), []string{"6.2.14", "7.0 or newer"}},
		{"NoVersion", with(serve(t, oldRedis(""))), []string{"version"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			o := redislog.Options{URL: c.url, Timeout: 2 * time.Second}
			if c.name == "Silent" {
				o.Timeout = 500 * time.Millisecond
			}
			log, err := redislog.Open(t.Context(), o)
			if err == nil {
				log.Close()
				t.Fatal("it opened")
			}
			t.Log(err)
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q", want)
				}
			}
			if strings.Contains(err.Error(), password) {
				t.Error("the error tells the password")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v, with a timeout of %v", took, o.Timeout)
			}
		})
	}
}

func TestOpenWithPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "requirepass "+password)
	log := open(t, redislog.Options{URL: strings.Replace(s.URL(), "//", "//:"+password+"@", 1)})
	appendEvent(t, log, "s", "x")
}

func TestNewestRedisIsNotTooOld(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"7.0.0", "8.2.1", "10.0.0"} {
		open(t, redislog.Options{URL: "redis://" + serve(t, oldRedis(version))})
	}
}

// serve runs a server for connections and returns its address. It ends with the
// test.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn // the goroutine's, until it has ended
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			group.Go(func() { handle(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		for _, conn := range conns {
			conn.Close()
		}
		group.Wait()
	})
	return l.Addr().String()
}

// oldRedis answers as a Redis of some version does, as far as connecting goes.
func oldRedis(version string) func(net.Conn) {
	return func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for {
			command, err := readCommand(r)
			if err != nil {
				return
			}
			answer := "+OK\r\n"
			switch strings.ToUpper(command[0]) {
			case "HELLO":
				answer = "%2\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n"
			case "CLUSTER":
				answer = "-ERR This instance has cluster support disabled\r\n"
			case "PING":
				answer = "+PONG\r\n"
			case "INFO":
				text := "# Server\r\n"
				if version != "" {
					text += "redis_version:" + version + "\r\nredis_mode:standalone\r\n"
				}
				answer = fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) (command []string, err error) {
	n, err := readNumber(r, '*')
	for ; n > 0 && err == nil; n-- {
		var size int
		if size, err = readNumber(r, '$'); err == nil {
			word := make([]byte, size+len("\r\n"))
			_, err = io.ReadFull(r, word)
			command = append(command, string(word[:size]))
		}
	}
	return command, err
}

func readNumber(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil || line[0] != kind {
		return 0, fmt.Errorf("line %q, %w", line, err)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
