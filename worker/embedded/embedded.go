// Package embedded runs everything that the product needs inside one command on one machine: Temporal's development
// server, a simulated Microsoft 365 tenant, the store and the worker.
package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tenure/examples"
	"tenure/internal/catalog"
	"tenure/worker/service"
)

// Settings are the flags of `tenure-worker dev`.
type Settings struct {
	// DataDir holds the databases and the tenant's state.
	DataDir string
	// TemporalCLI is the temporal command; empty looks on PATH, then for bin/temporal.
	TemporalCLI                                string
	TemporalPort, UIPort, TenantPort, HTTPPort int
	// Catalog is a file; CatalogChosen says that somebody named it, so that it replaces the one in force.
	Catalog       string
	CatalogChosen bool
	// TenantState is a JSON file with the state that the simulated tenant starts with the first time.
	TenantState string
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Dev runs everything until ctx ends. It prints the addresses and "ready" to out, and logs to a file in the data
// folder.
func Dev(ctx context.Context, s Settings, out io.Writer) error {
	e, err := start(ctx, s, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Temporal          %s\n", loopback(s.TemporalPort))
	fmt.Fprintf(out, "Temporal UI       http://%s\n", loopback(s.UIPort))
	fmt.Fprintf(out, "simulated tenant  http://%s (Graph under /v1.0, control under /_sim)\n", loopback(s.TenantPort))
	fmt.Fprintf(out, "health, metrics   http://%s/readyz, /metrics\n", loopback(s.HTTPPort))
	fmt.Fprintf(out, "logs, databases   %s\n", s.DataDir)
	fmt.Fprintln(out, "ready")
	return e.wait()
}

// environment is everything running. stop ends it; wait blocks until it has ended, whoever ended it.
type environment struct {
	stop  context.CancelFunc
	ended chan error
}

func (e *environment) wait() error { return <-e.ended }

// start brings everything up, in order, and returns when it can be used. Whatever was started is stopped again when
// something fails, or when ctx ends.
func start(ctx context.Context, s Settings, out io.Writer) (*environment, error) {
	text, file, err := readCatalog(s)
	if err != nil {
		return nil, err
	}
	cat, err := catalog.Parse(file, text)
	if err != nil {
		return nil, err
	}
	tenants := cat.Tenants()
	if len(tenants) != 1 {
		return nil, fmt.Errorf("%s attaches %d Microsoft tenants; embedded, exactly one is simulated", file, len(tenants))
	}
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"--temporal-port", s.TemporalPort}, {"--ui-port", s.UIPort}, {"--tenant-port", s.TenantPort}, {"--http-port", s.HTTPPort}} {
		if err := checkFree(p.port); err != nil {
			return nil, fmt.Errorf("%s: %w", p.flag, err)
		}
	}
	log, err := logger(s.DataDir)
	if err != nil {
		return nil, err
	}

	ctx, stop := context.WithCancel(ctx)
	var stopping stack
	fail := func(err error) (*environment, error) {
		stop()
		return nil, errors.Join(err, stopping.unwind())
	}
	tenant, err := openTenant(s, log)
	if err != nil {
		return fail(err)
	}
	stopping.push(tenant.close)
	temporal, err := startTemporal(ctx, s, out)
	if err != nil {
		return fail(err)
	}
	stopping.push(temporal.close)

	// The worker reads the standard variables, as it does everywhere; embedded they name the server just started.
	for name, value := range map[string]string{"TEMPORAL_ADDRESS": loopback(s.TemporalPort), "TEMPORAL_NAMESPACE": "default"} {
		if err := os.Setenv(name, value); err != nil {
			return fail(err)
		}
	}
	worker, err := service.Open(ctx, service.Settings{
		Store:    "sqlite:" + filepath.Join(s.DataDir, "tenure.db"),
		HTTPAddr: loopback(s.HTTPPort),
		Tenants:  []service.Tenant{{Name: tenants[0].TenantName(), GraphURL: "http://" + loopback(s.TenantPort) + "/v1.0", Credential: service.SimulatedCredential}},
		Codec: service.CodecServer{
			Addr: cmp.Or(os.Getenv("TENURE_CODEC_ADDR"), service.DefaultCodecAddr), Token: os.Getenv("TENURE_CODEC_TOKEN"),
			UIs: []string{"http://" + loopback(s.UIPort), "http://localhost:" + strconv.Itoa(s.UIPort)},
		},
		Webhook:   service.WebhookFromEnvironment(),
		SyncEvery: 15 * time.Minute,
	}, log)
	if err != nil {
		return fail(err)
	}
	stopping.push(func() error { worker.Close(); return nil })

	e := &environment{stop: stop, ended: make(chan error, 1)}
	working, polling := make(chan error, 1), make(chan struct{})
	go func() { working <- worker.Run(ctx, func() { close(polling) }) }()
	stopping.push(func() error { stop(); return <-working })
	select {
	case <-polling:
	case err := <-working:
		working <- err
		return fail(err)
	}
	if err := fill(ctx, s, file, string(text)); err != nil {
		return fail(fmt.Errorf("fill the directory: %w", err))
	}
	go func() {
		select {
		case <-ctx.Done():
		case err := <-temporal.exited:
			temporal.exited <- err
			log.Error("the Temporal server ended by itself", zap.Error(err))
		case err := <-working:
			working <- err
		}
		e.ended <- stopping.unwind()
	}()
	return e, nil
}

// readCatalog is the chosen catalog, or the example.
func readCatalog(s Settings) (text []byte, file string, err error) {
	if s.Catalog == "" {
		return examples.Catalog, "examples/catalog.yaml", nil
	}
	if text, err = os.ReadFile(s.Catalog); err != nil {
		return nil, "", fmt.Errorf("read the catalog: %w", err)
	}
	return text, s.Catalog, nil
}

func checkFree(port int) error {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return fmt.Errorf("port %d is not free; is another `tenure-worker dev` running?", port)
	}
	return l.Close()
}

// logger writes to a file in the data folder: what people see is addresses and progress.
func logger(dir string) (*zap.Logger, error) {
	file, err := os.OpenFile(filepath.Join(dir, "worker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(encoder), zapcore.AddSync(file), zap.InfoLevel)), nil
}

// stack holds what ends each part that was started; the last one started ends first.
type stack []func() error

func (s *stack) push(end func() error) { *s = append(*s, end) }

func (s *stack) unwind() error {
	var errs []error
	for i := len(*s) - 1; i >= 0; i-- {
		errs = append(errs, (*s)[i]())
	}
	*s = nil
	return errors.Join(errs...)
}
