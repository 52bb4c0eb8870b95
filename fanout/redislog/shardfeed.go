package redislog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/fanout"
)

// shardFeed hears of each session on the shard that has it (Redis Cluster,
// sharded pub/sub). The client knows the topology and follows a slot that
// moves; it wants a goroutine per subscription for that.
type shardFeed struct {
	client   rueidis.Client
	channel  func(session string) string
	receiver fanout.Receiver

	begun chan struct{}  // closed when run has
	tasks sync.WaitGroup // adding is guarded by mu and ctx

	mu   sync.Mutex // guards the following
	ctx  context.Context
	subs map[string]*shardSub
}

// shardSub is one subscription.
type shardSub struct {
	cancel context.CancelFunc
	ended  chan struct{}
	ready  chan struct{} // closed at the first confirmation
	once   sync.Once
}

func newShardFeed(client rueidis.Client, channel func(string) string) *shardFeed {
	return &shardFeed{client: client, channel: channel, begun: make(chan struct{}), subs: make(map[string]*shardSub)}
}

func (f *shardFeed) listen(r fanout.Receiver) { f.receiver = r }

func (f *shardFeed) run(ctx context.Context) {
	f.mu.Lock()
	f.ctx = ctx
	f.mu.Unlock()
	close(f.begun)
	<-ctx.Done()
	f.mu.Lock()
	for _, s := range f.subs {
		s.cancel()
	}
	f.mu.Unlock()
	f.tasks.Wait()
}

func (f *shardFeed) subscribe(ctx context.Context, session string) error {
	for {
		s, before, err := f.add(session)
		if err != nil {
			return fmt.Errorf("subscribing to %s: %w", session, err)
		}
		wait := before
		if s != nil {
			wait = s.ready
		}
		select {
		case <-wait:
			if s != nil {
				return nil
			}
		case <-ctx.Done():
			if s != nil {
				f.unsubscribe(session)
			}
			return fmt.Errorf("subscribing to %s: %w: %w", session, fanout.ErrUnavailable, context.Cause(ctx))
		}
	}
}

// add starts a subscription, or returns what to wait for before another call:
// the end of an earlier one, or the beginning of run.
func (f *shardFeed) add(session string) (s *shardSub, before <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx == nil {
		return nil, f.begun, nil
	}
	if f.ctx.Err() != nil {
		return nil, nil, fanout.ErrUnavailable
	}
	if old := f.subs[session]; old != nil {
		return nil, old.ended, nil
	}
	ctx, cancel := context.WithCancel(f.ctx)
	s = &shardSub{cancel: cancel, ended: make(chan struct{}), ready: make(chan struct{})}
	f.subs[session] = s
	f.tasks.Go(func() { f.serve(ctx, session, s) })
	return s, nil, nil
}

func (f *shardFeed) unsubscribe(session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.subs[session]; s != nil {
		s.cancel()
	}
}

// serve receives until the subscription is cancelled.
func (f *shardFeed) serve(ctx context.Context, session string, s *shardSub) {
	defer f.remove(session, s)
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(sub rueidis.PubSubSubscription) {
		if sub.Kind != "ssubscribe" {
			return
		}
		first := false
		s.once.Do(func() { first = true; close(s.ready) })
		if !first {
			f.receiver.Resubscribed([]string{session})
		}
	})
	channel := f.channel(session)
	for ctx.Err() == nil {
		subscribe := f.client.B().Ssubscribe().Channel(channel).Build()
		_ = f.client.Receive(hooked, subscribe, func(m rueidis.PubSubMessage) { // whatever ended it: again
			deliver(f.receiver, session, m.Message)
		})
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	f.client.Do(context.WithoutCancel(ctx), f.client.B().Sunsubscribe().Channel(channel).Build())
}

func (f *shardFeed) remove(session string, s *shardSub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, session)
	close(s.ended)
}
