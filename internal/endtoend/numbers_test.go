package endtoend_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

type numberRows struct {
	Numbers []numberView `json:"numbers"`
	Removed []string     `json:"removed"`
}

type numberFindings struct {
	Findings []struct {
		Number  *string `json:"number"`
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Fix     *string `json:"fix"`
	} `json:"findings"`
	Fixed int `json:"fixed"`
}

// codes are the findings as NUMBER CODE, sorted; a plus marks those that can be repaired.
func (f numberFindings) codes() []string {
	codes := []string{}
	for _, finding := range f.Findings {
		line := text(finding.Number) + " " + finding.Code
		if finding.Fix != nil {
			line += " +"
		}
		codes = append(codes, line)
	}
	slices.Sort(codes)
	return codes
}

// numbers runs a command of the inventory that changes something; the exit code must be the given one.
func (x *installation) numbers(exit int, args ...string) result {
	x.t.Helper()
	r := x.run(append([]string{"numbers"}, append(args, "--yes", "-o", "json")...)...)
	if r.exit != exit {
		x.t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	return r
}

func TestNumbersThroughTheirStates(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	const number = "+442079460010"
	state := func(r result, want string) {
		t.Helper()
		rows := decode[numberRows](t, r)
		if len(rows.Numbers) != 1 || rows.Numbers[0].Number != number || rows.Numbers[0].State != want {
			t.Fatalf("want %s: %v", want, r)
		}
	}

	state(x.numbers(0, "reserve", `\+44 20 7946 0010`, "--days", "3", "--notes", "reception", "--reason", "a fair"), "reserved")
	if r := x.run("onboard", upn("laura.lewis"), "--site", "london", "--group", "uk-sales", "--number", number, "--yes", "-o", "json"); r.exit != 5 || !strings.Contains(r.stdout, "number-reserved") {
		t.Errorf("a reserved number was not refused: %v", r)
	}
	if r := x.numbers(5, "cool", number); !strings.Contains(r.stdout, "transition-not-allowed") || !strings.Contains(r.stdout, number+" is reserved") {
		t.Errorf("does not say from which state: %v", r)
	}
	state(x.numbers(0, "unreserve", number), "available")
	state(x.numbers(0, "cool", number), "cooling")
	state(x.numbers(0, "release", number), "available")
	x.numbers(5, "release", number)
	x.numbers(3, "cool", "+442079469999")
	state(x.numbers(0, "reserve", number, "--for", upn("laura.lewis")), "available")
	if n := x.number(number); n.ReservedFor == nil || n.ReservedFor.UserPrincipalName != upn("laura.lewis") {
		t.Errorf("reserved for nobody: %s", shown(n))
	}
	x.numbers(5, "move", number, "--to", "paris")
	state(x.numbers(0, "unreserve", number), "available")
	state(x.numbers(0, "move", number, "--to", "paris"), "available")
	x.numbers(5, "move", "+442079460001", "--to", "paris")
	x.numbers(5, "remove", number, "+442079460001")
	if gone := decode[numberRows](t, x.numbers(0, "remove", number)); !slices.Equal(gone.Removed, []string{number}) {
		t.Errorf("removed %v", gone)
	}
	x.numbers(3, "remove", number)
	x.numbers(0, "add", number, "--node", "london", "--type", "directRouting")
	n := x.number(number)
	events := []string{}
	for _, e := range n.History {
		events = append(events, e.Event)
		if text(e.By) == "" || text(e.RunID) == "" {
			t.Errorf("who made %s, and by which run?", shown(e))
		}
	}
	if len(events) != 10 || events[0] != "add" || events[len(events)-1] != "add" {
		t.Errorf("the history does not go on: %v", events)
	}
	x.onboard(0, upn("laura.lewis"), "--group", "uk-sales", "--number", number)
}

func TestNumbersAuditAndRepair(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	audit := func(exit int, args ...string) numberFindings {
		t.Helper()
		r := x.run(append([]string{"numbers", "audit", "-o", "json"}, args...)...)
		if r.exit != exit {
			t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
		}
		return decode[numberFindings](t, r)
	}
	if f := audit(0, "--fix", "--yes"); f.Fixed != len(f.Findings) || f.Fixed == 0 {
		t.Errorf("%d of %v", f.Fixed, f.codes())
	}
	audit(0)
	x.numbers(0, "cool", "+442079460010")
	x.numbers(0, "reserve", "+442079460011")
	x.tenant.change(func(s *tenantState) {
		give := func(number, name string) {
			id := ""
			if name != "" {
				id = s.user(t, name).ID
			}
			s.number(t, number).AssignedTo = &id
		}
		give("+442079460010", "laura.lewis")
		give("+442079460011", "emma.evans")
		give("+442079460001", "")
		give("+442079460002", "oliver.owen")
		s.number(t, "+442079460012").NumberType = "operatorConnect"
		s.Numbers = append(s.Numbers, tenantNumber{TelephoneNumber: "+18005550150", NumberType: "callingPlan", Capabilities: []string{"userAssignment"}, NumberSource: "online"})
		s.Numbers = slices.DeleteFunc(s.Numbers, func(n tenantNumber) bool { return n.TelephoneNumber == "+18005550109" })
	})
	want := []string{
		"+18005550109 gone-from-tenant", "+18005550150 not-in-inventory +", "+442079460001 not-in-teams +", "+442079460002 wrong-owner +",
		"+442079460010 in-use +", "+442079460011 in-use +", "+442079460012 type-differs +",
	}
	if f := audit(2); !slices.Equal(f.codes(), want) || f.Fixed != 0 {
		t.Errorf("found %v, want %v", f.codes(), want)
	}
	if n := x.number("+442079460010"); n.State != "cooling" {
		t.Errorf("looking has changed %s", shown(n))
	}
	if f := audit(2, "--fix", "--yes"); !slices.Equal(f.codes(), want) || f.Fixed != 6 {
		t.Errorf("repaired %d of %v", f.Fixed, f.codes())
	}
	for number, state := range map[string]string{
		"+18005550109": "available", "+18005550150": "available", "+442079460001": "cooling", "+442079460002": "used", "+442079460010": "used", "+442079460011": "used",
	} {
		if n := x.number(number); n.State != state {
			t.Errorf("%s is %s, want %s", number, n.State, state)
		}
	}
	x.numbers(0, "remove", "+18005550109")
	audit(0)
	audit(0, "--node", "london")
	if w := x.tenant.writes(); len(w) > 0 {
		t.Errorf("Microsoft was written to: %v", w)
	}
}

// What fell due while no worker ran is released when one starts, by the schedule that every worker keeps.
func TestNumbersExpireAfterALongDowntime(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.numbers(0, "cool", "+442079460010", "+442079460011", "--days", "1")
	x.numbers(0, "reserve", "+442079460012", "--days", "1")
	x.numbers(0, "cool", "+442079460013")
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		x.worker.signal(t, end)
		x.worker.awaitExit(t, time.Minute)
		x.startWorker()
	}
	x.worker.signal(t, syscall.SIGKILL)
	x.worker.awaitExit(t, time.Minute)
	db, err := sql.Open("sqlite", x.storeFile())
	if err != nil {
		t.Fatal(err)
	}
	ago := time.Now().Add(-60 * 24 * time.Hour).UnixMicro()
	for column, state := range map[string]string{"cooling_until": "cooling", "reserved_until": "reserved"} {
		if _, err := db.Exec(fmt.Sprintf(`UPDATE numbers SET %s = ? WHERE state = ? AND number <> '+442079460013'`, column), ago, state); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	x.startWorker()
	for _, number := range []string{"+442079460010", "+442079460011", "+442079460012"} {
		until(t, number+" is available", enough, func() (bool, string) {
			n := x.number(number)
			return n.State == "available", shown(n)
		})
		n := x.number(number)
		if last := n.History[len(n.History)-1]; text(last.By) != "tenure-number-expiry" {
			t.Errorf("ended by %s", shown(last))
		}
	}
	if n := x.number("+442079460013"); n.State != "cooling" {
		t.Errorf("not due, and %s", shown(n))
	}
	schedule, err := x.temporal.ScheduleClient().GetHandle(t.Context(), "tenure-number-expiry").Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if schedule.Schedule.State.Paused || len(schedule.Info.NextActionTimes) == 0 {
		t.Errorf("the schedule does nothing: %+v", schedule.Info)
	}
	until(t, "the metrics show the numbers", enough, func() (bool, string) {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", x.http))
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		return err == nil && strings.Contains(string(page), `tenure_numbers{node="acme/contoso",state="available",tenant="contoso"} 9`), "not there"
	})
}

func TestNumbersLowOnes(t *testing.T) {
	t.Parallel()
	x := install(t, setup{catalog: replacing(t, "        # numberThreshold: ", "        numberThreshold: {percent: 80} #", "        #   percent: 10 ", "        # ")})
	type summary struct {
		Summary []struct {
			Node      string  `json:"node"`
			Total     int     `json:"total"`
			Available int     `json:"available"`
			Share     float64 `json:"share"`
			Threshold *int    `json:"threshold"`
			Low       bool    `json:"low"`
		} `json:"summary"`
	}
	s := decode[summary](t, x.ok("numbers", "list", "--summary", "-o", "json")).Summary
	if len(s) != 2 || s[0].Node != tenantLevel || s[0].Low || !s[1].Low || s[1].Total != 20 || s[1].Available != 15 || s[1].Share != 75 || s[1].Threshold == nil {
		t.Errorf("counted %s", shown(s))
	}
	if r := x.ok("numbers", "list", "--summary", "--node", "london"); !strings.Contains(r.stderr, "low on numbers") {
		t.Errorf("no warning: %v", r)
	}
}
