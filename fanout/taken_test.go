package fanout_test

import (
	"testing"

	"github.com/plenum-gateway/plenum/fanout"
)

func TestTakenTellsWhatTookEffect(t *testing.T) {
	var none, taken fanout.Taken
	for _, ref := range []uint64{1, 2, 5, 6, 9} {
		taken = taken.Add(ref)
	}
	for ref, want := range map[uint64]bool{0: false, 1: true, 2: true, 3: false, 4: false, 5: true, 6: true, 7: false, 8: false, 9: true, 10: false} {
		if got := taken.Has(ref); got != want {
			t.Errorf("%d took effect: %v; want %v", ref, got, want)
		}
	}
	if none.Has(0) || none.Has(1) {
		t.Error("of nothing something took effect")
	}
}

// Who holds a copy sees it stay as it was, whatever is added to others.
func TestTakenIsNotSharedForWriting(t *testing.T) {
	base := fanout.Taken{}.Add(3).Add(6)
	one, other := base.Add(9), base.Add(20)
	if one.Has(10) || one.Has(8) || !other.Has(20) || other.Has(9) || base.Last != 6 || !one.Has(9) {
		t.Errorf("one is %+v, the other %+v, both from %+v", one, other, base)
	}
}

func TestTakenForgetsTheOldestGaps(t *testing.T) {
	var taken fanout.Taken
	for ref := uint64(2); ref <= 10*fanout.MaxGaps; ref += 2 {
		taken = taken.Add(ref)
	}
	if n := len(taken.Gaps); n != fanout.MaxGaps || !taken.Has(1) || taken.Has(taken.Last-1) || !taken.Has(taken.Last) {
		t.Errorf("of %d gaps %d are kept", 5*fanout.MaxGaps, n)
	}
}
