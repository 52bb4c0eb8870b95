package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// converge waits until everybody has come to the end: all members of a session
// have a last event, sent now that the faults are over, have all that they asked
// for settled, and are shown as online, and nobody else is.
func (r *run) converge(ctx context.Context) {
	for _, m := range r.members {
		m.sockets.wake()
	}
	r.comeToTheEnd(ctx)
	ctx, cancel := context.WithTimeout(ctx, r.o.Converge)
	defer cancel()
	for _, s := range r.sessions {
		if err := r.present(ctx, s); err != nil {
			r.problem("%s: presence is not true: %v", s.id, err)
		}
	}
}

func (r *run) comeToTheEnd(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Converge)
	defer cancel()
	for _, s := range r.sessions {
		// First without a new event, which would show everybody what is missing.
		if until(ctx, func() bool { return len(s.behind(s.furthest())) == 0 }) != nil {
			r.problem("%s has not converged by itself within %v: %s", s.id, r.o.Converge, strings.Join(s.behind(s.furthest()), ", "))
		}
		epoch, offset, err := s.finish(ctx)
		if err != nil {
			r.problem("%s takes no last event: %v", s.id, err)
			continue
		}
		s.record.End(epoch, offset)
		if until(ctx, func() bool { return len(s.behind(epoch, offset)) == 0 }) != nil {
			r.problem("%s has not converged at %s/%d within %v: %s", s.id, epoch, offset, r.o.Converge,
				strings.Join(s.behind(epoch, offset), ", "))
		}
	}
}

// furthest is how far somebody has come.
func (s *session) furthest() (epoch string, offset uint64) {
	for _, m := range s.members {
		if at := m.position(); at.Offset >= offset {
			epoch, offset = at.Epoch, at.Offset
		}
	}
	return epoch, offset
}

// until asks until ok.
func until(ctx context.Context, ok func() bool) error {
	for !ok() {
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// finish publishes the last event of a session.
func (s *session) finish(ctx context.Context) (epoch string, offset uint64, err error) {
	for i := 0; ; i++ {
		epoch, offset, err = s.members[i%len(s.members)].finish(ctx)
		if err == nil || !sleep(ctx, 200*time.Millisecond) {
			return epoch, offset, err
		}
	}
}

// behind says who has not come to a position, or has something that is not settled.
func (s *session) behind(epoch string, offset uint64) (who []string) {
	for _, m := range s.members {
		at, pending := m.position(), m.pending()
		if at.Epoch != epoch || at.Offset < offset || pending > 0 {
			who = append(who, fmt.Sprintf("%s at %s/%d with %d unsettled", m.name, at.Epoch, at.Offset, pending))
		}
	}
	at, pending := s.witness.stands()
	if at.Epoch != epoch || at.Offset < offset || pending > 0 {
		who = append(who, fmt.Sprintf("%s at %s/%d with %d unsettled", s.witness.name, at.Epoch, at.Offset, pending))
	}
	return who
}

// present waits until the session shows exactly those online who are, and has
// the history judge what it says of its state.
func (r *run) present(ctx context.Context, s *session) error {
	var wrong error
	err := until(ctx, func() bool {
		snap, err := r.look(ctx, s)
		if wrong = err; err != nil {
			return false
		}
		wrong = s.comparePresence(snap.Members)
		return wrong == nil
	})
	if err != nil {
		return wrong
	}
	return nil
}

// look asks for a session as everyone may see it.
func (r *run) look(ctx context.Context, s *session) (*history.Snapshot, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.cluster.nginx.url+"/api/sessions/"+s.id, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	var body struct {
		Epoch   string          `json:"epoch"`
		Offset  uint64          `json:"offset"`
		Members json.RawMessage `json:"members"`
		State   json.RawMessage `json:"state"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return nil, err
	}
	snap := &history.Snapshot{Epoch: body.Epoch, Offset: body.Offset, Reason: "asked by HTTP", Members: body.Members, State: body.State}
	c := s.record.Client("asker", fmt.Sprintf("asker-%p", snap))
	c.Replaced(*snap)
	c.Gone("answered")
	return snap, nil
}

// comparePresence holds a list of members against those that are there.
func (s *session) comparePresence(members []byte) error {
	var list []struct {
		Member string `json:"member"`
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	if err := json.Unmarshal(members, &list); err != nil {
		return err
	}
	there := []string{s.witness.memberID()}
	for _, m := range s.members {
		there = append(there, m.memberID())
	}
	var wrong []string
	online := make(map[string]bool)
	for _, m := range list {
		online[m.Member] = m.Status == "online"
		if online[m.Member] != slices.Contains(there, m.Member) {
			wrong = append(wrong, fmt.Sprintf("%s (%s) is %s", m.Member, m.Name, m.Status))
		}
	}
	for _, id := range there {
		if _, listed := online[id]; !listed {
			wrong = append(wrong, id+" is missing")
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}

// create makes a document session.
func (r *run) create(ctx context.Context, s *session, document []byte) error {
	body, err := json.Marshal(map[string]any{"id": s.id, "kind": s.kind, "options": map[string]any{"document": json.RawMessage(document)}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.cluster.nginx.url+"/api/sessions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("creating a session: %w", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("creating a session: %s", res.Status)
	}
	return nil
}

// search returns what follows the first sign in a file.
func search(path, sign string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	i := bytes.Index(text, []byte(sign))
	if i < 0 {
		return ""
	}
	return string(text[i:min(len(text), i+3000)])
}
