package graphsim

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// directory is the content of the tenant, guarded by the tenant's lock.
//
// People and phone lines are kept as immutable versions: a change publishes a
// new version, so an answer can be written after the lock is released and a
// lagging read can look at an older one.
type directory struct {
	settings func() Settings
	random   *randomness

	epoch    string // page and delta tokens of another epoch have expired
	created  time.Time
	revision uint64      // counts changes of people, for delta
	tracked  atomic.Bool // since delta was first asked for

	accounts []*account // in order of the state; deleted ones stay as tombstones
	byID     map[string]*account
	byUPN    map[string]*account

	groups    []*group
	groupByID map[string]*group

	skus      []*sku
	skuByID   map[string]*sku
	planKnown map[string]bool // by name

	lines     []*line
	lineByKey map[string]*line
	lineByID  map[string]*line

	policies    []*policy
	operations  map[string]*operation
	operationQ  []string
	permissions []string
	due         schedule
}

// account is the lasting identity of a user; the user's properties are in its
// versions.
type account struct {
	index  int
	latest *person
}

// person is one version of a user. It is never changed once published: slices
// and maps in it are replaced, not edited.
type person struct {
	id, upn, displayName, givenName, surname string
	city, department, userType               string
	usageLocation                            string
	usageLocationSynced                      bool
	enabled                                  bool
	synced                                   *bool
	businessPhones                           []string
	attributes                               map[string]string
	sessionsValidFrom                        time.Time

	grants   []grant
	groups   []*group
	lines    []*line
	voice    bool
	policies map[string]*policy
	inTeams  bool

	removed  bool
	revision uint64
	touched  map[string]uint64 // revision of the last change, by property
	at       time.Time
	previous *person
}

// group is changed in place; what a reader keeps of it never changes.
type group struct {
	index    int
	id, name string
	kind     GroupKind
	licenses []*sku
	policies map[string]*policy
	members  []*account // by account index
	pending  int        // members whose licenses are still to be processed
}

type sku struct {
	id, partNumber string
	enabled        int
	consumed       int
	plans          []*plan
}

type plan struct{ id, name string }

type policy struct{ kind, name, id string }

// asOf is the version that was current at the given time, as far as it is
// still remembered.
func (a *account) asOf(t time.Time) *person {
	version := a.latest
	for version.previous != nil && version.at.After(t) {
		version = version.previous
	}
	return version
}

// change publishes a new version of a user. The edit may assign fields but not
// modify what slices and maps of the old version hold.
func (d *directory) change(a *account, at time.Time, edit func(*person)) {
	old := a.latest
	next := *old
	edit(&next)
	d.revision++
	next.revision = d.revision
	next.at = at
	d.touch(old, &next)
	next.previous = d.remembered(old, at)
	d.recount(old.grants, next.grants)
	a.latest = &next
	if old.hasPlan(planTeams) != next.hasPlan(planTeams) {
		d.later(d.settings().TeamsProvisioningMs, at, func(at time.Time) { d.provisionTeams(a, at) })
	}
}

// remembered is the chain of older versions that a lagging read may still ask
// for.
func (d *directory) remembered(old *person, now time.Time) *person {
	lag := d.settings().ReadLagMs
	if lag <= 0 {
		return nil
	}
	horizon := now.Add(-time.Duration(lag) * time.Millisecond)
	for version := old; version != nil; version = version.previous {
		if !version.at.After(horizon) {
			version.previous = nil
		}
	}
	return old
}

func (d *directory) later(delayMs int, from time.Time, run func(at time.Time)) {
	d.due.add(from.Add(time.Duration(delayMs)*time.Millisecond), run)
}

// provisionTeams makes Teams know exactly those who hold its service plan.
func (d *directory) provisionTeams(a *account, at time.Time) {
	if licensed := a.latest.hasPlan(planTeams); licensed != a.latest.inTeams {
		d.change(a, at, func(p *person) { p.inTeams = licensed })
	}
}

// account finds a user by object id or by user principal name in any case.
func (d *directory) account(key string) (*account, error) {
	if a := d.lookup(key); a != nil {
		return a, nil
	}
	return nil, notFound(key)
}

func (d *directory) lookup(key string) *account {
	if a, ok := d.byID[strings.ToLower(key)]; ok {
		return a
	}
	return d.byUPN[strings.ToLower(key)]
}

func (d *directory) group(id string) (*group, error) {
	if g, ok := d.groupByID[strings.ToLower(id)]; ok {
		return g, nil
	}
	return nil, notFound(id)
}

func (g *group) position(a *account) (int, bool) {
	return slices.BinarySearchFunc(g.members, a, func(x, y *account) int { return cmp.Compare(x.index, y.index) })
}

func (g *group) contains(a *account) bool {
	_, found := g.position(a)
	return found
}

func (d *directory) join(a *account, g *group, at time.Time) {
	i, _ := g.position(a)
	g.members = slices.Insert(slices.Clone(g.members), i, a)
	d.change(a, at, func(p *person) { p.groups = append(slices.Clone(p.groups), g) })
	d.queueInheritance(a, g, at)
}

func (d *directory) leave(a *account, g *group, at time.Time) {
	i, _ := g.position(a)
	g.members = slices.Delete(slices.Clone(g.members), i, i+1)
	d.change(a, at, func(p *person) {
		p.groups = slices.DeleteFunc(slices.Clone(p.groups), func(x *group) bool { return x == g })
	})
	d.queueInheritance(a, g, at)
}

// remove takes a user out of the directory: memberships and licenses end at
// once, numbers stay with the id that is gone.
func (d *directory) remove(a *account, at time.Time) {
	p := a.latest
	for _, g := range p.groups {
		if i, found := g.position(a); found {
			g.members = slices.Delete(slices.Clone(g.members), i, i+1)
		}
	}
	delete(d.byID, strings.ToLower(p.id))
	delete(d.byUPN, strings.ToLower(p.upn))
	d.change(a, at, func(p *person) {
		p.groups, p.grants, p.removed, p.inTeams = nil, nil, true, false
	})
}
