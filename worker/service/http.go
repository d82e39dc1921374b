package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"tenure/internal/contract"
)

// web is a port that is served.
type web struct{ server *http.Server }

func (w web) close() {
	if w.server != nil {
		_ = w.server.Close()
	}
}

func (s *Service) serveHTTP() (web, error) {
	if s.settings.HTTPAddr == "" {
		return web{}, nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))
	return s.serve("health and metrics (TENURE_HTTP_ADDR)", s.settings.HTTPAddr, mux)
}

// serve serves what is named until the web is closed.
func (s *Service) serve(what, addr string, handler http.Handler) (web, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return web{}, fmt.Errorf("serve %s: %w", what, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("serve "+what, zap.Error(err))
		}
	}()
	return web{server}, nil
}

// readyz answers 200 only when Temporal and the store answer and every queue is polled by this worker.
func (s *Service) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var missing []string
	if _, err := s.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		missing = append(missing, "Temporal: "+err.Error())
	}
	if err := s.store.Ping(ctx); err != nil {
		missing = append(missing, "the store: "+err.Error())
	}
	if len(missing) == 0 {
		missing = s.unpolled(ctx)
	}
	if len(missing) > 0 {
		http.Error(w, strings.Join(missing, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// unpolled names the queues that Temporal has not seen this worker poll.
func (s *Service) unpolled(ctx context.Context) []string {
	var missing []string
	for queue := range s.workers {
		kinds := []enums.TaskQueueType{enums.TASK_QUEUE_TYPE_ACTIVITY}
		if queue == contract.TaskQueue {
			kinds = append(kinds, enums.TASK_QUEUE_TYPE_WORKFLOW)
		}
		for _, kind := range kinds {
			described, err := s.temporal.DescribeTaskQueue(ctx, queue, kind)
			if err != nil {
				missing = append(missing, fmt.Sprintf("queue %s: %v", queue, err))
				continue
			}
			polled := false
			for _, p := range described.GetPollers() {
				polled = polled || p.GetIdentity() == identity()
			}
			if !polled {
				missing = append(missing, fmt.Sprintf("queue %s (%s) is not polled yet", queue, kind))
			}
		}
	}
	return missing
}
