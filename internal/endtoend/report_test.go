package endtoend_test

import (
	"slices"
	"testing"
	"time"
)

// The shapes of architecture.md §5.2, written down from there.

type reference struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

type report struct {
	reference
	Operation   string     `json:"operation"`
	Tenant      string     `json:"tenant"`
	Subscriber  subscriber `json:"subscriber"`
	RequestID   string     `json:"requestId"`
	RequestedBy string     `json:"requestedBy"`
	Status      string     `json:"status"`
	StartedAt   time.Time  `json:"startedAt"`
	ClosedAt    *time.Time `json:"closedAt"`
	Steps       []step     `json:"steps"`
	Warnings    []struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"warnings"`
	Before *userState `json:"before"`
	After  *userState `json:"after"`
}

type subscriber struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
}

type step struct {
	Name    string         `json:"name"`
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	Summary string         `json:"summary"`
	Detail  map[string]any `json:"detail"`
	// Not promised, and used only to place other times.
	StartedAt *time.Time `json:"startedAt"`
	ClosedAt  *time.Time `json:"closedAt"`
}

type userState struct {
	Node            *string           `json:"node"`
	Role            *string           `json:"role"`
	UsageLocation   *string           `json:"usageLocation"`
	Numbers         []string          `json:"numbers"`
	EnterpriseVoice bool              `json:"enterpriseVoice"`
	Licenses        []license         `json:"licenses"`
	Groups          []string          `json:"groups"`
	Policies        map[string]string `json:"policies"`
}

type license struct {
	SKU        string `json:"sku"`
	Assignment string `json:"assignment"`
}

type userView struct {
	subscriber
	userState
	Services []struct {
		Kind string `json:"kind"`
		Node string `json:"node"`
	} `json:"services"`
	Operation *reference `json:"operation"`
}

type numberView struct {
	Number       string      `json:"number"`
	Node         string      `json:"node"`
	State        string      `json:"state"`
	Type         string      `json:"type"`
	Vendor       string      `json:"vendor"`
	User         *subscriber `json:"user"`
	ReservedFor  *subscriber `json:"reservedFor"`
	CoolingUntil *time.Time  `json:"coolingUntil"`
	History      []struct {
		At    time.Time `json:"at"`
		Event string    `json:"event"`
		From  *string   `json:"from"`
		To    *string   `json:"to"`
		RunID *string   `json:"runId"`
		By    *string   `json:"by"`
	} `json:"history"`
}

type refusal struct {
	Error struct {
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Hint    *string `json:"hint"`
	} `json:"error"`
}

const (
	london      = "acme/contoso/emea/london"
	tenantLevel = "acme/contoso"
)

// offboardSteps are the steps of a report, in its order.
var offboardSteps = []string{
	"remove-number", "disable-enterprise-voice", "apply-policies", "remove-groups", "await-group-licenses", "remove-licenses",
	"release-number", "return-to-tenant-level", "set-role", "verify",
}

// onboardSteps are those of an onboarding.
var onboardSteps = []string{
	"place-at-site", "set-usage-location", "add-groups", "await-group-licenses", "assign-licenses", "await-teams-user", "claim-number",
	"assign-number", "apply-policies", "set-role", "verify",
}

// moveSteps are those of a move: leaving, taking the number along, joining.
func moveSteps() (names []string) {
	for _, s := range offboardSteps {
		names = append(names, "leave/"+s)
	}
	names = append(names, "move-number")
	for _, s := range onboardSteps {
		names = append(names, "join/"+s)
	}
	return names
}

func (r report) step(t testing.TB, name string) step {
	t.Helper()
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("the report has no step %s", name)
	return step{}
}

// want compares steps, each written as "outcome" or "outcome reason", with what the report says.
func (r report) want(t testing.TB, status string, steps map[string]string) {
	t.Helper()
	if r.Status != status {
		t.Errorf("status %s, want %s", r.Status, status)
	}
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	// An update has only the steps that its fields need.
	if all := map[string][]string{"offboard": offboardSteps, "onboard": onboardSteps, "move": moveSteps()}[r.Operation]; r.Operation != "update" && !slices.Equal(names, all) {
		t.Errorf("steps %v of %q, want %v", names, r.Operation, all)
	}
	for name, want := range steps {
		s := r.step(t, name)
		got := s.Outcome
		if s.Reason != "" {
			got += " " + s.Reason
		}
		if got != want {
			t.Errorf("%s is %q (%s), want %q", name, got, s.Summary, want)
		}
	}
}

func (r report) warningCodes() []string {
	codes := []string{}
	for _, w := range r.Warnings {
		codes = append(codes, w.Code)
	}
	slices.Sort(codes)
	return codes
}

func (r report) wantWarnings(t testing.TB, codes ...string) {
	t.Helper()
	if got := r.warningCodes(); !slices.Equal(got, codes) {
		t.Errorf("warnings %v, want %v", got, codes)
	}
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
