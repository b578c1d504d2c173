// Package metrics makes metrics for Prometheus. What happens is counted where it happens; what is so
// at the moment, such as the length of a queue, is a Gauge that is read when somebody asks.
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Buckets are the upper bounds of all histograms of times, in seconds.
var Buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// readTimeout bounds how long a gauge may take to be read.
const readTimeout = 2 * time.Second

// Gauge returns a metric that is read whenever metrics are asked for: a number for each value of the
// label, or one under "" when the label is empty. When it cannot be read, it is missing.
func Gauge(name, help, label string, read func(context.Context) (map[string]float64, error)) prometheus.Collector {
	var labels []string
	if label != "" {
		labels = []string{label}
	}
	return gauge{prometheus.NewDesc(name, help, labels, nil), labels, read}
}

type gauge struct {
	desc   *prometheus.Desc
	labels []string
	read   func(context.Context) (map[string]float64, error)
}

func (g gauge) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

func (g gauge) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	values, err := g.read(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(g.desc, err)
		return
	}
	for value, number := range values {
		var labels []string
		if len(g.labels) > 0 {
			labels = []string{value}
		}
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, number, labels...)
	}
}
