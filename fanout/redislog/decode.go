package redislog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/fanout"
)

var outcomes = map[string]fanout.Outcome{"took": fanout.Took, "conflict": fanout.Conflict,
	"repeated": fanout.Repeated, "missing": fanout.Missing, "moved": fanout.Moved}

func appended(values []rueidis.RedisMessage) (res fanout.Appended, err error) {
	if len(values) < 5 {
		return res, errors.New("the append script answered too little")
	}
	name, err := values[0].ToString()
	if err != nil {
		return res, err
	}
	res.Outcome = outcomes[name]
	if res.Epoch, err = values[1].ToString(); err != nil {
		return res, err
	}
	for i, to := range []*uint64{&res.Offset, &res.Rev, &res.First} {
		if *to, err = values[2+i].AsUint64(); err != nil {
			return res, err
		}
	}
	switch res.Outcome {
	case fanout.Took:
		res.Claims, err = takens(values[5])
	case fanout.Missing:
		res.Ended, err = values[5].ToString()
	case fanout.Repeated:
		err = repeats(&res, values[5:9])
	case fanout.Conflict:
		res.State, err = values[5].AsStrMap()
	}
	return res, err
}

// repeats decodes which items cannot be taken, the marks of each, "<offset> <mark>"
// or nothing, and which of them were skipped, and whose clients are claimed.
func repeats(res *fanout.Appended, values []rueidis.RedisMessage) (err error) {
	for i, to := range []*[]int{&res.Repeats, nil, &res.Skipped, &res.Claimed} {
		if to == nil {
			continue
		}
		if *to, err = indexes(values[i]); err != nil {
			return err
		}
	}
	texts, err := values[1].AsStrSlice()
	for _, text := range texts {
		offset, mark, _ := strings.Cut(text, " ")
		m := fanout.Mark{Mark: mark}
		if mark != "" {
			if m.Offset, err = strconv.ParseUint(offset, 10, 64); err != nil {
				return fmt.Errorf("what is kept of a ref, %q: %w", text, err)
			}
		}
		res.Marks = append(res.Marks, m)
	}
	return err
}

func indexes(m rueidis.RedisMessage) (list []int, err error) {
	numbers, err := m.AsIntSlice()
	for _, n := range numbers {
		list = append(list, int(n))
	}
	return list, err
}

func view(v *fanout.View, values []rueidis.RedisMessage, q *fanout.Query) (err error) {
	v.Exists = true
	if v.Epoch, err = values[0].ToString(); err != nil {
		return err
	}
	if v.Offset, err = values[2].AsUint64(); err != nil {
		return err
	}
	if v.Rev, err = values[3].AsUint64(); err != nil {
		return err
	}
	if !values[4].IsNil() {
		if v.State, err = values[4].AsStrMap(); err != nil {
			return err
		}
	}
	if v.Refs, err = takens(values[6]); err != nil || !q.History {
		return err
	}
	if v.Events, err = history(values[5], q); err != nil {
		return err
	}
	v.Complete = q.After == v.Offset || len(v.Events) > 0 && v.Events[0].Offset == q.After+1
	v.More = len(v.Events) > 0 && v.Events[len(v.Events)-1].Offset < v.Offset
	return nil
}

func takens(m rueidis.RedisMessage) (all []fanout.Taken, err error) {
	texts, err := m.AsStrSlice()
	for _, kept := range texts {
		t, err := taken(kept)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, err
}

// taken decodes which refs of a client took effect, see append.lua.
func taken(kept string) (t fanout.Taken, err error) {
	last, gaps, _ := strings.Cut(kept, " ")
	if t.Last, err = strconv.ParseUint(last, 10, 64); err != nil {
		return t, fmt.Errorf("the refs %q: %w", kept, err)
	}
	for gap := range strings.FieldsSeq(gaps) {
		var s fanout.Span
		if _, err := fmt.Sscanf(gap, "%d-%d", &s.First, &s.Last); err != nil {
			return t, fmt.Errorf("the refs %q: %w", kept, err)
		}
		t.Gaps = append(t.Gaps, s)
	}
	return t, nil
}

// history decodes stream entries. The id of an entry is the offset of its last event.
func history(m rueidis.RedisMessage, q *fanout.Query) (events []fanout.Event, err error) {
	entries, err := m.AsStrSlice()
	if err != nil {
		return nil, err
	}
	var batch []fanout.Event
	for i := 0; i+1 < len(entries); i += 2 {
		id, _, _ := strings.Cut(entries[i], "-")
		last, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("stream entry %q: %w", entries[i], err)
		}
		if batch, err = fanout.DurableEvents(batch[:0], 1, []byte(entries[i+1])); err != nil {
			return nil, err
		}
		for j, e := range batch {
			e.Offset = last - uint64(len(batch)-1-j)
			if e.Offset > q.After {
				events = append(events, e)
			}
		}
	}
	if q.Limit > 0 && len(events) > q.Limit {
		events = events[:q.Limit]
	}
	return events, nil
}
