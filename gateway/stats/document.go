package stats

import (
	"fmt"
	"io"
	"strings"
)

// WriteDoc writes docs/metrics.md.
func WriteDoc(w io.Writer) {
	fmt.Fprint(w, "# Metrics\n\nMade by `make generate` from `gateway/stats`; do not edit. What they are good for: [statistics.md](statistics.md).\n\n"+
		"`GET /metrics` has them for Prometheus, each from the start and at zero; no label names a session or a member.\n"+
		"`GET /api/stats` has the same under *in JSON*. *Fleet* is how the figures of replicas become one: counters and histograms add up.\n"+
		"Metrics of the Go runtime (`go_…`) and `plenum_build_info{version}` are beside them.\n")
	group := ""
	for i := range Metrics {
		m := &Metrics[i]
		if m.Group != group {
			group = m.Group
			fmt.Fprintf(w, "\n## %s\n\n| metric | kind | in JSON | fleet | |\n|---|---|---|---|---|\n", group)
		}
		name := "`" + m.Name + "`"
		help := m.Help
		if m.Label != "" {
			name += " by `" + m.Label + "`"
			help += " " + strings.ToUpper(m.Label[:1]) + m.Label[1:] + ": `" + strings.Join(m.Values, "` `") + "`."
		}
		fmt.Fprintf(w, "| %s | %s | `%s.%s` | %s | %s |\n", name, m.Kind, m.Group, m.Key, m.Merge, help)
	}
	fmt.Fprint(w, "\n## ratios\n\nOnly in JSON, of the figures since the start and of the last minute; null if there was nothing to divide by.\n\n"+
		"| ratio | |\n|---|---|\n")
	for _, r := range Ratios {
		help := r.Help
		if help == "" {
			help = strings.ReplaceAll(strings.ToUpper(r.Key[:1])+r.Key[1:], "_", " ") + "."
		}
		fmt.Fprintf(w, "| `ratios.%s` | %s |\n", r.Key, help)
	}
}
