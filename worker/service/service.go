// Package service is the worker as a process: it connects the store, Temporal and the Microsoft tenants, runs until it
// is told to stop, and lets running activities finish.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"tenure/activities"
	"tenure/internal/codec"
	"tenure/internal/connect"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/store"
	"tenure/internal/version"
	"tenure/internal/webhook"
	"tenure/workflows"
)

// stopTimeout is how long activities that run may take to finish when the worker stops; with the connections closed
// after it, the process is gone within 30 s.
const stopTimeout = 25 * time.Second

// Service is a connected worker.
type Service struct {
	settings Settings
	log      *zap.Logger
	metrics  *prometheus.Registry
	store    *store.Store
	graph    map[string]*graph.Client
	pacing   map[string]*pacing
	stock    *stock
	acts     *activities.Activities
	codec    *codec.Codec
	webhook  *webhook.Sender
	temporal client.Client
	workers  map[string]worker.Worker
	failed   chan error
}

// Run connects everything, works until ctx ends and stops within 30 s. Errors say what could not be connected.
func Run(ctx context.Context, settings Settings) error {
	config := zap.NewProductionConfig()
	config.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	config.DisableStacktrace = true
	log, err := config.Build()
	if err != nil {
		return fmt.Errorf("set up logging: %w", err)
	}
	defer func() { _ = log.Sync() }()
	s, err := Open(ctx, settings, log)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Run(ctx, nil)
}

// Open connects the store, the tenants and Temporal, and registers what the workers serve. ctx bounds the connecting.
func Open(ctx context.Context, settings Settings, log *zap.Logger) (_ *Service, err error) {
	s := &Service{settings: settings, log: log, metrics: prometheus.NewRegistry(), failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.stock, err = newStock(s.metrics); err != nil {
		return nil, err
	}
	if err = s.connectTenants(); err != nil {
		return nil, err
	}
	if s.webhook, err = settings.Webhook.sender(); err != nil {
		return nil, err
	}
	var options []store.Option
	if s.webhook != nil {
		options = append(options, store.WithOutbox())
	}
	if s.store, err = store.Open(ctx, settings.Store, options...); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if err = s.store.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("bring the store up to date: %w", err)
	}
	if err = s.connectTemporal(ctx); err != nil {
		return nil, err
	}
	if err = s.register(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close releases connections. It may be called after a failed Open and more than once.
func (s *Service) Close() {
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Warn("close the store", zap.Error(err))
		}
	}
}

func (s *Service) connectTemporal(ctx context.Context) error {
	options, err := connect.Options()
	if err != nil {
		return err
	}
	if s.codec, err = connect.Codec(); err != nil {
		return err
	}
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(s.metrics))
	if err != nil {
		return fmt.Errorf("set up metrics: %w", err)
	}
	meter := metric.NewMeterProvider(metric.WithReader(exporter)).Meter("temporal-sdk")
	options.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meter})
	// The SDK logs every failed attempt as an error; where in the SDK that happened says nothing.
	handler := zapslog.NewHandler(s.log.Core(), zapslog.AddStacktraceAt(slog.LevelError+1))
	options.Logger = temporallog.NewStructuredLogger(slog.New(handler))
	options.Identity = identity()
	options.FailureConverter = s.codec.WorkerFailures()
	if s.temporal, err = dial(ctx, options, s.log); err != nil {
		return err
	}
	for _, p := range s.pacing {
		p.queue.server, p.queue.namespace = s.temporal.WorkflowService(), options.Namespace
	}
	return ensureSearchAttributes(ctx, s.temporal, options.Namespace)
}

// identity tells workers apart in Temporal's UI.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	return fmt.Sprintf("tenure-worker/%s %d@%s", version.Version, os.Getpid(), host)
}

// register makes one worker for the workflows and the store, and one for each tenant.
func (s *Service) register() error {
	s.acts = &activities.Activities{Store: s.store, Graph: s.graph, KeyIDs: s.codec.KeyIDs(), Webhook: s.webhook}
	options := worker.Options{
		Interceptors:      []interceptor.WorkerInterceptor{&fault.Boundary{}},
		WorkerStopTimeout: stopTimeout,
		OnFatalError: func(err error) {
			select {
			case s.failed <- err:
			default:
			}
		},
		DeploymentOptions: deployment(),
	}
	main := worker.New(s.temporal, contract.TaskQueue, options)
	workflows.Register(main)
	main.RegisterActivity(s.acts)
	s.workers = map[string]worker.Worker{contract.TaskQueue: main}
	for _, t := range s.settings.Tenants {
		o := options
		o.DisableWorkflowWorker = true
		o.TaskQueueActivitiesPerSecond = t.graphRate()
		tuner, err := newPacedTuner(s.pacing[t.Name].local)
		if err != nil {
			return fmt.Errorf("prepare the worker of %s: %w", t.Name, err)
		}
		o.Tuner = tuner
		w := worker.New(s.temporal, contract.GraphQueue(t.Name), o)
		w.RegisterActivity(s.acts)
		s.workers[contract.GraphQueue(t.Name)] = w
	}
	return nil
}

// deployment turns worker versioning on when the standard variables name a deployment and a build: a versioned worker
// gets no work until somebody makes its version current.
func deployment() worker.DeploymentOptions {
	name, build := os.Getenv("TEMPORAL_DEPLOYMENT_NAME"), os.Getenv("TEMPORAL_WORKER_BUILD_ID")
	if name == "" || build == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: name, BuildID: build}}
}

// Run polls until ctx ends, then stops: nothing new is taken, what runs may finish, and what cannot is tried again by
// the next worker. started, if not nil, is called once everything polls.
func (s *Service) Run(ctx context.Context, started func()) error {
	web, err := s.serveHTTP()
	if err != nil {
		return err
	}
	defer web.close()
	decoder, err := s.serveCodec()
	if err != nil {
		return err
	}
	defer decoder.close()
	for queue, w := range s.workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start polling %s: %w", queue, err)
		}
	}
	var background sync.WaitGroup
	defer background.Wait()
	working, stop := context.WithCancel(ctx)
	defer stop()
	for _, p := range s.pacing {
		background.Go(func() { p.run(working) })
	}
	background.Go(func() { s.warnOfPermissions(working) })
	background.Go(func() { s.scheduleSync(working) })
	background.Go(func() { s.keepExpirySchedule(working) })
	background.Go(func() { s.deliverNotices(working) })
	background.Go(func() { s.stock.run(working, s.acts, s.log) })
	s.log.Info("working", zap.Int("tenants", len(s.settings.Tenants)), zap.String("version", version.Version))
	if started != nil {
		started()
	}
	select {
	case <-ctx.Done():
	case err = <-s.failed:
		err = fmt.Errorf("a worker cannot go on: %w", err)
	}
	s.log.Info("stopping")
	var wg sync.WaitGroup
	for _, w := range s.workers {
		wg.Go(w.Stop)
	}
	wg.Wait()
	return err
}

// dialTimeout is how long a worker waits for Temporal to come up; whoever supervises it starts it again.
const dialTimeout = time.Minute

func dial(ctx context.Context, options client.Options, log *zap.Logger) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for warned := false; ; {
		c, err := client.DialContext(ctx, options)
		if err == nil {
			return c, nil
		}
		if !warned {
			log.Warn("waiting for Temporal", zap.String("address", options.HostPort), zap.Error(err))
			warned = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot reach Temporal at %s (TEMPORAL_ADDRESS): %w", options.HostPort, errors.Join(err, ctx.Err()))
		case <-time.After(time.Second):
		}
	}
}
