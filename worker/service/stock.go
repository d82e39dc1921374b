package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tenure/activities"
	"tenure/internal/lifecycle"
)

// stockInterval is how often the numbers of the inventory are counted.
const stockInterval = time.Minute

// stock shows how many numbers are left at each node (R95).
type stock struct {
	numbers, share, low *prometheus.GaugeVec
	// findings are what the audit after a sync found (R91).
	findings *prometheus.GaugeVec
}

func newStock(metrics prometheus.Registerer) (*stock, error) {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, append([]string{"tenant", "node"}, labels...))
	}
	s := &stock{
		numbers:  gauge("tenure_numbers", "Numbers that stand at the node, by state.", "state"),
		share:    gauge("tenure_numbers_available_ratio", "Share of the node's numbers that is available, from 0 to 1."),
		low:      gauge("tenure_numbers_low", "1 when that share is below the catalog's threshold for the node, 0 when it is not; absent where there is none."),
		findings: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tenure_number_findings", Help: "Findings of the newest audit of the tenant's numbers after a sync."}, []string{"tenant"}),
	}
	for _, g := range s.all() {
		if err := metrics.Register(g); err != nil {
			return nil, fmt.Errorf("set up metrics: %w", err)
		}
	}
	return s, nil
}

// run counts until ctx ends.
func (s *stock) run(ctx context.Context, acts *activities.Activities, log *zap.Logger) {
	again := time.NewTicker(stockInterval)
	defer again.Stop()
	for {
		err := s.count(ctx, acts)
		if refusal := (*lifecycle.Refusal)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &refusal) {
			log.Warn("the numbers could not be counted for the metrics", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (s *stock) all() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{s.numbers, s.share, s.low, s.findings}
}

// count refuses as long as there is no catalog in force.
func (s *stock) count(ctx context.Context, acts *activities.Activities) error {
	nodes, err := acts.NumbersByNode(ctx)
	if err != nil {
		return err
	}
	findings, err := acts.Store.Findings(ctx)
	if err != nil {
		return err
	}
	// What is not counted any more, a node that was renamed say, is not shown any more.
	for _, g := range s.all() {
		g.Reset()
	}
	for tenant, count := range findings {
		s.findings.WithLabelValues(tenant).Set(float64(count))
	}
	for _, n := range nodes {
		for state, count := range map[lifecycle.NumberState]int{
			lifecycle.Available: n.Available, lifecycle.Used: n.Used, lifecycle.Reserved: n.Reserved, lifecycle.Cooling: n.Cooling, lifecycle.HeldState: n.Held,
		} {
			s.numbers.WithLabelValues(n.Tenant, n.Node, string(state)).Set(float64(count))
		}
		s.share.WithLabelValues(n.Tenant, n.Node).Set(n.Share / 100)
		if n.Threshold != nil {
			low := 0.0
			if n.Low {
				low = 1
			}
			s.low.WithLabelValues(n.Tenant, n.Node).Set(low)
		}
	}
	return nil
}
