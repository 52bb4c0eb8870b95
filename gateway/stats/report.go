package stats

import "encoding/json"

// Replica says whose report it is.
type Replica struct {
	Name     string `json:"name"`
	ID       string `json:"id"` // of this process: another one after a restart
	Version  string `json:"version"`
	Log      string `json:"log"` // embedded, or redis and its mode
	Started  int64  `json:"started"`
	Draining bool   `json:"draining"`
}

// Report is what one replica, or a fleet, has to say at a moment.
type Report struct {
	At      int64    // milliseconds since 1970
	Replica *Replica // nil: a fleet
	Figures Figures  // counters since the start
	Recent  Recent
}

// Recent is what happened lately: counters by second, and histograms of that time.
type Recent struct {
	Seconds float64 // at most a minute
	Figures Figures
}

// reportJSON is a Report as JSON. Ratios follow from the figures.
type reportJSON struct {
	At      int64               `json:"at"`
	Replica *Replica            `json:"replica,omitempty"`
	Figures any                 `json:"figures"`
	Ratios  map[string]*float64 `json:"ratios"`
	Recent  recentJSON          `json:"recent"`
}

type recentJSON struct {
	Seconds float64             `json:"seconds"`
	Figures any                 `json:"figures"`
	Ratios  map[string]*float64 `json:"ratios"`
}

func (r *Report) json() reportJSON {
	together := r.Replica == nil
	return reportJSON{At: r.At, Replica: r.Replica,
		Figures: r.Figures.write(func(m *Metric) bool { return !together || m.Merge != Apart }),
		Ratios:  ratiosOf(r.Figures),
		Recent: recentJSON{Seconds: rounded(r.Recent.Seconds), Ratios: ratiosOf(r.Recent.Figures),
			Figures: r.Recent.Figures.write(func(m *Metric) bool { return m.Kind != Gauge && (!together || m.Merge != Apart) })}}
}

// MarshalJSON implements json.Marshaler.
func (r *Report) MarshalJSON() ([]byte, error) { return json.Marshal(r.json()) }

// UnmarshalJSON implements json.Unmarshaler.
func (r *Report) UnmarshalJSON(b []byte) error {
	var recent Figures
	read := reportJSON{Figures: &r.Figures, Recent: recentJSON{Figures: &recent}}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	r.At, r.Replica = read.At, read.Replica
	r.Recent = Recent{read.Recent.Seconds, recent}
	return nil
}

// together returns the report of a fleet.
func together(at int64, reports []Report) Report {
	sum := Report{At: at}
	for i := range reports {
		r := &reports[i]
		sum.Figures = sum.Figures.add(r.Figures)
		sum.Recent.Figures = sum.Recent.Figures.add(r.Recent.Figures)
		sum.Recent.Seconds = max(sum.Recent.Seconds, r.Recent.Seconds)
	}
	return sum
}

// Ratio is a share or a mean that follows from counters.
type Ratio struct {
	Key  string
	Help string
	of   func(f Figures) (part, whole float64)
}

// Ratios are all of them.
var Ratios = []Ratio{
	{"join_success", "Of those who came to join, who got in: joins by joins and those refused; handshakes that were refused for another reason than draining count as refused.",
		func(f Figures) (part, whole float64) {
			joins, refused := row("sessions", "joins"), f.of(row("connections", "refused"), "other")
			denied := f.of(joins, "refused")
			return f.number(joins) - denied, f.number(joins) + refused
		}},
	{"message_errors", "Messages that were answered with an error, by messages.",
		func(f Figures) (part, whole float64) {
			return f.number(row("messages", "errors")), f.number(row("messages", "received"))
		}},
	{"resume_replays", "Resumes that got exactly what they had missed, by resumes.",
		func(f Figures) (part, whole float64) {
			resumes := row("sessions", "resumes")
			return f.of(resumes, "replay"), f.number(resumes)
		}},
	{"events_per_frame", "",
		func(f Figures) (part, whole float64) {
			return f.number(row("frames", "events")), f.number(row("frames", "encoded"))
		}},
	{"deliveries_per_frame", "Connections that a frame was encoded once for.",
		func(f Figures) (part, whole float64) {
			return f.number(row("frames", "deliveries")), f.number(row("frames", "encoded"))
		}},
	{"requests_per_append", "",
		func(f Figures) (part, whole float64) {
			return f.number(row("log", "append_requests")), f.number(row("log", "appends"))
		}},
	{"compression", "Bytes that compression saved, by bytes of all frames.",
		func(f Figures) (part, whole float64) {
			return f.number(row("frames", "compress_saved")), f.number(row("frames", "bytes"))
		}},
}

// ratiosOf returns them by key; null where there is nothing to divide by.
func ratiosOf(f Figures) map[string]*float64 {
	all := make(map[string]*float64, len(Ratios))
	for _, r := range Ratios {
		all[r.Key] = nil
		if part, whole := r.of(f); whole > 0 {
			ratio := rounded(part / whole)
			all[r.Key] = &ratio
		}
	}
	return all
}
