package fanout

import "slices"

// MaxGaps bounds the gaps that a log keeps of one client. Past it the oldest is
// forgotten, and what is in it counts as taken. A client that numbers its
// requests one by one, and has fewer of them under way, never comes to that.
const MaxGaps = 256

// Taken is which refs of a client took effect: those up to Last, but for the
// gaps. What is in a gap never will: refs take effect in rising order.
type Taken struct {
	Last uint64
	Gaps []Span // rising
}

// Span is the refs from First to Last.
type Span struct{ First, Last uint64 }

// Has reports whether a ref took effect.
func (t Taken) Has(ref uint64) bool {
	return ref != 0 && ref <= t.Last && !slices.ContainsFunc(t.Gaps, func(s Span) bool { return s.First <= ref && ref <= s.Last })
}

// Add notes that a ref above Last took effect. The gaps that t had are shared
// with copies of it and stay as they were.
func (t Taken) Add(ref uint64) Taken {
	if ref > t.Last+1 {
		old := t.Gaps[max(0, len(t.Gaps)+1-MaxGaps):]
		t.Gaps = append(old[:len(old):len(old)], Span{t.Last + 1, ref - 1})
	}
	t.Last = ref
	return t
}
