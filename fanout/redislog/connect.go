package redislog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"
)

const (
	oldest     = 7        // the major version of Redis that has what the scripts use
	bufferSize = 64 << 10 // bytes, to read and to write, of each connection
)

// connect makes a client and looks at what answers.
func connect(ctx context.Context, option rueidis.ClientOption, timeout time.Duration) (rueidis.Client, error) {
	option.DisableCache = true
	option.DisableRetry = true    // whoever asks knows how long to wait
	option.PipelineMultiplex = -1 // one connection: appends of all sessions share its writes
	option.RingScaleEachConn = 9
	option.ReadBufferEachConn, option.WriteBufferEachConn = bufferSize, bufferSize
	option.ConnWriteTimeout = timeout
	option.Dialer.Timeout = timeout
	option.Dialer.KeepAlive = timeout / 2
	option.ClientName = "plenum"
	option.ClientSetInfo = rueidis.DisableClientSetInfo // a right less to ask for; the name says who it is
	if option.Sentinel.MasterSet != "" {
		option.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	at := strings.Join(option.InitAddress, ", ")
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, fmt.Errorf("no Redis answers at %s: %w", at, explain(err))
	}
	if err := checkServer(ctx, client); err != nil {
		client.Close()
		return nil, fmt.Errorf("the Redis at %s cannot be used: %w", at, explain(err))
	}
	return client, nil
}

func checkServer(ctx context.Context, client rueidis.Client) error {
	info, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return err
	}
	for line := range strings.Lines(info) {
		version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:")
		if !ok {
			continue
		}
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < oldest {
			return fmt.Errorf("it is version %s; %d.0 or newer is needed", version, oldest)
		}
		return nil
	}
	return errors.New("it does not say its version; is it Redis?")
}

// explain adds what an operator can do about an error.
func explain(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "NOAUTH"):
		return fmt.Errorf("%w (it asks for a password: redis://user:password@host:port)", err)
	case strings.Contains(text, "WRONGPASS"):
		return fmt.Errorf("%w (user or password is wrong)", err)
	case strings.Contains(text, "NOPERM"):
		return fmt.Errorf("%w (this Redis user may not run a command that the gateway needs)", err)
	case strings.Contains(text, "connection refused"):
		return fmt.Errorf("%w (is redis-server running there?)", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w (it is silent: is it Redis?)", err)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%w (it hangs up: is it Redis, does it want TLS, as rediss://?)", err)
	case strings.Contains(text, "unexpected prefix"), strings.Contains(text, "unknown message type"):
		return fmt.Errorf("%w (what answers is not Redis)", err)
	}
	return err
}

// parse reads a URL. Its error is about the URL without user and password: what
// cannot be read may be a part of the password.
func parse(text string) (rueidis.ClientOption, error) {
	option, err := rueidis.ParseURL(text)
	if err == nil {
		return option, nil
	}
	scheme, rest, _ := strings.Cut(text, "//")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		_, err = rueidis.ParseURL(scheme + "//" + rest[at+1:])
	}
	var u *url.Error
	switch {
	case err == nil:
		err = errors.New("in user and password, write % as %25, / as %2F, ? as %3F, # as %23, @ as %40")
	case errors.As(err, &u):
		err = u.Err
	}
	return option, err
}
