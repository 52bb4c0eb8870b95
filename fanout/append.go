package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// append brings the group in hand into the log with one append, as often as it
// takes: on a newer state after a conflict, without those that were taken
// before, and again while the outcome is unknown, which is safe because refs
// and revisions are recognised.
func (d *desk) append(ctx context.Context) {
	began := time.Now()
	for try := 0; len(d.group) > 0; {
		if ctx.Err() != nil {
			d.drop(func(p *Proposal) bool { d.settle(p, Settlement{Err: ErrStopped}); return true })
			return
		}
		a, err := d.decide(ctx)
		if len(d.group) == 0 {
			return
		}
		var res Appended
		if err == nil {
			d.pool.hub.Stats.Appends.Add(1)
			d.pool.hub.Stats.AppendItems.Add(int64(len(a.Items)))
			asked := time.Now()
			res, err = d.pool.hub.log.Append(ctx, d.pool.session, a)
			d.pool.hub.Stats.AppendTime.Observe(time.Since(asked))
		}
		if err != nil {
			d.failed(ctx, err, began, try)
			try++
			continue
		}
		d.answered(res, a)
	}
}

// decide asks the proposals for their changes, in order, and makes them one append.
func (d *desk) decide(ctx context.Context) (*Append, error) {
	a := &Append{Items: make([]Item, 0, len(d.group)), Known: d.pool.known()}
	if slices.ContainsFunc(d.group, func(p *Proposal) bool { return p.Decide != nil }) {
		if !d.loaded {
			if err := d.reload(ctx); err != nil {
				return nil, fmt.Errorf("%w: reading the state: %w", ErrUnavailable, err)
			}
		}
		head := d.head
		a.If = &head
	}
	d.owners = d.owners[:0]
	for i, p := range d.group {
		change := p.Change
		if p.Decide != nil {
			if change, p.reject = p.Decide(d.state); p.reject != nil {
				continue
			}
		}
		if err := change.check(); err != nil {
			return d.unfit(ctx, i, err)
		}
		a.Create = a.Create || p.Create && d.head == Head{}
		a.End = a.End || p.End
		a.At = p.At // whoever has one is alone in the group
		a.Items = d.items(a.Items, i, p, &change)
		p.Change.Events = change.Events
	}
	if a.If != nil {
		a.Set = d.state.Changes()
	}
	return a, nil
}

// unfit refuses a proposal whose records nobody could read, and decides the
// others anew: Decide may have changed the state for it.
func (d *desk) unfit(ctx context.Context, i int, err error) (*Append, error) {
	d.loaded = false
	d.settle(d.group[i], Settlement{Err: err})
	d.group = slices.Delete(d.group, i, i+1)
	if len(d.group) == 0 {
		return nil, nil
	}
	return d.decide(ctx)
}

// reload reads the state, and settles the proposals that an earlier try has
// brought into the log after all: decided on a state that holds them they would
// be refused.
func (d *desk) reload(ctx context.Context) error {
	var q Query
	for _, p := range d.group {
		if p.tried && p.Ref != 0 {
			q.Clients = append(q.Clients, p.Client)
		}
	}
	v, err := d.read(ctx, &q)
	if err != nil {
		return err
	}
	refs := v.Refs
	d.drop(func(p *Proposal) bool {
		if !p.tried || p.Ref == 0 {
			return false
		}
		took := refs[0].Has(p.Ref) && p.Mark == "" // one with a mark is told what is kept with it
		if refs = refs[1:]; took {
			d.settle(p, Settlement{Repeated: true, Head: v.Head, Last: v.Offset})
		}
		return took
	})
	return nil
}

// items appends what a proposal asks for.
func (d *desk) items(items []Item, i int, p *Proposal, c *Change) []Item {
	item := Item{Client: p.Client, By: p.By, Ref: p.Ref, Events: c.Events, Records: c.Records, Mark: p.Mark}
	if c.Events == 0 {
		item.Records = c.Passing
	}
	if c.Events > 0 || len(item.Records) > 0 || item.Ref != 0 || item.By != "" {
		items, d.owners = append(items, item), append(d.owners, i)
	}
	if c.Events > 0 && len(c.Passing) > 0 {
		items, d.owners = append(items, Item{Records: c.Passing}), append(d.owners, i)
	}
	return items
}

// answered acts on the log's answer. What stays in the group is to be appended
// again.
func (d *desk) answered(res Appended, a *Append) {
	stats := &d.pool.hub.Stats
	switch res.Outcome {
	case Took:
		d.took(res, a)
	case Conflict:
		stats.AppendConflicts.Add(1)
		d.conflict(res)
	case Repeated:
		stats.AppendRepeats.Add(int64(len(res.Repeats)))
		d.repeated(res, a)
	case Missing:
		d.missing(res, a)
	case Moved:
		d.drop(func(p *Proposal) bool { d.settle(p, Settlement{Err: ErrMoved, Head: res.Head}); return true })
		d.loaded = false // the proposal may have changed the state
	}
}

func (d *desk) took(res Appended, a *Append) {
	if a.If != nil {
		d.state.Saved(res.Head)
		d.head, d.epoch = res.Head, res.Epoch
	} else if res.Epoch == d.head.Epoch && res.Rev == d.head.Rev {
		d.head = res.Head
	}
	if a.End {
		d.loaded = false
	}
	first := res.Head
	if res.First != 0 {
		first.Offset = res.First - 1
	}
	d.pool.meet(first)
	d.claimed(res.Claims, a)
	last := first.Offset
	var took sample
	for _, p := range d.group {
		if p.reject != nil {
			d.settle(p, Settlement{Err: p.reject, Head: res.Head})
			continue
		}
		if p.Change.Events > 0 {
			last += uint64(p.Change.Events)
			took.add(sample{last: last, asked: d.pool.hub.wheel.since(p.asked), n: 1})
		}
		d.settle(p, Settlement{Head: res.Head, Last: last, Taken: p.taken})
	}
	d.pool.timed(res.Epoch, took)
	clear(d.group)
	d.group = d.group[:0]
}

// claimed notes with the proposals that claim a client what took effect of it.
func (d *desk) claimed(claims []Taken, a *Append) {
	for n := range a.Items {
		if a.Items[n].claims() && len(claims) > 0 {
			d.group[d.owners[n]].taken = claims[0]
			claims = claims[1:]
		}
	}
}

// conflict takes the newer state.
func (d *desk) conflict(res Appended) {
	switch {
	case slices.ContainsFunc(d.group, func(p *Proposal) bool { return p.tried && p.Ref != 0 }):
		d.loaded = false // what made the state newer may be the earlier try
	case res.Epoch == "":
		_ = d.load(Head{}, nil) // an error leaves it not loaded
	default:
		_ = d.load(res.Head, res.State)
	}
}

// repeated settles those that were taken before, and those that cannot be taken
// any more; the others are appended again. One that only repeats another one of the group is not settled before that one
// is: it goes back into the queue.
func (d *desk) repeated(res Appended, a *Append) {
	var back []*Proposal
	for n, item := range res.Repeats {
		i := d.owners[item]
		p := d.group[i]
		d.group[i] = nil
		if repeatsNew(a.Items[:item], res.Repeats[:n], p) {
			back = append(back, p)
			continue
		}
		switch {
		case slices.Contains(res.Skipped, item):
			d.settle(p, Settlement{Err: ErrSkipped, Head: res.Head})
			continue
		case slices.Contains(res.Claimed, item):
			d.settle(p, Settlement{Err: ErrClaimed, Head: res.Head})
			continue
		}
		s := Settlement{Repeated: true, Head: res.Head, Last: res.Offset}
		if kept := res.Marks[n]; kept.Mark != "" {
			s.Mark, s.Last = kept.Mark, kept.Offset
		}
		d.settle(p, s)
	}
	d.drop(func(p *Proposal) bool { return p == nil })
	d.loaded = false // proposals have changed the state already
	if len(back) > 0 {
		d.mu.Lock()
		d.queue = slices.Insert(d.queue, 0, back...)
		d.mu.Unlock()
	}
}

// repeatsNew reports whether p repeats one of items that is not itself among
// the repeats.
func repeatsNew(items []Item, repeats []int, p *Proposal) bool {
	for i := range items {
		if items[i].Client == p.Client && items[i].Ref >= p.Ref && !slices.Contains(repeats, i) {
			return true
		}
	}
	return false
}

// missing makes the session anew, or tells the group that there is none. One
// that was ended does not come back.
func (d *desk) missing(res Appended, a *Append) {
	none := ErrMissing
	if res.Ended != "" && (res.Ended == d.epoch || res.Ended == d.pool.Head().Epoch) {
		none = ErrEnded
	}
	if d.load(Head{}, nil) == nil && none == ErrMissing && d.state.Revive() {
		revive := &Proposal{Create: true, Decide: func(State) (Change, error) { return Change{}, nil }}
		d.group = slices.Insert(d.group, 0, revive)
		return
	}
	stale := a.If != nil && *a.If != Head{} // decided on a session that is gone
	d.drop(func(p *Proposal) bool {
		if p.Create && (p.reject == nil || stale) {
			return false
		}
		if p.reject == nil || stale {
			p.reject = none
		}
		d.settle(p, Settlement{Err: p.reject})
		return true
	})
}

// failed acts on an append whose outcome is unknown, or that could not be
// tried. What stays in the group is to be tried again.
func (d *desk) failed(ctx context.Context, err error, began time.Time, try int) {
	options := &d.pool.hub.options
	d.pool.hub.Stats.AppendErrors.Add(1)
	d.loaded = false
	if !errors.Is(err, ErrUnavailable) {
		d.sent()
	}
	d.drop(func(p *Proposal) bool {
		if time.Since(p.asked) < p.patience(options) {
			return false
		}
		d.settle(p, Settlement{Err: ErrUnavailable})
		return true
	})
	if len(d.group) > 0 && time.Since(began) > options.Wait {
		d.shed()
	}
	if len(d.group) > 0 {
		pause(ctx, try, nil)
	}
}

// sent notes that the group may have taken effect, and with it those in the
// queue that repeat one of its refs.
func (d *desk) sent() {
	for _, p := range d.group {
		p.tried = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.queue {
		q.tried = q.tried || q.Ref != 0 && slices.ContainsFunc(d.group, func(p *Proposal) bool {
			return p.Ref == q.Ref && p.Client == q.Client
		})
	}
}

// patience is how long a proposal is tried again after a failure.
func (p *Proposal) patience(o *Options) time.Duration {
	recognised := p.Ref != 0 || p.Decide != nil
	switch {
	case !recognised && (p.tried || p.Change.Events == 0):
		return 0 // again might be twice; and what is for the moment is late already
	case p.tried:
		return o.GiveUp
	}
	return o.Wait
}

// shed answers what has waited behind the group for too long.
func (d *desk) shed() {
	d.mu.Lock()
	looks := d.looks
	d.looks = nil
	var late []*Proposal
	d.queue = slices.DeleteFunc(d.queue, func(p *Proposal) bool {
		if time.Since(p.asked) < p.patience(&d.pool.hub.options) {
			return false
		}
		late = append(late, p)
		return true
	})
	d.mu.Unlock()
	for _, l := range looks {
		l.Seen(d.state, Seen{Err: ErrUnavailable})
	}
	for _, p := range late {
		d.settle(p, Settlement{Err: ErrUnavailable})
	}
}

// drop removes the proposals of the group that gone says are done with.
func (d *desk) drop(gone func(p *Proposal) bool) {
	d.group = slices.DeleteFunc(d.group, gone)
}

// settle tells the asker. Of one that was tried it is not known that nothing
// happened.
func (d *desk) settle(p *Proposal, s Settlement) {
	if p.tried && (errors.Is(s.Err, ErrUnavailable) || errors.Is(s.Err, ErrStopped)) {
		s.Err = ErrUnknown
	}
	s.Tried = p.tried
	if p.To != nil {
		p.To.Settled(p, s)
	}
}
