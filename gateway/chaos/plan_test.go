package chaos

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestASeedIsASchedule(t *testing.T) {
	t.Parallel()
	o := Options{Seed: 7, For: 10 * time.Minute, Members: 200}
	if !reflect.DeepEqual(Plan(o), Plan(o)) {
		t.Error("the same seed made two schedules")
	}
	other := o
	other.Seed = 8
	if reflect.DeepEqual(Plan(o), Plan(other)) {
		t.Error("two seeds made the same schedule")
	}
	if n := len(Plan(o)); n < 500 || n > 700 {
		t.Errorf("%d faults in ten minutes with one a second", n)
	}
}

func TestEachKindComesBeforeAnyComesOften(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		struck := make(map[Kind]int)
		for _, f := range Plan(Options{Seed: seed, For: 35 * time.Second}) {
			struck[f.Kind]++
		}
		for _, k := range Kinds() {
			if n := struck[k]; n < 1 || n > 3 {
				t.Fatalf("seed %d: %d of %q within 35 s", seed, n, k)
			}
		}
	}
}

func TestAPlaceIsStruckByOneFaultAtATime(t *testing.T) {
	t.Parallel()
	o := Options{Seed: 3, For: 20 * time.Minute}
	over := make(map[[2]int]time.Duration)
	for _, f := range Plan(o) {
		if f.At+f.Lasts > o.For {
			t.Errorf("%v at %v goes on after the end", f, f.At)
		}
		if f.place == atMembers {
			if len(f.Members) == 0 || !slices.IsSorted(f.Members) {
				t.Errorf("%v strikes %v", f, f.Members)
			}
			continue
		}
		where := [2]int{int(f.place), f.Replica}
		if over[where] > f.At {
			t.Errorf("%v at %v, though the fault before lasts until %v", f, f.At, over[where])
		}
		over[where] = f.At + f.Lasts
	}
}

func TestReplicasAreStruckAsFarAsThereAreAny(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		struck := make(map[int]bool)
		for _, f := range Plan(Options{Seed: 1, For: 10 * time.Minute, Replicas: n}) {
			struck[f.Replica] = true
		}
		if len(struck) != n || struck[n] {
			t.Errorf("of %d replicas %v are struck", n, struck)
		}
	}
}

func TestOnlyTheChosenKindsHappen(t *testing.T) {
	t.Parallel()
	only := []Kind{RedisKill, MemberDrop}
	plan := Plan(Options{Seed: 1, For: time.Minute, Only: only})
	for _, f := range plan {
		if !slices.Contains(only, f.Kind) {
			t.Errorf("there is a %v", f)
		}
	}
	if len(plan) < 20 {
		t.Errorf("only %d faults", len(plan))
	}
}
