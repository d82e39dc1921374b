package graph

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what Graph is asked and answers. The label operation is a URL template, never an address.
type metrics struct {
	tenant    string
	requests  *prometheus.CounterVec
	throttled *prometheus.CounterVec
	units     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

// newMetrics registers the collectors, or finds those that the client of another tenant registered before.
func newMetrics(r prometheus.Registerer, tenant string) (*metrics, error) {
	if r == nil {
		return nil, nil
	}
	m := &metrics{
		tenant: tenant,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenure_graph_requests_total", Help: "Requests to Microsoft Graph; status is \"none\" when no answer came.",
		}, []string{"tenant", "operation", "status"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenure_graph_throttled_total", Help: "Answers of Microsoft Graph that asked to wait (429).",
		}, []string{"tenant", "operation"}),
		units: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenure_graph_resource_units_total", Help: "Resource units that Microsoft Graph charged (x-ms-resource-unit).",
		}, []string{"tenant"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenure_graph_request_seconds", Help: "Time from a request to the end of its answer.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"tenant", "operation"}),
	}
	var err error
	m.requests = registered(r, m.requests, &err)
	m.throttled = registered(r, m.throttled, &err)
	m.units = registered(r, m.units, &err)
	m.seconds = registered(r, m.seconds, &err)
	return m, err
}

func registered[C prometheus.Collector](r prometheus.Registerer, c C, failure *error) C {
	err := r.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	if err != nil {
		*failure = err
	}
	return c
}

func (m *metrics) observe(x *exchange, resp *http.Response, took time.Duration) {
	if m == nil {
		return
	}
	status := "none"
	if x.status != 0 {
		status = strconv.Itoa(x.status)
	}
	op := x.operation.template
	m.requests.WithLabelValues(m.tenant, op, status).Inc()
	m.seconds.WithLabelValues(m.tenant, op).Observe(took.Seconds())
	if x.status == http.StatusTooManyRequests {
		m.throttled.WithLabelValues(m.tenant, op).Inc()
	}
	if resp == nil {
		return
	}
	// A counter takes no negative and no endless number, whatever the header says.
	if units, err := strconv.ParseUint(resp.Header.Get("x-ms-resource-unit"), 10, 16); err == nil {
		m.units.WithLabelValues(m.tenant).Add(float64(units))
	}
}
