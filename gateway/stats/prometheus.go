package stats

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/plenum-gateway/plenum/fanout/latency"
)

// exporter reads the table when Prometheus asks.
type exporter struct {
	collector *Collector
	described []*prometheus.Desc // of each row
}

// Handler answers GET /metrics.
func (c *Collector) Handler() http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newExporter(c), collectors.NewGoCollector(), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "plenum_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": c.replica.Version},
	}, func() float64 { return 1 }))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

func newExporter(c *Collector) *exporter {
	e := &exporter{collector: c}
	for i := range Metrics {
		m := &Metrics[i]
		var labels []string
		if m.Label != "" {
			labels = []string{m.Label}
		}
		e.described = append(e.described, prometheus.NewDesc(m.Name, m.Help, labels, nil))
	}
	return e
}

// Describe implements prometheus.Collector.
func (e *exporter) Describe(to chan<- *prometheus.Desc) {
	for _, d := range e.described {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (e *exporter) Collect(to chan<- prometheus.Metric) {
	f := e.collector.read()
	for i := range Metrics {
		m, v := &Metrics[i], &f.values[i]
		switch {
		case m.Kind == Histogram:
			to <- exported(e.described[i], v.spread)
		case m.Label == "":
			to <- prometheus.MustNewConstMetric(e.described[i], valueType(m.Kind), v.numbers[0])
		default:
			for j, name := range m.Values {
				to <- prometheus.MustNewConstMetric(e.described[i], valueType(m.Kind), v.numbers[j], name)
			}
		}
	}
}

func valueType(k Kind) prometheus.ValueType {
	if k == Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

func exported(desc *prometheus.Desc, d latency.Distribution) prometheus.Metric {
	buckets, sum := make(map[float64]uint64, len(latency.Bounds)), int64(0)
	for i, bound := range latency.Bounds {
		sum += d.Counts[i]
		buckets[bound.Seconds()] = uint64(sum)
	}
	return prometheus.MustNewConstHistogram(desc, uint64(d.Count), d.Sum.Seconds(), buckets)
}
