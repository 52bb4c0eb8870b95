package redistest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// final is an error that waiting will not mend.
type final struct{ error }

// await asks again and again until ok returns nil. It gives up after patience, or
// at a final error, and then says what it waited for and what it last heard.
func await(what string, ok func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for {
		err := ok()
		var last final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &last), time.Since(begun) > patience:
			return fmt.Errorf("redistest: waited %v for %s: %w",
				time.Since(begun).Round(time.Millisecond), what, err)
		}
		<-tick.C
	}
}

// FreePort finds a port that nobody listens on, and whose cluster bus port
// (10,000 above) is free too. Both lie below 32,768, where systems begin to hand
// out ports to outgoing connections: a server that is down for a moment would
// otherwise find its port taken when it comes back.
func FreePort() (int, error) {
	for range 100 {
		port := 10_000 + rand.IntN(12_000)
		if free(port) && free(port+10_000) {
			return port, nil
		}
	}
	return 0, errors.New("redistest: found no free port")
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
