package endtoend_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// development is `tenure-worker dev` on ports of its own.
type development struct {
	*process
	dir, address string
	http, ui     int
	tenant       *tenant
	env          []string
}

func startDevelopment(t *testing.T, home, dir string, env ...string) *development {
	t.Helper()
	d := &development{dir: dir, env: env, http: needPort(t), ui: needPort(t)}
	temporal, tenantPort := needPort(t), needPort(t)
	d.address = "127.0.0.1:" + strconv.Itoa(temporal)
	d.tenant = &tenant{t, "http://127.0.0.1:" + strconv.Itoa(tenantPort)}
	p, err := launch("tenure-worker dev", syscall.SIGTERM, environ(home, env...), programs.worker, "dev", "--data-dir", dir, "--temporal-cli", programs.temporal,
		"--temporal-port", strconv.Itoa(temporal), "--ui-port", strconv.Itoa(d.ui), "--tenant-port", strconv.Itoa(tenantPort), "--http-port", strconv.Itoa(d.http))
	if err != nil {
		t.Fatal(err)
	}
	d.process = p
	t.Cleanup(p.kill)
	if _, err := p.awaitLine("ready", enough); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *development) run(t *testing.T, args ...string) result {
	t.Helper()
	return command(t, environ(d.dir, append(d.env, "TEMPORAL_ADDRESS="+d.address)...), args...)
}

func TestDevelopmentEnvironmentGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "data")
	env := newKeys(t, "a").setting("a")
	d := startDevelopment(t, home, dir, env...)
	for _, address := range []string{d.address, "http://127.0.0.1:" + strconv.Itoa(d.ui), strings.TrimPrefix(d.tenant.address, "http://"), "127.0.0.1:" + strconv.Itoa(d.http)} {
		if !strings.Contains(d.output.String(), address) {
			t.Errorf("does not name %s:\n%s", address, d.output.String())
		}
	}
	awaitReady(t, d.process, d.http)
	r := d.run(t, "offboard", upn("anna.archer"), "--yes", "-o", "json")
	if r.exit != 0 {
		t.Fatalf("%v", r)
	}
	decode[report](t, r).want(t, "completed", map[string]string{"remove-number": "done", "remove-licenses": "done", "verify": "done"})
	was := d.tenant.state()
	number := d.run(t, "numbers", "show", "+442079460001", "-o", "json").stdout

	d.signal(t, syscall.SIGTERM)
	if code := d.awaitExit(t, time.Minute); code != 0 {
		t.Errorf("left with %d:\n%s", code, d.output.tail())
	}
	if left := commandLines(t, dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}

	d = startDevelopment(t, home, dir, env...)
	if now := d.tenant.state(); !equal(was, now) {
		t.Error("the simulated tenant was forgotten")
	}
	u := decode[userView](t, d.run(t, "users", "show", upn("anna.archer"), "-o", "json"))
	if text(u.Node) != tenantLevel || len(u.Numbers) > 0 || len(u.Licenses) > 0 {
		t.Errorf("after the restart the user is %s", shown(u))
	}
	if now := d.run(t, "numbers", "show", "+442079460001", "-o", "json").stdout; now != number || !strings.Contains(now, `"cooling"`) {
		t.Errorf("the number was\n%s\nand is\n%s", number, now)
	}
	if s := decode[report](t, d.run(t, "status", upn("anna.archer"), "-o", "json")); s.Status != "completed" {
		t.Errorf("the run of before is %s", s.Status)
	}

	// Killed, it takes its children along.
	d.kill()
	until(t, "nothing is left of it", enough, func() (bool, string) {
		left := commandLines(t, dir)
		return len(left) == 0, strings.Join(left, "\n")
	})
}

func TestDemoRunsByItself(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p, err := launch("tenure-worker demo", syscall.SIGTERM, environ(home), programs.worker, "demo", "--temporal-cli", programs.temporal,
		"--temporal-port", strconv.Itoa(needPort(t)), "--ui-port", strconv.Itoa(needPort(t)), "--tenant-port", strconv.Itoa(needPort(t)), "--http-port", strconv.Itoa(needPort(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if code := p.awaitExit(t, enough); code != 0 {
		t.Fatalf("left with %d:\n%s", code, p.output.tail())
	}
	for _, text := range []string{"tenure offboard", "completed", "acme/contoso/emea/london"} {
		if !strings.Contains(p.output.String(), text) {
			t.Errorf("does not show %q:\n%s", text, p.output.String())
		}
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if left := commandLines(t, home); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}
