package watch_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
	"tenure/starter/watch"
)

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func moment(after time.Duration, attempts ...watch.Attempt) watch.Moment {
	return watch.Moment{Now: began.Add(after), Attempts: attempts, Report: lifecycle.Report{
		Operation: lifecycle.Offboard, Subscriber: lifecycle.SubscriberRef{UserPrincipalName: "ada@contoso.com"},
		Steps: []lifecycle.Step{
			{Name: lifecycle.RemoveNumber, Outcome: lifecycle.Done, Summary: "unassigned +442079460001", StartedAt: &began, ClosedAt: ptr(began.Add(1500 * time.Millisecond))},
			{Name: lifecycle.RemoveLicenses, Outcome: lifecycle.Pending, Summary: "remove SPE_E5", StartedAt: ptr(began.Add(2 * time.Second))},
			{Name: lifecycle.SetRole, Outcome: lifecycle.Unchanged, Reason: lifecycle.SelfServiceRoleKept, Summary: "Self-service is kept"},
			{Name: lifecycle.Verify, Outcome: lifecycle.Pending, Summary: "read the end state back"},
		},
	}}
}

// screen is what a terminal shows after the escape sequences that Live writes.
func screen(written string) string {
	var rows []string
	at := 0
	up := regexp.MustCompile(`^\x1b\[(\d+)A`)
	for written != "" {
		switch {
		case up.MatchString(written):
			m := up.FindStringSubmatch(written)
			n := 0
			for _, d := range m[1] {
				n = n*10 + int(d-'0')
			}
			at -= n
			written = written[len(m[0]):]
		case strings.HasPrefix(written, "\x1b[J"):
			rows = rows[:at]
			written = written[len("\x1b[J"):]
		default:
			line, rest, _ := strings.Cut(written, "\n")
			line = strings.TrimPrefix(line, "\r\x1b[2K")
			if at == len(rows) {
				rows = append(rows, "")
			}
			rows[at] = line
			at++
			written = rest
		}
	}
	return strings.Join(rows, "\n")
}

func TestLiveRedrawsInPlace(t *testing.T) {
	var b strings.Builder
	live := &watch.Live{Talk: output.Paper{Writer: &b, Columns: 80}, Erase: true}
	live.Show(watch.Moment{Now: began})
	if b.Len() > 0 {
		t.Errorf("drew %q before anything was known", b.String())
	}
	live.Show(moment(3 * time.Second))
	want := strings.Join([]string{
		"offboard ada@contoso.com",
		"  ✓ remove-number             1.5s   unassigned +442079460001",
		"  ▸ remove-licenses           1.0s   remove SPE_E5",
		"  = set-role                         Self-service is kept [self-service-role-k…",
		"  · verify                           read the end state back",
	}, "\n")
	if got := screen(b.String()); got != want {
		t.Errorf("screen:\n%s\nwant:\n%s", got, want)
	}

	live.Show(moment(14*time.Second, watch.Attempt{ID: "7", Activity: "RemoveLicenses", Number: 3, Next: ptr(began.Add(20 * time.Second)), Failure: "Microsoft asked to wait because of too many requests"}))
	if got := screen(b.String()); !strings.Contains(got, "  ▸ remove-licenses           12s    attempt 3 in 6.0s: Microsoft asked to wai…") {
		t.Errorf("screen:\n%s", got)
	}
	for line := range strings.Lines(screen(b.String())) {
		if output.Width(strings.TrimRight(line, "\n")) >= 80 {
			t.Errorf("would wrap: %s", line)
		}
	}

	silent := moment(15 * time.Second)
	silent.Notice = "no worker answers; the run goes on when one is back"
	live.Show(silent)
	if got := screen(b.String()); !strings.HasSuffix(got, "! no worker answers; the run goes on when one is back") {
		t.Errorf("screen:\n%s", got)
	}
	live.Show(moment(16 * time.Second))
	if got := screen(b.String()); strings.Contains(got, "no worker") {
		t.Errorf("the notice stays:\n%s", got)
	}
	live.Close()
	if got := screen(b.String()); got != "" {
		t.Errorf("left on screen:\n%s", got)
	}
}

func TestRetriesBelongToTheirStep(t *testing.T) {
	two := moment(3 * time.Second)
	two.Report.Steps[3].StartedAt = &began
	tests := map[string]struct {
		moment  watch.Moment
		attempt watch.Attempt
		row     string
	}{
		"by type":               {two, watch.Attempt{Activity: "Verify", Number: 2}, "verify"},
		"by id":                 {two, watch.Attempt{ID: "remove-licenses", Activity: "ChangeLicenses", Number: 2}, "remove-licenses"},
		"the only one going on": {moment(3 * time.Second), watch.Attempt{Activity: "PollLicenses", Number: 2}, "remove-licenses"},
		"of a step that waits":  {moment(3 * time.Second), watch.Attempt{Activity: "Verify", Number: 2}, ""},
		"nobody knows":          {two, watch.Attempt{Activity: "Poll", Number: 2}, ""},
		"the first attempt":     {two, watch.Attempt{Activity: "Verify", Number: 1}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			test.moment.Attempts = []watch.Attempt{test.attempt}
			(&watch.Live{Talk: output.Paper{Writer: &b, Columns: 80}}).Show(test.moment)
			var got string
			for line := range strings.Lines(screen(b.String())) {
				if strings.Contains(line, "attempt 2") {
					got += strings.Fields(line)[1]
				}
			}
			if got != test.row {
				t.Errorf("shown at %q, want %q", got, test.row)
			}
		})
	}
}

func TestLinesPrintEachChangeOnce(t *testing.T) {
	var b strings.Builder
	lines := &watch.Lines{Talk: output.Paper{Writer: &b}}
	waiting := watch.Attempt{ID: "7", Activity: "RemoveLicenses", Number: 2, Next: ptr(began.Add(20 * time.Second)), Failure: "throttled"}
	for _, m := range []watch.Moment{moment(3 * time.Second), moment(4*time.Second, waiting), moment(5*time.Second, waiting), {Notice: "no worker answers"}, {Notice: "no worker answers"}} {
		lines.Show(m)
	}
	want := `  ✓ remove-number             unassigned +442079460001
  ▸ remove-licenses           remove SPE_E5
  = set-role                  Self-service is kept [self-service-role-kept]
    RemoveLicenses: attempt 2 in 16s: throttled
no worker answers
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

// The board at 80 columns: a line for each run, and another one for what it waits for.
func TestBoardShowsSeveralRuns(t *testing.T) {
	var b strings.Builder
	board := watch.NewBoard(output.Paper{Writer: &b, Columns: 80}, []string{"offboard of 0b5e", "offboard of 77aa", "operation of a@b"})
	views := []watch.View{board.View(0), board.View(1), board.View(2)}
	retried := moment(14*time.Second, watch.Attempt{Activity: "RemoveLicenses", Number: 3, Next: ptr(began.Add(20 * time.Second)), Failure: "Microsoft asked to wait because of too many requests"})
	views[0].Show(retried)
	held := moment(14 * time.Second)
	held.Report.Status, held.Report.Subscriber.UserPrincipalName = lifecycle.Held, "somebody.with.a.rather.long.name@contoso.example"
	held.Report.Steps[1].Outcome, held.Report.Steps[1].ClosedAt = lifecycle.StepFail, &began
	views[1].Show(held)
	want := strings.Join([]string{
		"▸ offboard ada@contoso.com                 2/4   remove-licenses          12s",
		"    ! attempt 3 in 6.0s: Microsoft asked to wait because of too many requests",
		"! offboard somebody.with.a.rather.long.na… 3/4   held",
		"▸ operation of a@b",
	}, "\n")
	if got := screen(b.String()); got != want {
		t.Errorf("screen:\n%s\nwant:\n%s", got, want)
	}
	parallel := moment(15 * time.Second)
	parallel.Report.Steps[3].StartedAt = &began
	views[0].Show(parallel)
	if got := screen(b.String()); !strings.HasPrefix(got, "▸ offboard ada@contoso.com                 2/4   remove-licenses +1       13s\n!") {
		t.Errorf("screen:\n%s", got)
	}
	for i, view := range views {
		if got := screen(b.String()); got == "" {
			t.Errorf("erased after %d of 3 runs", i)
		}
		view.Close()
	}
	if got := screen(b.String()); got != "" {
		t.Errorf("left on screen:\n%s", got)
	}
}
