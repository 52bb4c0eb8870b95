package estimation

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Bounds of what is kept about who may come in.
const (
	maxPasscode   = 64 // characters
	maxBanned     = 200
	maxSpectators = 1000
	iterations    = 4096 // of the hash: about a millisecond
)

// passcode is what is kept of one.
type passcode struct {
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

func hashPasscode(code string, salt []byte) []byte {
	hash, err := pbkdf2.Key(sha256.New, code, salt, iterations, sha256.Size)
	if err != nil {
		panic("estimation: " + err.Error()) // only for a length that no hash has
	}
	return hash
}

func (p *passcode) is(code string) bool { return hmac.Equal(hashPasscode(code, p.Salt), p.Hash) }

// Closed implements kind.Closed.
func (s *state) Closed() bool { return s.Passcode != nil || s.Locked || len(s.Banned) > 0 }

// Admit implements kind.Social.
func (s *state) Admit(j kind.Join, people []kind.Person, _ time.Time) (kind.Result, error) {
	keepOut := func(code wire.Code, text string) (kind.Result, error) {
		return kind.Result{}, &wire.Error{Code: code, Message: text, Close: wire.CloseForbidden}
	}
	switch {
	case j.Role != "" && j.Role != roleVoter && j.Role != roleSpectator:
		return kind.Result{}, refuse(CodeBadRole, "the role is voter or spectator")
	case slices.Contains(s.Banned, fold(j.Name)):
		return keepOut(CodeBanned, "somebody with this name was removed from the session for good")
	case s.Locked && len(people) > 0:
		return keepOut(CodeLocked, "the session is locked: nobody new is let in")
	case s.Passcode != nil && j.Passcode == "":
		return keepOut(CodePasscodeRequired, "the session asks for a passcode")
	case s.Passcode != nil && !s.Passcode.is(j.Passcode):
		return keepOut(CodePasscodeWrong, "this is not the session's passcode")
	case j.Role != roleSpectator:
		return kind.Result{}, nil
	case len(s.Spectators) >= maxSpectators:
		return kind.Result{}, refuse(CodeTooMany, "the session has %d spectators already", maxSpectators)
	}
	next := *s
	next.Spectators = append(slices.Clone(s.Spectators), j.Member)
	return kind.Result{State: &next}, nil
}

// fold makes names alike that look alike in upper and lower case.
func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// Builtin implements kind.Guard: the owner may remove anyone, facilitators those
// who are none.
func (s *state) Builtin(c kind.Command) (kind.Result, error) {
	if c.Name != "remove_member" {
		return kind.Result{}, nil
	}
	m := s.begin(c.From, c.People, c.At)
	var d memberData
	if wire.Unmarshal(c.Data, &d) != nil {
		return kind.Result{}, badData(`the data of remove_member is {"member": id, "ban": boolean}, the last one optional`)
	}
	if err := m.may(facilitators); err != nil {
		return kind.Result{}, err
	}
	if m.by != m.Owner && m.leads(d.Member) {
		return kind.Result{}, forbidden("only the owner may remove a facilitator")
	}
	if !d.Ban {
		return kind.Result{}, nil
	}
	p, _ := m.person(d.Member)
	if name := fold(p.Name); !slices.Contains(m.Banned, name) {
		if len(m.Banned) >= maxBanned {
			return kind.Result{}, refuse(CodeTooMany, "the session has %d banned names already", maxBanned)
		}
		m.Banned = append(slices.Clone(m.Banned), name)
	}
	return kind.Result{State: m.state}, nil
}

func (m *move) lock(json.RawMessage) error   { return m.setLocked(true) }
func (m *move) unlock(json.RawMessage) error { return m.setLocked(false) }

func (m *move) setLocked(locked bool) error {
	if err := m.may(m.Options.SettingsBy); err != nil || m.Locked == locked {
		return err
	}
	m.Locked = locked
	m.sayDoor()
	return nil
}

// setPasscode sets the passcode, or takes it away.
func (m *move) setPasscode(data json.RawMessage) error {
	var d struct {
		Passcode *string `json:"passcode"`
	}
	if wire.Unmarshal(data, &d) != nil || d.Passcode != nil && *d.Passcode != "" && !validText(*d.Passcode, maxPasscode) {
		return badData(`the data of set_passcode is {"passcode": string of up to %d characters, or null}`, maxPasscode)
	}
	if err := m.may(m.Options.SettingsBy); err != nil {
		return err
	}
	if d.Passcode == nil || *d.Passcode == "" {
		if m.Passcode == nil {
			return nil
		}
		m.Passcode = nil
	} else {
		salt := m.salt()
		m.Passcode = &passcode{Salt: salt, Hash: hashPasscode(*d.Passcode, salt)}
	}
	m.sayDoor()
	return nil
}

// salt returns bytes that no other passcode is hashed with: a salt has to be
// unlike others, not secret, and a move has no dice.
func (m *move) salt() []byte {
	sum := sha256.Sum256([]byte(m.by + " " + strconv.FormatInt(m.at.UnixNano(), 10) + " " + strconv.FormatUint(m.token(), 10)))
	return sum[:16]
}

func (m *move) sayDoor() {
	m.say("door.changed", struct {
		Locked   bool `json:"locked"`
		Passcode bool `json:"passcode"`
	}{m.Locked, m.Passcode != nil})
}
