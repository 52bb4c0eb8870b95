package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// readyWithin is how long a gateway may take to say that it is ready.
const readyWithin = 2 * time.Second

// Ready asks the gateway of this machine that listens on an address, as
// [Settings.Listen] has it, whether it is ready. The error says why it is not.
func Ready(ctx context.Context, listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%sLISTEN=%q: %w", prefix, listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost" // it listens on all addresses
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the gateway: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	why, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // what can be had of it
	return fmt.Errorf("not ready: %s: %s", res.Status, why)
}
