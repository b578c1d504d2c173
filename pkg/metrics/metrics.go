// Package metrics helps to define metrics for Prometheus.
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Buckets are the upper bounds of all histograms of durations, in seconds.
var Buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// readTimeout bounds the call of a gauge's function.
const readTimeout = 2 * time.Second

// Gauge returns a metric that calls read whenever metrics are collected. read returns a number for each value of the
// label, or one under "" when label is empty. After an error the metric is left out.
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
