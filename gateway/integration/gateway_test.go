// Package integration asks the gateway what its users ask. The programs are
// real: the gateway as it is built, redis-server, nginx with deploy/nginx, and
// clients that know nothing but an address. What a test waits for is an event
// with a deadline; what it draws at random it draws from a seed that it prints,
// and -seed takes one again.
package integration

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// program is the gateway, built by TestMain.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if urls := os.Getenv(returnersVariable); urls != "" {
		os.Exit(runReturners(strings.Split(urls, ",")))
	}
	if order := os.Getenv(burnerVariable); order != "" {
		os.Exit(runBurner(order))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plenum-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "plenum-gateway")
	out, err := exec.Command("go", "build", "-o", program, "../cmd/gateway").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "integration: building the gateway: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// gateway is one replica, as a process.
type gateway struct {
	*process
	Addr string // host:port
}

// startGateway runs a replica until the test ends and returns when it serves.
// Settings are NAME=value; nothing is taken from the environment of the tests.
// Without PLENUM_LISTEN it listens on a port of 127.0.0.1 that the system picks.
func startGateway(t testing.TB, settings ...string) *gateway {
	t.Helper()
	return startVersion(t, program, settings...)
}

// startVersion is startGateway for a program that need not be the one of this
// commit.
func startVersion(t testing.TB, program string, settings ...string) *gateway {
	t.Helper()
	g := &gateway{process: launch(t, program, settings...)}
	serving := regexp.MustCompile(`"msg":"serving","address":"([^"]+)"`)
	g.log.await(t, "the gateway to serve", func(text string) bool {
		if found := serving.FindStringSubmatch(text); found != nil {
			g.Addr = found[1]
		}
		return g.Addr != "" || g.over()
	})
	if g.Addr == "" {
		t.Fatalf("the gateway ended at once with exit code %d", g.Wait(t))
	}
	return g
}

// launchGateway runs a replica that may fail to start.
func launchGateway(t testing.TB, settings ...string) *process {
	t.Helper()
	return launch(t, program, settings...)
}

func launch(t testing.TB, program string, settings ...string) *process {
	t.Helper()
	cmd := exec.Command(program)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PLENUM_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "PLENUM_LISTEN=127.0.0.1:0", "PLENUM_LOG_FORMAT=json")
	cmd.Env = append(cmd.Env, settings...)
	return startProcess(t, "gateway", cmd, syscall.SIGKILL)
}

// URL is the address of the replica, as a browser has it.
func (g *gateway) URL() string { return "http://" + g.Addr }

// Term asks the replica to stop; a second time, to hurry.
func (g *gateway) Term() { g.signal(syscall.SIGTERM) }

// awaitReady waits until /readyz answers with a status.
func (g *gateway) awaitReady(t testing.TB, status int) {
	t.Helper()
	poll(t, fmt.Sprintf("%s/readyz to answer %d", g.Addr, status), func() error {
		got, _, err := get(g.URL() + "/readyz")
		if err == nil && got != status {
			err = fmt.Errorf("it answers %d", got)
		}
		return err
	})
}

// requests has no connection left over from one request to the next, so that a
// replica that was restarted is not asked over its predecessor's.
var requests = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// get returns the status and the body that a URL answers.
func get(url string) (status int, body []byte, err error) {
	res, err := requests.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// getJSON decodes what a URL answers with 200.
func getJSON(t testing.TB, url string, into any) {
	t.Helper()
	status, body, err := get(url)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err = errors.Join(err, json.Unmarshal(body, into)); err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
}
