package command_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// completed is what the shell would offer for a command line whose last word is begun.
func completed(t *testing.T, s *seat, words ...string) []string {
	t.Helper()
	r := s.tenure(append([]string{"__complete"}, words...)...)
	r.exits(t, 0)
	var offered []string
	for line := range strings.Lines(r.out) {
		if value, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); value != "" && value[0] != ':' {
			offered = append(offered, value)
		}
	}
	return offered
}

func TestCompletionFromTheLiveSystem(t *testing.T) {
	type view = map[string]any
	on(t, contract.ShowCatalog, func(_ workflow.Context, in contract.ShowCatalogRequest) ([]view, error) {
		return map[string][]view{
			"nodes": {
				{"name": "acme", "path": "acme", "level": "provider"}, {"name": "london", "path": "acme/contoso/london", "level": "site"},
				{"name": "north", "path": "acme/contoso/north", "level": "site"}, {"name": "north", "path": "acme/fabrikam/north", "level": "site"},
			},
			"groups":   {{"name": "uk-sales", "node": "acme"}, {"name": "leaver", "node": "acme", "offboarding": true}},
			"profiles": {{"name": "london-sales"}, {"name": "paris-sales"}},
			"roles":    {{"name": "site-admin"}},
		}[in.Kind], nil
	})
	users := answers[contract.UserFilter](t, contract.ListUsers, contract.Users{Users: []contract.User{
		{UserPrincipalName: ada, DisplayName: "Ada"}, {UserPrincipalName: "grace@contoso.com", DisplayName: "Grace ad"},
	}})
	runs := answers[contract.RunFilter](t, contract.ListRuns, contract.Runs{Runs: []contract.Run{
		{RunID: "6f3c", Operation: lifecycle.Offboard, Status: lifecycle.Held, Subscriber: lifecycle.SubscriberRef{UserPrincipalName: "kevin@contoso.com"}},
	}})
	for line, want := range map[string]string{
		"offboard ":                          ada + " grace@contoso.com",
		"offboard AD":                        ada,
		"offboard " + ada + " ":              "",
		"users show ad":                      ada,
		"users place " + ada + " --site ":    "london acme/contoso/north acme/fabrikam/north",
		"onboard " + ada + " --site lo":      "london",
		"onboard " + ada + " --site acme/c":  "acme/contoso/london acme/contoso/north",
		"move " + ada + " --to lo":           "london",
		"numbers list --node ":               "acme london acme/contoso/north acme/fabrikam/north",
		"onboard " + ada + " --group ":       "uk-sales",
		"plan offboard " + ada + " --group ": "leaver",
		"move " + ada + " --offboard-group ": "leaver",
		"onboard " + ada + " --profile p":    "paris-sales",
		"update " + ada + " --role ":         "site-admin",
		"resolve ":                           "6f3c kevin@contoso.com",
		"cancel 6":                           "6f3c",
		"status " + ada[:2]:                  ada,
		"status 6":                           "6f3c",
	} {
		if got := strings.Join(completed(t, newSeat(t), strings.Split(line, " ")...), " "); got != want {
			t.Errorf("%q offers %q, want %q", line, got, want)
		}
	}
	completed(t, newSeat(t), "offboard", "gr")
	if users().Contains != "gr" {
		t.Errorf("asked for %+v", users())
	}
	completed(t, newSeat(t), "resolve", "")
	if got := runs().Statuses; len(got) != 2 || got[0] != lifecycle.Held {
		t.Errorf("asked for %+v", runs())
	}
}

// Whoever presses the tabulator key reads no errors and does not wait.
func TestCompletionIsSilentWithoutTheLiveSystem(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // it accepts and never answers
	hanging := newSeat(t)
	hanging.console.Pace.Completion = 50 * time.Millisecond
	t.Setenv("TEMPORAL_ADDRESS", listener.Addr().String())
	if got := completed(t, hanging, "offboard", ""); len(got) != 0 {
		t.Errorf("offers %v", got)
	}
	s := newSeat(t).idle()
	id := "unanswered"
	s.console.Pace.Completion = 2 * time.Second
	s.console.NewID = func() string { return id }
	if got := completed(t, s, "offboard", ""); len(got) != 0 {
		t.Errorf("offers %v", got)
	}
	if strings.Contains(s.err.String(), "tenure:") {
		t.Errorf("says %q", s.err.String())
	}
	described, err := server.idle.DescribeWorkflowExecution(t.Context(), "tenure/ListUsers/"+id, "")
	if err != nil {
		t.Fatal(err)
	}
	if timeout := described.GetExecutionConfig().GetWorkflowExecutionTimeout().AsDuration(); timeout != 2*time.Second {
		t.Errorf("nobody waits for it and it runs for %s", timeout)
	}
}
