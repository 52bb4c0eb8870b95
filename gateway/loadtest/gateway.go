package loadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ownGateway is a gateway that was started for the run. It is a process of its
// own, so that its processor time is not taken for the load generator's.
type ownGateway struct {
	command *exec.Cmd
	exited  chan struct{} // closed when it is gone
	address chan string   // gets host:port once, when it serves

	mu   sync.Mutex
	said []string // guarded by mu; its last lines
}

// startGateway starts a gateway, and returns when it serves. It listens on a free
// port of 127.0.0.1, and its limits are raised to what the run asks for; the rest
// is as the environment says.
func startGateway(ctx context.Context, binary string, o *Options) (*ownGateway, error) {
	g := &ownGateway{command: exec.Command(binary), exited: make(chan struct{}), address: make(chan string, 1)}
	g.command.Env = append(gatewaySettings(o), os.Environ()...) // of what stands there twice the last counts
	g.command.Env = append(g.command.Env, "PLENUM_LISTEN=127.0.0.1:0", "PLENUM_LOG_FORMAT=json", "PLENUM_LOG_LEVEL=info")
	g.command.SysProcAttr = ofOurs()
	out, err := g.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	begun := make(chan error)
	go g.run(begun, out)
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("-gateway %s: %w", binary, err)
	}
	select {
	case address := <-g.address:
		o.Targets = []string{"http://" + address}
		return g, nil
	case <-g.exited:
		err = errors.New("it ended at once")
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(o.Patience):
		err = fmt.Errorf("it does not serve within %v", o.Patience)
	}
	g.stop()
	return nil, fmt.Errorf("-gateway %s: %w; it said:\n%s", binary, err, g.tail())
}

// gatewaySettings are the limits that would be in the way of the run.
func gatewaySettings(o *Options) []string {
	const capacity, rate, handshakes = 50, 20, 1000 // a gateway's own
	perSecond := int(o.Rate) + 1
	return []string{
		"PLENUM_SESSION_CAPACITY=" + strconv.Itoa(max(capacity, o.Members+o.Members/2)),
		"PLENUM_RATE=" + strconv.Itoa(max(rate, 2*perSecond)),
		"PLENUM_RATE_BURST=" + strconv.Itoa(max(2*rate, 4*perSecond)),
		"PLENUM_HANDSHAKES=" + strconv.Itoa(max(handshakes, o.users())),
		"PLENUM_CONNECTIONS=" + strconv.Itoa(max(100_000, 2*o.users())),
	}
}

// run starts the process, reads what it says, and waits for it. The signal that
// ends it with this process comes when the thread that started it ends, so this
// goroutine keeps its thread.
func (g *ownGateway) run(begun chan<- error, out io.Reader) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(g.exited)
	err := g.command.Start()
	begun <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		g.line(lines.Text())
	}
	_ = g.command.Wait() // it was told to end, or startGateway says that it ended
}

func (g *ownGateway) line(text string) {
	const kept = 20
	g.mu.Lock()
	g.said = append(g.said[max(0, len(g.said)+1-kept):], text)
	g.mu.Unlock()
	var entry struct{ Msg, Address string }
	if json.Unmarshal([]byte(text), &entry) == nil && entry.Msg == "serving" {
		select {
		case g.address <- entry.Address:
		default:
		}
	}
}

func (g *ownGateway) tail() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.said, "\n")
}

// stop ends the process, and returns when it is gone.
func (g *ownGateway) stop() {
	const patience = 10 * time.Second
	_ = g.command.Process.Signal(syscall.SIGTERM) // fails only if it is gone already
	select {
	case <-g.exited:
	case <-time.After(patience):
		_ = g.command.Process.Kill()
		<-g.exited
	}
}
