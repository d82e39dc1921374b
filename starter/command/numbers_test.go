package command_test

import (
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

var reserved = contract.Number{
	Number: number, Node: london, State: lifecycle.Reserved, Type: "directRouting", Notes: ptr("reception"),
	ReservedFor: &lifecycle.SubscriberRef{ID: "id-1", UserPrincipalName: ada}, ReservedUntil: ptr(began.Add(24 * time.Hour)), DaysLeft: ptr(1),
}

func TestNumbersChange(t *testing.T) {
	last := answers[contract.NumbersChange](t, contract.ChangeNumbers, contract.NumbersChanged{Numbers: []contract.Number{reserved}})
	tests := map[string]struct {
		arguments []string
		want      contract.NumbersChange
	}{
		"reserve":     {[]string{"reserve", `\+44 20 7946 0001`, "0044 20 7946 0002", "--days", "14", "--notes", "reception"}, contract.NumbersChange{Action: "reserve", Numbers: []string{number, "+442079460002"}, Days: 14, Notes: "reception"}},
		"reserve for": {[]string{"reserve", number, "--for", ada}, contract.NumbersChange{Action: "reserve", Numbers: []string{number}, For: ada}},
		"unreserve":   {[]string{"unreserve", number}, contract.NumbersChange{Action: "unreserve", Numbers: []string{number}}},
		"cool":        {[]string{"cool", number}, contract.NumbersChange{Action: "cool", Numbers: []string{number}}},
		"cool, days":  {[]string{"cool", number, "--days", "999"}, contract.NumbersChange{Action: "cool", Numbers: []string{number}, Days: 999}},
		"release":     {[]string{"release", number}, contract.NumbersChange{Action: "release", Numbers: []string{number}}},
		"move":        {[]string{"move", number, "--to", "emea"}, contract.NumbersChange{Action: "move", Numbers: []string{number}, To: "emea"}},
		"remove":      {[]string{"remove", number}, contract.NumbersChange{Action: "remove", Numbers: []string{number}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newSeat(t).tenure(append(append([]string{"numbers"}, test.arguments...), "--yes", "--reason", "why", "-o", "json")...)
			r.exits(t, 0)
			test.want.Actor = contract.Actor{RequestedBy: "operator", Reason: "why"}
			if !reflect.DeepEqual(last(), test.want) {
				t.Errorf("asked %+v, want %+v", last(), test.want)
			}
			if got := decode[contract.NumbersChanged](t, r); !reflect.DeepEqual(got.Numbers, []contract.Number{reserved}) {
				t.Errorf("got %s", r.out)
			}
		})
	}
	golden(t, "numbers-reserve", newSeat(t).tenure("numbers", "reserve", number, "--yes").out)
	golden(t, "help-numbers-reserve", newSeat(t).tenure("numbers", "reserve", "--help").out)

	answers[contract.NumbersChange](t, contract.ChangeNumbers, contract.NumbersChanged{Removed: []string{number}})
	if r := newSeat(t).tenure("numbers", "remove", number, "--yes"); r.out != number+" removed\n" {
		t.Errorf("said %q", r.out)
	}
	if r := newSeat(t).tenure("numbers", "remove", number, "--yes", "-o", "jsonl"); r.out != `{"numbers":[],"removed":["`+number+`"]}`+"\n" {
		t.Errorf("said %q", r.out)
	}
}

func TestNumbersChangeAsks(t *testing.T) {
	var changed atomic.Int32
	on(t, contract.ChangeNumbers, func(workflow.Context, contract.NumbersChange) (contract.NumbersChanged, error) {
		changed.Add(1)
		return contract.NumbersChanged{}, nil
	})
	no := newSeat(t).atTerminal("n\n").tenure("numbers", "cool", number, "+442079460002")
	no.exits(t, 130)
	no.says(t, "Cool 2 numbers? [y/N]")
	if changed.Load() != 0 {
		t.Error("changed although nobody said yes")
	}
	yes := newSeat(t).atTerminal("y\n").tenure("numbers", "release", number)
	yes.exits(t, 0)
	yes.says(t, "Release "+number+"? [y/N]")
	if changed.Load() != 1 {
		t.Errorf("changed %d times", changed.Load())
	}
}

func TestNumbersSummary(t *testing.T) {
	nodes := []contract.NodeNumbers{
		{Node: "acme/contoso", Tenant: tenant, Total: 10, Available: 1, Used: 6, Reserved: 1, Cooling: 1, Held: 1, Share: 10, Threshold: ptr(15), Low: true},
		{Node: london, Tenant: tenant, Total: 3, Available: 2, Used: 1, Share: 200.0 / 3},
	}
	last := answers[contract.NumberFilter](t, contract.SummarizeNumbers, contract.NumberSummary{Summary: nodes})
	r := newSeat(t).tenure("numbers", "list", "--summary", "--node", "emea", "--below", "--type", "callingPlan")
	r.exits(t, 0)
	if last() != (contract.NumberFilter{Node: "emea", Below: true, Type: "callingPlan"}) {
		t.Errorf("asked %+v", last())
	}
	golden(t, "numbers-summary", r.out)
	r.says(t, "warning: acme/contoso is low on numbers: 1 of 10 are available, less than 15%")
	asJSON := newSeat(t).tenure("numbers", "list", "--summary", "-o", "json")
	asJSON.exits(t, 0)
	if got := decode[contract.NumberSummary](t, asJSON); !reflect.DeepEqual(got.Summary, nodes) {
		t.Errorf("got %s", asJSON.out)
	}
}

func TestNumbersAudit(t *testing.T) {
	missing := contract.NumberFinding{Number: ptr(number), Code: contract.NotInInventory, Message: "used by " + ada + " in Teams, and not in the inventory", Fix: ptr("add it to " + london + " as used by " + ada)}
	low := contract.NumberFinding{Code: contract.LowOnNumbers, Message: london + ": 1 of 20 numbers are available, less than 10%"}
	var asked kept[contract.NumberAuditRequest]
	var repairs atomic.Int32
	audit := func(fixed int, findings ...contract.NumberFinding) {
		on(t, contract.AuditNumbers, func(_ workflow.Context, in contract.NumberAuditRequest) (contract.NumberAudit, error) {
			asked.keep(in)
			found := contract.NumberAudit{Findings: findings}
			if in.Fix {
				repairs.Add(1)
				found.Fixed = fixed
			}
			return found, nil
		})
	}
	audit(1, missing, low)
	r := newSeat(t).tenure("numbers", "audit", "--node", "london")
	r.exits(t, 2)
	golden(t, "numbers-audit", r.out)
	r.says(t, "2 found, 0 repaired")
	if asked.last() != (contract.NumberAuditRequest{Node: "london", Actor: contract.Actor{RequestedBy: "operator"}}) {
		t.Errorf("asked %+v", asked.last())
	}
	asJSON := newSeat(t).tenure("numbers", "audit", "-o", "json")
	asJSON.exits(t, 2)
	if got := decode[contract.NumberAudit](t, asJSON); !reflect.DeepEqual(got, contract.NumberAudit{Findings: []contract.NumberFinding{missing, low}}) {
		t.Errorf("got %s", asJSON.out)
	}

	no := newSeat(t).atTerminal("n\n").tenure("numbers", "audit", "--fix")
	no.exits(t, 130)
	no.says(t, "Repair 1? [y/N]")
	if repairs.Load() != 0 {
		t.Error("repaired although nobody said yes")
	}
	fixed := newSeat(t).tenure("numbers", "audit", "--fix", "--yes", "-o", "json")
	fixed.exits(t, 2) // the low node is still low
	if got := decode[contract.NumberAudit](t, fixed); got.Fixed != 1 || len(got.Findings) != 2 {
		t.Errorf("got %s", fixed.out)
	}
	audit(1, missing)
	newSeat(t).atTerminal("y\n").tenure("numbers", "audit", "--fix").exits(t, 0)
	if repairs.Load() != 2 {
		t.Errorf("repaired %d times", repairs.Load())
	}
	audit(0, low)
	newSeat(t).atTerminal("").tenure("numbers", "audit", "--fix").exits(t, 2)
	audit(0)
	nothing := newSeat(t).tenure("numbers", "audit", "--fix", "--yes")
	nothing.exits(t, 0)
	nothing.says(t, "nothing found")
}

func TestNumbersAddOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "numbers.csv")
	text := "type,NUMBER,node\n,+442079460001,\n,+442079460002,\ncallingPlan,+442079460003,paris\n,+442079460004,\n,+442079460005,\n,+442079460006,\n,+442079460007,\nisdn,+442079460008,\n,+442079460001,\n,12,\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	last := answers[contract.AddNumbersRequest](t, contract.AddNumbers, contract.NumbersAdded{Added: 7})
	arguments := []string{"numbers", "add", "--csv", file, "--node", "london", "--type", "directRouting", "--yes", "-o", "json"}
	newSeat(t).tenure(arguments...).exits(t, 3)
	if !reflect.DeepEqual(last(), contract.AddNumbersRequest{}) {
		t.Errorf("a file with mistakes asked for %+v", last())
	}
	r := newSeat(t).tenure(append(arguments, "--partial")...)
	r.exits(t, 0)
	want := contract.AddNumbersRequest{
		Node: "london", Type: "directRouting", Numbers: []string{number, "+442079460002"}, Ranges: []contract.NumberRange{{From: "+442079460004", To: "+442079460007"}},
		More:  []contract.NumberBatch{{Node: "paris", Type: "callingPlan", Numbers: []string{"+442079460003"}}},
		Actor: contract.Actor{RequestedBy: "operator"},
	}
	if !reflect.DeepEqual(last(), want) {
		t.Errorf("asked %+v, want %+v", last(), want)
	}
	r.says(t, "numbers.csv:9: ")
	answer := decode[struct {
		contract.NumbersAdded
		Skipped []string `json:"skipped"`
	}](t, r)
	if answer.Added != 7 || len(answer.Skipped) != 3 {
		t.Errorf("got %s", r.out)
	}
}

// Ranges travel as ranges, however many numbers they hold, and no batch is too much for one transaction.
func TestNumbersAddOfManyRanges(t *testing.T) {
	last := answers[contract.AddNumbersRequest](t, contract.AddNumbers, contract.NumbersAdded{})
	newSeat(t).tenure("numbers", "add", "--range", "+442070000000..+442070069999", "--range", "+442070070000..+442070099999", "--range", "+442070100000..+442070199999",
		"--node", "london", "--type", "directRouting", "--yes").exits(t, 0)
	got := last()
	if len(got.Ranges) != 2 || len(got.More) != 1 || len(got.More[0].Ranges) != 1 {
		t.Errorf("asked %+v", got)
	}
}
