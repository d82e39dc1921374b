// Package graphsim is a Microsoft 365 tenant that lives in memory and speaks
// Microsoft Graph over HTTP: directory, licenses, groups, Teams phone numbers
// and policies, with the delays, refusals and throttling that a client of the
// real service has to survive.
//
// It shares no code with any Graph client, on purpose: a simulator that is
// built from the client it tests would agree with that client's mistakes.
// Whatever it does not model it refuses with 501 and the name of the route, so
// that a test never passes on an invented answer.
//
// Graph is served under /v1.0 and /beta, control of the simulation under /_sim.
package graphsim

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a new Tenant. The zero value is the default tenant on the
// wall clock.
type Options struct {
	// State the tenant starts with. Nil is DefaultState.
	State *State
	// Settings the tenant starts with. Nil is DefaultSettings.
	Settings *Settings
	// Clock tells the time that delays, tokens, throttling and timestamps are
	// judged by. Nil is time.Now. Latency always passes in real time.
	Clock func() time.Time
	// Seed of the generated ids and of the chance in faults with a probability.
	Seed uint64
}

// Tenant is one simulated Microsoft 365 tenant. It implements http.Handler; all
// methods are safe for concurrent use.
type Tenant struct {
	clock    func() time.Time
	random   *randomness
	settings atomic.Pointer[Settings]
	throttle throttle
	faults   faultScript
	journal  journal

	lastToken atomic.Pointer[readToken]

	mu  sync.RWMutex
	dir *directory
}

// New creates a tenant. It fails only when the given state contradicts itself.
func New(options Options) (*Tenant, error) {
	t := &Tenant{clock: options.Clock, random: newRandomness(options.Seed)}
	if t.clock == nil {
		t.clock = time.Now
	}
	settings := DefaultSettings()
	if options.Settings != nil {
		settings = options.Settings.clone()
	}
	t.settings.Store(&settings)
	state := options.State
	if state == nil {
		initial := DefaultState()
		state = &initial
	}
	if err := t.SetState(*state); err != nil {
		return nil, err
	}
	return t, nil
}

// State describes the tenant as it is now. Operations and license changes that
// are still under way are not part of it.
func (t *Tenant) State() State {
	t.settle(t.clock())
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.dir.describe()
}

// SetState replaces the tenant. Inherited licenses and Teams presence hold at
// once; operations under way are forgotten, page tokens expire and delta links
// answer 410. Settings, faults and the journal stay. A contradictory state is
// refused and changes nothing.
func (t *Tenant) SetState(state State) error {
	dir, err := newDirectory(state, t.now(), t.random, func() Settings { return *t.settings.Load() })
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dir = dir
	return nil
}

// Settings are the delays and limits in force.
func (t *Tenant) Settings() Settings { return t.settings.Load().clone() }

// SetSettings replaces the delays and limits; what is already under way keeps
// its due time. The throttle starts again with full buckets.
func (t *Tenant) SetSettings(settings Settings) {
	settings = settings.clone()
	t.settings.Store(&settings)
	t.throttle.refill()
}

// SetPermissions replaces the application permissions granted. Tokens issued
// before keep the permissions they carry.
func (t *Tenant) SetPermissions(roles ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dir.permissions = append([]string{}, roles...)
}

// Permissions are the application permissions granted.
func (t *Tenant) Permissions() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]string{}, t.dir.permissions...)
}

// Journal returns every Graph request seen since the start or the last
// ClearJournal, oldest first. Beyond 100,000 entries the oldest are dropped.
func (t *Tenant) Journal() []JournalEntry { return t.journal.list() }

// ClearJournal forgets the requests seen; sequence numbers go on.
func (t *Tenant) ClearJournal() { t.journal.clear() }

// AddFault scripts one fault and returns it with its id. Faults are tried in
// the order in which they were added.
func (t *Tenant) AddFault(fault Fault) Fault { return t.faults.add(fault) }

// Faults are those that can still happen.
func (t *Tenant) Faults() []Fault { return t.faults.list() }

// ClearFaults removes all faults.
func (t *Tenant) ClearFaults() { t.faults.clear() }

// Token issues a short-lived bearer token that carries the permissions granted
// at this moment.
func (t *Tenant) Token() Token {
	lifetime := time.Duration(t.settings.Load().TokenSeconds) * time.Second
	return issueToken(t.Permissions(), t.now(), lifetime)
}

// ServeHTTP answers Graph under /v1.0 and /beta and control calls under /_sim.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == controlPrefix || strings.HasPrefix(r.URL.Path, controlPrefix+"/") {
		t.serveControl(w, r)
		return
	}
	t.serveGraph(w, r)
}

func (t *Tenant) now() time.Time { return t.clock().UTC() }

// settle completes everything that was due by now. Nothing runs in the
// background: whoever looks at the tenant first brings it up to date.
func (t *Tenant) settle(now time.Time) {
	t.mu.RLock()
	due := t.dir.due.ready(now)
	t.mu.RUnlock()
	if !due {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dir.due.run(now)
}
