package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"tenure/internal/graph"
)

// gathered renders counters as name{label values} value, and histograms by their count.
func gathered(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := m.GetCounter().GetValue()
			if h := m.GetHistogram(); h != nil {
				v = float64(h.GetSampleCount())
			}
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	// A connection that breaks off does not order what happens on its two sides.
	var answer atomic.Int32
	answer.Store(200)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		status := int(answer.Load())
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("x-ms-resource-unit", map[bool]string{true: "2", false: "-1"}[status == 200])
		reply(w, status, `{"id":"x"}`)
	})
	c := s.client(t, func(cfg *graph.Config) { cfg.Registerer = registry })
	other := s.client(t, func(cfg *graph.Config) { cfg.Registerer, cfg.Tenant = registry, "fabrikam" })
	for _, st := range []int32{200, 200, 429, 0} {
		answer.Store(st)
		_, _ = c.User(t.Context(), "adele@contoso.example")
	}
	answer.Store(200)
	_, _ = other.User(t.Context(), adele)
	_, _ = other.NumberAssignment(t.Context(), "+12065550100")

	const user, numbers = "operation=GET /users/{id}", "operation=GET /admin/teams/telephoneNumberManagement/numberAssignments"
	got := gathered(t, registry)
	for name, want := range map[string]float64{
		"tenure_graph_requests_total{" + user + ",status=200,tenant=contoso}":     2,
		"tenure_graph_requests_total{" + user + ",status=429,tenant=contoso}":     1,
		"tenure_graph_requests_total{" + user + ",status=none,tenant=contoso}":    1,
		"tenure_graph_requests_total{" + user + ",status=200,tenant=fabrikam}":    1,
		"tenure_graph_requests_total{" + numbers + ",status=200,tenant=fabrikam}": 1,
		"tenure_graph_throttled_total{" + user + ",tenant=contoso}":               1,
		"tenure_graph_resource_units_total{tenant=contoso}":                       4,
		"tenure_graph_request_seconds{" + user + ",tenant=contoso}":               4,
	} {
		if got[name] != want {
			t.Errorf("%s is %v; want %v", name, got[name], want)
		}
	}
	for name := range got {
		if strings.Contains(name, "adele") || strings.Contains(name, adele) || strings.Contains(name, "1206") {
			t.Errorf("a label names a person or a number: %s", name)
		}
	}
}

func TestSpansHoldNothingPersonal(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)

	var answer atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch status := int(answer.Load()); status {
		case 0:
			panic(http.ErrAbortHandler)
		case 200:
			reply(w, 200, `{"id":"x","displayName":"Adele Vance"}`)
		default:
			reply(w, status, refused("Request_ResourceNotFound", "Resource 'adele@contoso.example' of Adele Vance, +12065550100, does not exist"))
		}
	})
	c := s.client(t)
	leaky := s.client(t, func(cfg *graph.Config) {
		cfg.Credential = credential(func(ctx context.Context) (string, error) {
			return "", fmt.Errorf("secret hunter2 refused for %s", token("x"))
		})
	})
	for _, st := range []int32{200, 404, 500, 0} {
		answer.Store(st)
		_, _ = c.User(t.Context(), "adele@contoso.example")
		_, _ = c.User(t.Context(), adele)
		_, _ = c.RemoveMember(t.Context(), group1, adele)
		_, _ = c.NumberAssignment(t.Context(), "+12065550100")
		_, _ = c.PolicyID(t.Context(), "TeamsCallingPolicy", "Adele Vance")
		_, _ = leaky.User(t.Context(), "adele@contoso.example")
	}
	if len(recorder.Ended()) == 0 {
		t.Fatal("no span was recorded")
	}
	templates := 0
	for _, span := range recorder.Ended() {
		text := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status())
		for _, personal := range []string{"adele", "Adele", "Vance", adele, group1, "2065550100", "hunter2", "eyJ"} {
			if strings.Contains(text, personal) {
				t.Errorf("span %q holds %q: %s", span.Name(), personal, text)
			}
		}
		if strings.Contains(span.Name(), "/users/{user-id}") {
			templates++
		}
	}
	if templates == 0 {
		t.Error("no span is named by a URL template")
	}
}
