package app

import (
	"strings"
	"testing"
)

func TestTooFewDescriptorsAreToldAtStart(t *testing.T) {
	for _, c := range []struct {
		connections int
		limit       uint64
		known, told bool
	}{
		{100_000, 20_000, true, true},
		{100_000, 100_100, true, true}, // nothing for anything else
		{100_000, 100_200, true, false},
		{1000, 1 << 20, true, false},
		{100_000, 1<<64 - 1, true, false}, // unlimited
		{100_000, 0, false, false},
	} {
		got := descriptorAdvice(c.connections, c.limit, c.known)
		if (got != "") != c.told || c.told && !strings.Contains(got, "PLENUM_CONNECTIONS") {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if limit, known := descriptors(); known && limit < 10 {
		t.Errorf("this process has %d descriptors", limit)
	}
}
