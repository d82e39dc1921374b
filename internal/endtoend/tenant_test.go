package endtoend_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tenant is a simulated Microsoft 365 tenant, a process that outlives the worker. Its types are written down from
// architecture.md §5.5 and not taken from the simulator, so that a change of the contract is seen.
type tenant struct {
	t       testing.TB
	address string
}

type tenantState struct {
	SKUs        []map[string]any `json:"skus"`
	Users       []tenantUser     `json:"users"`
	Groups      []tenantGroup    `json:"groups"`
	Numbers     []tenantNumber   `json:"numbers"`
	Policies    []map[string]any `json:"policies"`
	Permissions []string         `json:"permissions"`
}

type tenantUser struct {
	ID                    string            `json:"id"`
	UserPrincipalName     string            `json:"userPrincipalName"`
	DisplayName           *string           `json:"displayName"`
	GivenName             *string           `json:"givenName"`
	Surname               *string           `json:"surname"`
	City                  *string           `json:"city"`
	Department            *string           `json:"department"`
	UserType              string            `json:"userType"`
	AccountEnabled        *bool             `json:"accountEnabled"`
	UsageLocation         *string           `json:"usageLocation"`
	OnPremisesSyncEnabled *bool             `json:"onPremisesSyncEnabled"`
	DirectLicenses        []directLicense   `json:"directLicenses"`
	EnterpriseVoice       bool              `json:"enterpriseVoice"`
	Policies              map[string]string `json:"policies"`
}

type directLicense struct {
	SKU           string   `json:"sku"`
	DisabledPlans []string `json:"disabledPlans"`
}

type tenantGroup struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Kind        string   `json:"kind"`
	Licenses    []string `json:"licenses"`
	Members     []string `json:"members"`
}

type tenantNumber struct {
	TelephoneNumber string   `json:"telephoneNumber"`
	NumberType      string   `json:"numberType"`
	AssignedTo      *string  `json:"assignedTo"`
	Capabilities    []string `json:"capabilities"`
	NumberSource    string   `json:"numberSource"`
	LocationID      *string  `json:"locationId"`
}

// request is one entry of the journal.
type request struct {
	Seq       uint64          `json:"seq"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Query     string          `json:"query"`
	Body      json.RawMessage `json:"body"`
	Status    int             `json:"status"`
	Write     bool            `json:"write"`
	Committed bool            `json:"committed"`
	Fault     *string         `json:"fault"`
}

func (r request) String() string { return r.Method + " " + r.Path + " " + string(r.Body) }

// fault is something that goes wrong on purpose; fields as in architecture.md §5.5.
type fault struct {
	ID          string `json:"id,omitempty"`
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"`
	Times       int    `json:"times,omitempty"`
	Status      int    `json:"status,omitempty"`
	RetryAfter  int    `json:"retryAfter,omitempty"`
	Body        string `json:"body,omitempty"`
	AfterCommit bool   `json:"afterCommit,omitempty"`
	LatencyMs   int    `json:"latencyMs,omitempty"`
}

const (
	unassignNumber   = "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments/unassignNumber"
	assignNumber     = "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments/assignNumber"
	numberOperations = "/v1.0/admin/teams/telephoneNumberManagement/operations/*"
	assignPolicies   = "/v1.0/admin/teams/policy/userAssignments/assign"
	unassignPolicies = "/v1.0/admin/teams/policy/userAssignments/unassign"
)

func userPath(id string) string    { return "/v1.0/users/" + id }
func licensePath(id string) string { return "/v1.0/users/" + id + "/assignLicense" }
func voicePath(id string) string   { return "/v1.0/admin/teams/userConfigurations/" + id }
func memberPath(group, user string) string {
	return "/v1.0/groups/" + group + "/members/" + user + "/$ref"
}

func startTenant(t testing.TB, dir string) *tenant {
	t.Helper()
	p, err := launch("the simulated tenant", syscall.SIGKILL, environ(dir), programs.worker, "tenant", "--port", "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if _, err := p.awaitLine("ready", time.Minute); err != nil {
		t.Fatal(err)
	}
	line, err := p.awaitLine("http://", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(line, "http://")
	address, _, _ := strings.Cut(rest, " ")
	return &tenant{t, "http://" + address}
}

func (x *tenant) call(method, path string, in, out any) {
	x.t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			x.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, x.address+"/_sim/"+path, body)
	if err != nil {
		x.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		x.t.Fatalf("%s %s: %s %v\n%s", method, path, answer.Status, err, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			x.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

func (x *tenant) state() (s tenantState) {
	x.t.Helper()
	x.call("GET", "state", nil, &s)
	return s
}

// change replaces the state by an edited one.
func (x *tenant) change(edit func(*tenantState)) {
	x.t.Helper()
	s := x.state()
	edit(&s)
	x.call("PUT", "state", s, nil)
}

func (x *tenant) settings(changes map[string]any) {
	x.t.Helper()
	x.call("PATCH", "settings", changes, nil)
}

// fault adds a fault and returns its id.
func (x *tenant) fault(f fault) string {
	x.t.Helper()
	var added fault
	x.call("POST", "faults", f, &added)
	if added.ID == "" {
		x.t.Fatal("the tenant gave the fault no id")
	}
	return added.ID
}

func (x *tenant) clearFaults() {
	x.t.Helper()
	x.call("DELETE", "faults", nil, nil)
}

// pendingFaults are the ids of those that have not been used up.
func (x *tenant) pendingFaults() (ids []string) {
	x.t.Helper()
	var s struct{ Faults []fault }
	x.call("GET", "faults", nil, &s)
	for _, f := range s.Faults {
		ids = append(ids, f.ID)
	}
	return ids
}

// awaitFaults waits until requests have met all of these faults.
func (x *tenant) awaitFaults(limit time.Duration, ids ...string) {
	x.t.Helper()
	until(x.t, "requests have met the faults", limit, func() (bool, string) {
		left := slices.DeleteFunc(x.pendingFaults(), func(id string) bool { return !slices.Contains(ids, id) })
		return len(left) == 0, "not met: " + strings.Join(left, ", ")
	})
}

func (x *tenant) journal() []request {
	x.t.Helper()
	var s struct{ Requests []request }
	x.call("GET", "journal", nil, &s)
	return s.Requests
}

func (x *tenant) clearJournal() {
	x.t.Helper()
	x.call("DELETE", "journal", nil, nil)
}

// writes are the requests that asked for a change.
func (x *tenant) writes() []request {
	x.t.Helper()
	return slices.DeleteFunc(x.journal(), func(r request) bool { return !r.Write })
}

func (x *tenant) wantNoWrites() {
	x.t.Helper()
	if w := x.writes(); len(w) > 0 {
		x.t.Errorf("Microsoft was written to: %v", w)
	}
}

// user finds a person by the part of the principal name before the @.
func (s *tenantState) user(t testing.TB, name string) *tenantUser {
	t.Helper()
	for i := range s.Users {
		if local, _, _ := strings.Cut(s.Users[i].UserPrincipalName, "@"); local == name {
			return &s.Users[i]
		}
	}
	t.Fatalf("the tenant has no user %s", name)
	return nil
}

func (s *tenantState) group(t testing.TB, name string) *tenantGroup {
	t.Helper()
	for i := range s.Groups {
		if s.Groups[i].DisplayName == name {
			return &s.Groups[i]
		}
	}
	t.Fatalf("the tenant has no group %s", name)
	return nil
}

// groupsOf are the names of the groups that a user is a member of, sorted.
func (s *tenantState) groupsOf(id string) []string {
	names := []string{}
	for _, g := range s.Groups {
		if slices.Contains(g.Members, id) {
			names = append(names, g.DisplayName)
		}
	}
	slices.Sort(names)
	return names
}

func (s *tenantState) numbersOf(id string) []string {
	numbers := []string{}
	for _, n := range s.Numbers {
		if n.AssignedTo != nil && *n.AssignedTo == id {
			numbers = append(numbers, n.TelephoneNumber)
		}
	}
	slices.Sort(numbers)
	return numbers
}

func (s *tenantState) number(t testing.TB, number string) *tenantNumber {
	t.Helper()
	for i := range s.Numbers {
		if s.Numbers[i].TelephoneNumber == number {
			return &s.Numbers[i]
		}
	}
	t.Fatalf("the tenant has no number %s", number)
	return nil
}

// licenses are the part numbers that are assigned directly.
func (u *tenantUser) licenses() []string {
	names := []string{}
	for _, l := range u.DirectLicenses {
		names = append(names, l.SKU)
	}
	slices.Sort(names)
	return names
}
