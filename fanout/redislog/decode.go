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
	case fanout.Missing:
		res.Ended, err = values[5].ToString()
	case fanout.Repeated:
		err = repeats(&res, values[5], values[6])
	case fanout.Conflict:
		res.State, err = values[5].AsStrMap()
	}
	return res, err
}

// repeats decodes which items were taken before, and what is kept of each:
// "<ref>", or "<ref> <offset> <mark>".
func repeats(res *fanout.Appended, indexes, kept rueidis.RedisMessage) error {
	numbers, err := indexes.AsIntSlice()
	if err != nil {
		return err
	}
	texts, err := kept.AsStrSlice()
	if err != nil {
		return err
	}
	for n, i := range numbers {
		_, text, _ := strings.Cut(texts[n], " ")
		offset, mark, _ := strings.Cut(text, " ")
		m := fanout.Mark{Mark: mark}
		if mark != "" {
			if m.Offset, err = strconv.ParseUint(offset, 10, 64); err != nil {
				return fmt.Errorf("what is kept of a ref, %q: %w", texts[n], err)
			}
		}
		res.Repeats, res.Marks = append(res.Repeats, int(i)), append(res.Marks, m)
	}
	return nil
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
	refs, err := values[6].ToArray()
	if err != nil {
		return err
	}
	for i := range refs {
		if v.Refs[i], err = refs[i].AsUint64(); err != nil {
			return err
		}
	}
	if q.History {
		v.Events, v.Complete, err = history(values[5], q, v.Offset)
	}
	return err
}

// history decodes stream entries. The id of an entry is the offset of its last event.
func history(m rueidis.RedisMessage, q *fanout.Query, head uint64) (events []fanout.Event, complete bool, err error) {
	entries, err := m.AsStrSlice()
	if err != nil {
		return nil, false, err
	}
	var batch []fanout.Event
	for i := 0; i+1 < len(entries); i += 2 {
		id, _, _ := strings.Cut(entries[i], "-")
		last, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return nil, false, fmt.Errorf("stream entry %q: %w", entries[i], err)
		}
		if batch, err = fanout.DurableEvents(batch[:0], 1, []byte(entries[i+1])); err != nil {
			return nil, false, err
		}
		for j, e := range batch {
			e.Offset = last - uint64(len(batch)-1-j)
			if e.Offset > q.After {
				events = append(events, e)
			}
		}
	}
	wanted := head
	if q.Limit > 0 && len(events) >= q.Limit {
		events = events[:q.Limit]
		wanted = events[q.Limit-1].Offset
	}
	complete = q.After == head || len(events) > 0 && events[0].Offset == q.After+1 && events[len(events)-1].Offset == wanted
	return events, complete, nil
}
