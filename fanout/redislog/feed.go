package redislog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/fanout"
)

// chunk is how many channels one SUBSCRIBE names.
const chunk = 512

// singleFeed hears of all sessions over one connection. Messages are handed
// over on the goroutine that reads it, with no goroutine or buffer per session.
type singleFeed struct {
	client   rueidis.Client
	channel  func(session string) string
	receiver fanout.Receiver

	poke chan struct{} // of capacity 1: stale has something

	mu      sync.Mutex        // guards the following
	wanted  map[string]string // channel to session
	stale   []string          // channels to leave
	leaving map[string]chan struct{}
	conn    rueidis.DedicatedClient
	up      chan struct{} // closed when conn is set
}

func newSingleFeed(client rueidis.Client, channel func(string) string) *singleFeed {
	return &singleFeed{client: client, channel: channel, poke: make(chan struct{}, 1),
		wanted: make(map[string]string), leaving: make(map[string]chan struct{}), up: make(chan struct{})}
}

func (f *singleFeed) listen(r fanout.Receiver) { f.receiver = r }

// run keeps the connection, and after each loss subscribes everything again.
func (f *singleFeed) run(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		f.serve(ctx, first)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// serve uses one connection until it breaks.
func (f *singleFeed) serve(ctx context.Context, first bool) {
	conn, release := f.client.Dedicate()
	defer release()
	broken := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: f.message})
	sessions, channels := f.begin(conn)
	defer f.end()
	for len(channels) > 0 {
		part := channels[:min(chunk, len(channels))]
		channels = channels[len(part):]
		if conn.Do(ctx, conn.B().Subscribe().Channel(part...).Build()).Error() != nil {
			return
		}
	}
	// A SUBSCRIBE on a connection that has just broken may seem to succeed.
	if conn.Do(ctx, conn.B().Ping().Build()).Error() != nil {
		return
	}
	if !first && len(sessions) > 0 {
		f.receiver.Resubscribed(sessions)
	}
	for {
		select {
		case <-f.poke:
			f.leave(ctx, conn)
		case <-broken:
			return
		case <-ctx.Done():
			return
		}
	}
}

// begin makes conn the one to subscribe on, and returns what was wanted before.
func (f *singleFeed) begin(conn rueidis.DedicatedClient) (sessions, channels []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn = conn
	close(f.up)
	for channel, session := range f.wanted {
		sessions, channels = append(sessions, session), append(channels, channel)
	}
	return sessions, channels
}

func (f *singleFeed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn, f.up, f.stale = nil, make(chan struct{}), nil
}

// leave unsubscribes what is stale. A channel that is wanted again meanwhile is
// subscribed after that, not overtaken by it.
func (f *singleFeed) leave(ctx context.Context, conn rueidis.DedicatedClient) {
	f.mu.Lock()
	var cmds rueidis.Commands
	var channels []string
	done := make(chan struct{})
	for _, channel := range f.stale {
		if _, wanted := f.wanted[channel]; !wanted && f.leaving[channel] == nil {
			f.leaving[channel] = done
			channels = append(channels, channel)
			cmds = append(cmds, conn.B().Unsubscribe().Channel(channel).Build())
		}
	}
	f.stale = nil
	f.mu.Unlock()
	if len(cmds) > 0 {
		conn.DoMulti(ctx, cmds...) // an error means that the connection is gone, and the subscription with it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, channel := range channels {
		delete(f.leaving, channel)
	}
	close(done)
}

// subscribe waits for the confirmation. If the connection breaks meanwhile, it
// tries on the next one.
func (f *singleFeed) subscribe(ctx context.Context, session string) error {
	channel := f.channel(session)
	for {
		conn, wait := f.want(channel, session)
		retry := time.Minute
		if conn != nil {
			if conn.Do(ctx, conn.B().Subscribe().Channel(channel).Build()).Error() == nil {
				return nil
			}
			retry = 50 * time.Millisecond
		}
		select {
		case <-wait:
		case <-time.After(retry):
		case <-ctx.Done():
			f.unsubscribe(session)
			return fmt.Errorf("subscribing to %s: %w: %w", session, fanout.ErrUnavailable, context.Cause(ctx))
		}
	}
}

// want notes that a channel is wanted, and returns the connection to subscribe
// on, or what to wait for before another call.
func (f *singleFeed) want(channel, session string) (rueidis.DedicatedClient, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if left := f.leaving[channel]; left != nil {
		return nil, left
	}
	f.wanted[channel] = session
	if f.conn == nil {
		return nil, f.up
	}
	return f.conn, nil
}

func (f *singleFeed) unsubscribe(session string) {
	channel := f.channel(session)
	f.mu.Lock()
	delete(f.wanted, channel)
	f.stale = append(f.stale, channel)
	f.mu.Unlock()
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

func (f *singleFeed) message(m rueidis.PubSubMessage) {
	f.mu.Lock()
	session, ok := f.wanted[m.Channel]
	f.mu.Unlock()
	if ok {
		deliver(f.receiver, session, m.Message)
	}
}
