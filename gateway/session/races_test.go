package session

import "slices"

// race is requests that meet, each on a replica of its own, and what may come of
// it. Members are own, ann and ben. An outcome is what each request was told,
// "ok" or the code of its refusal, and what everybody knows in the end.
type race struct {
	name    string
	options string
	before  []string // "ann cast_vote {…}", one after the other
	meet    []string // these meet; "wait 3s" is time that passes just before
	want    []string
}

// together are the votes of all, which start a countdown of 3 s if there is one.
var together = []string{`own cast_vote {"round":1,"card":"3"}`, `ann cast_vote {"round":1,"card":"5"}`, `ben cast_vote {"round":1,"card":"8"}`}

var races = []race{
	{
		name:   "last vote against reveal",
		before: together[:2],
		meet:   []string{`own reveal {"round":1,"force":true}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"ok ok: revealed 1 own=3 ann=5 ben=8",
			"ok already_revealed: revealed 1 own=3 ann=5",
		},
	},
	{
		name:   "last vote against a reveal that waits for it",
		before: together[:2],
		meet:   []string{`own reveal {"round":1}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"ok ok: revealed 1 own=3 ann=5 ben=8",
			"missing_votes ok: voting 1 own ann ben",
		},
	},
	{
		name:    "last vote, which reveals, against reveal",
		options: `"auto_reveal":true,"countdown":0`,
		before:  together[:2],
		meet:    []string{`own reveal {"round":1,"force":true}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"already_revealed ok: revealed 1 own=3 ann=5 ben=8",
			"ok already_revealed: revealed 1 own=3 ann=5",
		},
	},
	{
		name:    "vote against revote",
		options: `"late_change":true`,
		before:  append(slices.Clip(together), `own reveal {"round":1}`),
		meet:    []string{`own revote {"round":1}`, `ann cast_vote {"round":1,"card":"13"}`, `ben change_vote {"round":1,"card":"13"}`},
		want: []string{
			"ok stale_round stale_round: voting 2; past 1 3 5 8",
			"ok already_revealed stale_round: voting 2; past 1 3 5 8",
			"ok stale_round ok: voting 2; past 1 13 3 5",
			"ok already_revealed ok: voting 2; past 1 13 3 5",
		},
	},
	{
		name:   "vote for the next round against revote",
		before: append(slices.Clip(together), `own reveal {"round":1}`),
		meet:   []string{`own revote {"round":1}`, `ann cast_vote {"round":2,"card":"13"}`},
		want: []string{
			"ok ok: voting 2 ann; past 1 3 5 8",
			"ok stale_round: voting 2; past 1 3 5 8",
		},
	},
	{
		name:   "removal against vote",
		before: together[:2],
		meet:   []string{`own remove_member {"member":"@ben"}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"ok ok: voting 1 own ann",
			"ok removed: voting 1 own ann",
		},
	},
	{
		name:    "removal of the last non-voter against a retraction",
		options: `"auto_reveal":true`,
		before:  together[:2],
		meet:    []string{`own remove_member {"member":"@ben"}`, `ann retract_vote {"round":1}`},
		want:    []string{"ok ok: voting 1 own"},
	},
	{
		name:    "spectator switch of the last non-voter against a retraction",
		options: `"auto_reveal":true`,
		before:  together[:2],
		meet:    []string{`ben set_role {"role":"spectator"}`, `ann retract_vote {"round":1}`},
		want:    []string{"ok ok: voting 1 own"},
	},
	{
		name:    "spectator switch of the last non-voter against the vote from another device",
		options: `"auto_reveal":true`,
		before:  together[:2],
		meet:    []string{`own set_role {"member":"@ben","role":"spectator"}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"ok ok: voting 1 own ann, countdown",
			"ok spectator: voting 1 own ann, countdown",
		},
	},
	{
		name:    "spectator switch of the last non-voter against reveal",
		options: `"auto_reveal":true,"countdown":0`,
		before:  together[:2],
		meet:    []string{`ben set_role {"role":"spectator"}`, `own reveal {"round":1,"force":true}`},
		want: []string{
			"ok already_revealed: revealed 1 own=3 ann=5",
			"ok ok: revealed 1 own=3 ann=5",
		},
	},
	{
		name:    "countdown against retraction",
		options: `"auto_reveal":true`,
		before:  together,
		meet:    []string{"wait 3s", `ann retract_vote {"round":1}`},
		want: []string{
			"ok: voting 1 own ben",
			"already_revealed: revealed 1 own=3 ann=5 ben=8",
		},
	},
	{
		name:    "countdown against its cancelling",
		options: `"auto_reveal":true`,
		before:  together,
		meet:    []string{"wait 3s", `ann cancel_countdown {"round":1}`},
		want: []string{
			"ok: voting 1 own ann ben",
			"no_countdown: revealed 1 own=3 ann=5 ben=8",
		},
	},
	{
		name:    "countdown fired by all replicas at once",
		options: `"auto_reveal":true`,
		before:  together,
		meet:    []string{"wait 3s"},
		want:    []string{": revealed 1 own=3 ann=5 ben=8"},
	},
	{
		name:   "deck change with votes",
		before: together[:1],
		meet:   []string{`own set_deck {"deck":"tshirt","confirm":true}`, `ben cast_vote {"round":1,"card":"8"}`, `ann cast_vote {"round":2,"card":"XL"}`},
		want: []string{
			"ok ok ok: voting 2 ann; past 1 own ben",
			"ok ok stale_round: voting 2; past 1 own ben",
			"ok stale_round ok: voting 2 ann; past 1 own",
			"ok stale_round stale_round: voting 2; past 1 own",
		},
	},
	{
		name: "deck change with the first vote",
		meet: []string{`own set_deck {"deck":"tshirt"}`, `ben cast_vote {"round":1,"card":"8"}`},
		want: []string{
			"has_votes ok: voting 1 ben",
			"ok not_in_deck: voting 1",
		},
	},
	{
		name:   "two facilitators revealing",
		before: append(slices.Clip(together), `own promote {"member":"@ann"}`),
		meet:   []string{`own reveal {"round":1}`, `ann reveal {"round":1}`},
		want: []string{
			"ok already_revealed: revealed 1 own=3 ann=5 ben=8",
			"already_revealed ok: revealed 1 own=3 ann=5 ben=8",
		},
	},
	{
		name:   "two facilitators starting a round",
		before: append(slices.Clip(together), `own reveal {"round":1}`),
		meet:   []string{`own revote {"round":1}`, `ann revote {"round":1}`, `ben revote {"round":1}`},
		want: []string{
			"ok stale_round stale_round: voting 2; past 1 3 5 8",
			"stale_round ok stale_round: voting 2; past 1 3 5 8",
			"stale_round stale_round ok: voting 2; past 1 3 5 8",
		},
	},
}
