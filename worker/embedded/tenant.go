package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"tenure/internal/graphsim"
)

// ServeTenant serves the simulated tenant alone until ctx ends. state is a JSON file, or empty for the default tenant.
func ServeTenant(ctx context.Context, port int, state string, out io.Writer) error {
	tenant, err := newTenant(state)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return fmt.Errorf("serve the simulated tenant: %w", err)
	}
	server := &http.Server{Handler: tenant, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	fmt.Fprintf(out, "simulated tenant  http://%s (Graph under /v1.0, control under /_sim)\nready\n", listener.Addr())
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

func newTenant(file string) (*graphsim.Tenant, error) {
	var options graphsim.Options
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the state of the simulated tenant: %w", err)
		}
		options.State = &graphsim.State{}
		if err := json.Unmarshal(text, options.State); err != nil {
			return nil, fmt.Errorf("read the state of the simulated tenant from %s: %w", file, err)
		}
	}
	tenant, err := graphsim.New(options)
	if err != nil {
		return nil, fmt.Errorf("the state of the simulated tenant contradicts itself: %w", err)
	}
	return tenant, nil
}

// saveInterval is how often a changed tenant is written down, so that not much is lost when the process is killed.
const saveInterval = 2 * time.Second

// keptTenant is a served tenant whose state survives in a file.
type keptTenant struct {
	*graphsim.Tenant
	file   string
	server *http.Server
	stop   context.CancelFunc
	saver  chan struct{}
}

// openTenant serves the tenant, from the state of the last time where there is one.
func openTenant(s Settings, log *zap.Logger) (*keptTenant, error) {
	file, initial := filepath.Join(s.DataDir, "tenant.json"), s.TenantState
	if _, err := os.Stat(file); err == nil {
		initial = file
	}
	tenant, err := newTenant(initial)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", loopback(s.TenantPort))
	if err != nil {
		return nil, fmt.Errorf("serve the simulated tenant: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &keptTenant{Tenant: tenant, file: file, server: &http.Server{Handler: tenant, ReadHeaderTimeout: 10 * time.Second}, stop: stop, saver: make(chan struct{})}
	go func() {
		if err := k.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("serve the simulated tenant", zap.Error(err))
		}
	}()
	go k.keepSaving(ctx, log)
	return k, nil
}

func (k *keptTenant) keepSaving(ctx context.Context, log *zap.Logger) {
	defer close(k.saver)
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := k.save(); err != nil {
				log.Error("save the simulated tenant", zap.Error(err))
			}
		}
	}
}

// save replaces the file as a whole, and only when something changed.
func (k *keptTenant) save() error {
	text, err := json.MarshalIndent(k.State(), "", " ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(k.file); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.WriteFile(k.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(k.file+".new", k.file)
}

func (k *keptTenant) close() error {
	err := k.server.Close()
	k.stop()
	<-k.saver
	return errors.Join(err, k.save())
}
