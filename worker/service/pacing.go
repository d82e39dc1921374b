package service

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tenure/internal/contract"
	"tenure/internal/graph"
	"tenure/internal/pace"
)

// quotaRate is a rate that stays below Microsoft's write quota of 20 a second (graph.md §8.1).
const quotaRate = 18

// pacing keeps the rate of one tenant's task queue. The queue itself is slowed down, for all workers; where the server
// cannot do that, this worker takes less of it.
type pacing struct {
	queue *taskQueue
	local *pace.Local
	pacer *pace.Pacer
}

// newPacing prepares the pacing of a tenant; the queue gets its server once Temporal is connected.
func (s *Service) newPacing(t Tenant, rates *prometheus.GaugeVec) *pacing {
	p := &pacing{queue: &taskQueue{name: contract.GraphQueue(t.Name)}, local: pace.NewLocal()}
	log := s.log.With(zap.String("tenant", t.Name))
	p.queue.onSet = func(rate float64, reason string) {
		log.Info(reason, zap.Float64("activitiesPerSecond", rate), zap.Bool("limited", rate > 0))
	}
	p.pacer = pace.New(pace.Config{
		Rules: pace.Rules{Maximum: t.graphRate(), Quota: quotaRate},
		Queue: p.queue, Local: p.local,
		OnRate: func(rate float64) {
			if rate == 0 {
				rate = math.Inf(1)
			}
			rates.WithLabelValues(t.Name).Set(rate)
		},
		OnError: func(err error) {
			if errors.Is(err, pace.ErrUnsupported) {
				log.Warn("this Temporal server does not let workers set the rate of a task queue; each slows down by itself", zap.Error(err))
				return
			}
			log.Warn("look at the rate of the task queue", zap.Error(err))
		},
	})
	return p
}

// hear passes on what Graph says.
func (p *pacing) hear(l graph.Load) {
	p.pacer.Hear(pace.Complaint{Refused: l.Throttled, Share: l.Share, Wait: l.RetryAfter})
}

// run keeps the rate until ctx ends.
func (p *pacing) run(ctx context.Context) { p.pacer.Run(ctx) }

func newRates(metrics prometheus.Registerer) (*prometheus.GaugeVec, error) {
	rates := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tenure_graph_rate", Help: "Activities a second that the tenant's task queue may hand out; +Inf when nothing limits them.",
	}, []string{"tenant"})
	if err := metrics.Register(rates); err != nil {
		return nil, fmt.Errorf("set up metrics: %w", err)
	}
	return rates, nil
}
