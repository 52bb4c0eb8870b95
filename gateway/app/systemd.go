package app

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// systemd tells the service manager how the process is doing, see sd_notify(3).
// The zero value is for a process that no manager started, and tells nothing.
type systemd struct {
	address  *net.UnixAddr
	watchdog time.Duration // after that long without a sign of life the manager kills the process; 0: never
}

// underSystemd reads what the manager has left in the environment.
func underSystemd(getenv func(string) string) (systemd, error) {
	var s systemd
	name := getenv("NOTIFY_SOCKET")
	if name == "" {
		return s, nil
	}
	s.address = &net.UnixAddr{Name: name, Net: "unixgram"} // package net knows that @ is an abstract one
	if text := getenv("WATCHDOG_USEC"); text != "" {
		usec, err := strconv.ParseInt(text, 10, 64)
		if err != nil || usec <= 0 {
			return systemd{}, fmt.Errorf("WATCHDOG_USEC=%q: must be a number of microseconds", text)
		}
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s, nil
}

// tell sends one state. A manager that does not listen is no reason to stop, and
// it will draw its own conclusions.
func (s systemd) tell(state string) {
	if s.address == nil {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, s.address)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// live gives signs of life until ctx ends. A process that is stopped, or whose
// runtime stands still, gives none: its sockets are open and nothing answers, so
// nothing else would find out.
func (s systemd) live(ctx context.Context) {
	if s.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(s.watchdog / 3)
	defer ticker.Stop()
	for {
		s.tell("WATCHDOG=1")
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
