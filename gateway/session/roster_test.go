package session

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// twelve is what the log has of a session of 12 members.
func twelve() map[string]string {
	fields := map[string]string{fieldInfo: string(encode(info{Kind: "broadcast", Owner: "m_0", Created: 1})), fieldState: "{}"}
	for i := range 12 {
		m := member{ID: fmt.Sprint("m_", i), Name: "Member", Seat: seatHash(fmt.Sprint(i)), Status: wire.StatusOnline, Joined: int64(i + 1),
			Conns: []connRef{{Client: fmt.Sprintf("%032d", i), Replica: "abcdef", Number: uint64(i), At: 1795980000000}}}
		fields[fieldMember+m.ID] = string(encode(m))
	}
	return fields
}

func newRoster() *roster {
	return &roster{kinds: map[string]kind.Kind{"broadcast": broadcast.Kind{}}}
}

// A roster that is loaded again has what the log has, whatever was changed in it
// meanwhile and not taken.
func TestLoadedAgain(t *testing.T) {
	fields := twelve()
	r, fresh := newRoster(), newRoster()
	for rev := range uint64(3) {
		if err := r.Load(fanout.Head{Rev: rev}, fields); err != nil {
			t.Fatal(err)
		}
		if err := fresh.Load(fanout.Head{Rev: rev}, fields); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r.members, fresh.members) {
			t.Fatalf("after load %d the members are not those of the log", rev)
		}
		fresh = newRoster()
		r.members[rev].Status = wire.StatusOffline // an append of this was refused
		r.members[4].Conns = nil
		moved := *r.members[5]
		moved.Name = fmt.Sprint("renamed ", rev)
		fields[fieldMember+moved.ID] = string(encode(moved)) // another replica was quicker
	}
}

// BenchmarkLoad loads a session of 12 of whom one has changed.
func BenchmarkLoad(b *testing.B) {
	fields := twelve()
	r := newRoster()
	one, other := fields[fieldMember+"m_3"], string(encode(member{ID: "m_3", Joined: 4}))
	b.ReportAllocs()
	for b.Loop() {
		one, other = other, one
		fields[fieldMember+"m_3"] = one
		if err := r.Load(fanout.Head{}, fields); err != nil {
			b.Fatal(err)
		}
	}
}
