package service_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store/storetest"
	"tenure/worker/workertest"
)

// The benchmarks print ratios within one run: figures of two machines, or of two days, cannot be compared.

const (
	// offboardActivities and onboardActivities are how many activities the typical run has.
	offboardActivities = 9
	onboardActivities  = 10
	inFlight           = 50
	oneAtATime         = 30
	crowd              = 200
)

// bare is a workflow that does nothing, as many times as an operation does something.
func bare(ctx workflow.Context, activities int) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})
	for range activities {
		if err := workflow.ExecuteActivity(ctx, "nothing").Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// office is a tenant without any latency, with as many typical users in London as asked for.
func office(users int) graphsim.Options {
	state := graphsim.DefaultState()
	for i := range users {
		id := person(i)
		state.Users = append(state.Users, graphsim.User{
			ID: id, UserPrincipalName: fmt.Sprintf("bench%05d@contoso.example", i), DisplayName: fmt.Sprintf("Bench %d", i),
			City: "London", UsageLocation: "GB", EnterpriseVoice: true, DirectLicenses: []graphsim.DirectLicense{{SKU: "SPE_E5"}},
		})
		state.Numbers = append(state.Numbers, graphsim.Number{
			TelephoneNumber: number(i), NumberType: "directRouting", AssignedTo: id, Capabilities: []string{"userAssignment"}, NumberSource: "online",
		})
	}
	for i := range state.Groups {
		if name := state.Groups[i].DisplayName; name == "All Staff" || name == "London Office" {
			for u := range users {
				state.Groups[i].Members = append(state.Groups[i].Members, person(u))
			}
		}
	}
	for i := range state.SKUs {
		state.SKUs[i].Enabled += users
	}
	return graphsim.Options{State: &state, Settings: &graphsim.Settings{TokenSeconds: 3600}}
}

func person(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
func number(i int) string { return fmt.Sprintf("+4420795%05d", i) }

func BenchmarkQuickOffboard(b *testing.B) {
	users := oneAtATime + crowd
	e := workertest.Start(b, office(users))
	addNumbers(b, e, users)
	compare(b, e, offboardActivities, func(i int) client.WorkflowRun { return e.OffboardID(b, person(i), "") })
}

func BenchmarkOnboard(b *testing.B) {
	users := oneAtATime + crowd
	e := workertest.Start(b, newcomers(users, users))
	addNumbers(b, e, users)
	compare(b, e, onboardActivities, func(i int) client.WorkflowRun { return onboard(b, e, i) })
}

func onboard(b *testing.B, e *workertest.Environment, i int) client.WorkflowRun {
	return e.Run(b, contract.Onboard, lifecycle.Request{Operation: lifecycle.Onboard, SubscriberID: person(i), Site: "london", Group: "uk-sales", Number: lifecycle.NextNumber})
}

// BenchmarkMove measures, with the latency of a real Graph, for how much of a move the user has no working number, and how
// many requests it costs beside an offboarding that is followed by an onboarding.
func BenchmarkMove(b *testing.B) {
	const runs = 10
	options := office(3 * runs)
	for i := range options.State.Numbers {
		if n := &options.State.Numbers[i]; n.AssignedTo >= person(2*runs) && n.AssignedTo <= person(3*runs) {
			n.AssignedTo = "" // for those who are onboarded
		}
	}
	options.Settings.LatencyMs = 80
	e := workertest.Start(b, options)
	addNumbers(b, e, 3*runs)
	requests := func(i int, workflow string, request lifecycle.Request) int {
		e.Tenant.ClearJournal()
		request.SubscriberID = person(i)
		require.NoError(b, e.Run(b, workflow, request).Get(context.Background(), nil))
		return len(e.Tenant.Journal())
	}
	const leaving = "leaver-keeps-licenses"
	for range b.N {
		var down []float64
		moving, both := 0, 0
		for i := range runs {
			from := time.Now()
			requests(i, contract.MoveBetweenSites, lifecycle.Request{Operation: lifecycle.Move, Site: "paris", Group: "uk-sales", KeepNumber: true})
			down = append(down, ratio(lineDown(b, e.Tenant), time.Since(from)))
			moving += requests(i, contract.MoveBetweenSites, lifecycle.Request{Operation: lifecycle.Move, Site: "london", Group: "uk-sales", KeepNumber: true, OffboardGroup: leaving})
			both += requests(runs+i, contract.QuickOffboard, lifecycle.Request{Operation: lifecycle.Offboard, Group: leaving})
			both += requests(runs+i, contract.Onboard, lifecycle.Request{Operation: lifecycle.Onboard, Site: "london", Group: "uk-sales", Number: lifecycle.NextNumber})
		}
		slices.Sort(down)
		share := down[len(down)/2]
		b.Logf("without a working number: %.2f of the run, the median of %d (promised: at most 0.40)", share, runs)
		b.ReportMetric(share, "line-down-ratio")
		spent := float64(moving) / float64(both)
		b.Logf("Graph requests: %.1f of a move, %.1f of an offboarding and an onboarding: ratio %.2f (promised: at most 0.80)", float64(moving)/runs, float64(both)/runs, spent)
		b.ReportMetric(spent, "request-ratio")
	}
}

// lineDown is the time from the commit of the order that took the number to the commit of the one that gave it back, as the
// journal has them.
func lineDown(b *testing.B, tenant *graphsim.Tenant) time.Duration {
	var taken, given time.Time
	for _, r := range tenant.Journal() {
		switch {
		case !r.Committed:
		case strings.HasSuffix(r.Path, "/unassignNumber"):
			taken = r.At
		case strings.HasSuffix(r.Path, "/assignNumber"):
			given = r.At
		}
	}
	require.False(b, taken.IsZero() || given.IsZero(), "no number was taken and given")
	return given.Sub(taken)
}

// BenchmarkScarceNumbers: more people than numbers, on both stores, with two workers on PostgreSQL.
func BenchmarkScarceNumbers(b *testing.B) {
	const users, numbers = 200, 150
	storetest.EachDatabase(b, func(b *testing.B, dsn string) {
		workers := 1
		if strings.HasPrefix(dsn, "postgres") {
			workers = 2
		}
		e := workertest.StartOn(b, newcomers(users, numbers), dsn, workers)
		var there contract.Numbers
		e.Ask(b, contract.ListNumbers, contract.NumberFilter{Node: "london", State: lifecycle.Available, Page: contract.Page{Limit: numbers}}, &there)
		addNumbers(b, e, numbers-len(there.Numbers))
		for range b.N {
			var mu sync.Mutex
			given, refused := map[string]int{}, 0
			var wg sync.WaitGroup
			for i := range users {
				wg.Go(func() {
					var report lifecycle.Report
					err := onboard(b, e, i).Get(context.Background(), &report)
					mu.Lock()
					defer mu.Unlock()
					if _, cause := contract.Ended(err); cause != nil && cause.Code == "no-number-available" {
						refused++
						return
					}
					if err != nil {
						b.Error(err)
						return
					}
					given[report.After.Numbers[0]]++
				})
			}
			wg.Wait()
			if len(given) != numbers || refused != users-numbers {
				b.Errorf("%d numbers given, %d people refused", len(given), refused)
			}
			for n, times := range given {
				if times != 1 {
					b.Errorf("%s was given %d times", n, times)
				}
			}
			b.Logf("%d worker(s): %d people at once, %d numbers: each given once, %d refused", workers, users, len(given), refused)
		}
	})
}

func addNumbers(b *testing.B, e *workertest.Environment, count int) {
	e.Ask(b, contract.AddNumbers, contract.AddNumbersRequest{
		Node: "london", Type: "directRouting", Ranges: []contract.NumberRange{{From: number(0), To: number(count - 1)}},
	}, nil)
}

// newcomers is a tenant without any latency, with unlicensed people in London and free numbers.
func newcomers(users, numbers int) graphsim.Options {
	options := office(max(users, numbers))
	state := options.State
	for i := range state.Users {
		if strings.HasPrefix(state.Users[i].UserPrincipalName, "bench") {
			state.Users[i].DirectLicenses, state.Users[i].EnterpriseVoice, state.Users[i].UsageLocation = nil, false, ""
		}
	}
	for i := range state.Numbers {
		if strings.HasPrefix(state.Numbers[i].TelephoneNumber, "+4420795") {
			state.Numbers[i].AssignedTo = ""
		}
	}
	for i := range state.Groups {
		if state.Groups[i].DisplayName == "All Staff" {
			state.Groups[i].Members = nil
		}
	}
	return options
}

// compare holds an operation against a workflow that does nothing, as often.
func compare(b *testing.B, e *workertest.Environment, activities int, start func(int) client.WorkflowRun) {
	w := worker.New(e.Client, "bare", worker.Options{})
	w.RegisterWorkflowWithOptions(bare, workflow.RegisterOptions{Name: "bare"})
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "nothing"})
	require.NoError(b, w.Start())
	defer w.Stop()
	startBare := func(int) client.WorkflowRun {
		run, err := e.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "bare/" + uuid.NewString(), TaskQueue: "bare"}, "bare", activities)
		require.NoError(b, err)
		return run
	}
	for range b.N {
		var bareTimes, times []time.Duration
		e.Tenant.ClearJournal()
		for i := range oneAtATime {
			bareTimes = append(bareTimes, timed(b, startBare, i))
			times = append(times, timed(b, start, i))
			if i == 0 {
				b.Logf("Graph requests of one run: %d (promised for offboarding: at most 14); history: %d events (at most 70)", len(e.Tenant.Journal()), events(b, e.Client, person(0)))
			}
		}
		one := ratio(median(times), median(bareTimes))
		b.Logf("one at a time: p50 %v, bare %v: ratio %.2f (promised: at most 1.3)", median(times), median(bareTimes), one)
		b.ReportMetric(one, "p50-ratio")

		bareTime := together(b, startBare, oneAtATime, crowd)
		time := together(b, start, oneAtATime, crowd)
		many := ratio(bareTime, time)
		b.Logf("%d in flight: %.1f runs/s, bare %.1f: ratio %.2f (promised: at least 0.7)", inFlight, crowd/time.Seconds(), crowd/bareTime.Seconds(), many)
		b.ReportMetric(many, "throughput-ratio")
	}
}

func timed(b *testing.B, start func(int) client.WorkflowRun, i int) time.Duration {
	from := time.Now()
	require.NoError(b, start(i).Get(context.Background(), nil))
	return time.Since(from)
}

// together runs count workflows, inFlight at a time.
func together(b *testing.B, start func(int) client.WorkflowRun, first, count int) time.Duration {
	from := time.Now()
	var wg sync.WaitGroup
	next := make(chan int)
	for range inFlight {
		wg.Go(func() {
			for i := range next {
				if err := start(i).Get(context.Background(), nil); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range count {
		next <- first + i
	}
	close(next)
	wg.Wait()
	return time.Since(from)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2].Round(100 * time.Microsecond)
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

func events(b *testing.B, c client.Client, id string) (count int) {
	for it := c.GetWorkflowHistory(context.Background(), contract.SubscriberWorkflowID("contoso", id), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); count++ {
		_, err := it.Next()
		require.NoError(b, err)
	}
	return count
}

// BenchmarkWorkerMemory looks at a worker process of its own after 1,000 runs.
func BenchmarkWorkerMemory(b *testing.B) {
	const runs = 1000
	server := workertest.StartTemporal(b)
	tenant, err := graphsim.New(office(runs))
	require.NoError(b, err)
	address := workertest.Serve(b, tenant)
	process := startWorker(b, server.FrontendHostPort(), address)
	e := &workertest.Environment{Client: server.Client(), Tenant: tenant}
	e.Fill(b)
	for range b.N {
		together(b, func(i int) client.WorkflowRun { return e.OffboardID(b, person(i), "") }, 0, runs)
		resident := memoryMiB(b, process.Process.Pid, "VmRSS")
		b.Logf("worker after %d runs: %d MiB resident (promised: under 150 MB)", runs, resident)
		b.ReportMetric(float64(resident), "MiB")
	}
}

// startWorker starts a worker process of its own, until the benchmark ends.
func startWorker(b *testing.B, temporal, tenant string) *exec.Cmd {
	process := exec.Command(filepath.Join(workertest.Root(b), "bin", "tenure-worker"))
	process.Env = append(os.Environ(),
		"TEMPORAL_ADDRESS="+temporal, "TENURE_STORE=sqlite:"+filepath.Join(b.TempDir(), "tenure.db"), "TENURE_HTTP_ADDR=127.0.0.1:0",
		"TENURE_TENANT=contoso", "TENURE_GRAPH_URL="+tenant+"/v1.0", "TENURE_GRAPH_CREDENTIAL=simulated")
	require.NoError(b, process.Start())
	b.Cleanup(func() {
		_ = process.Process.Signal(os.Interrupt)
		_ = process.Wait()
	})
	return process
}

// memoryMiB is what Linux says of a process: VmRSS is resident now, VmHWM the most that ever was.
func memoryMiB(b *testing.B, pid int, what string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("this system does not tell the memory of a process under /proc: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			require.NoError(b, err)
			return kib / 1024
		}
	}
	b.Fatal("no " + what)
	return 0
}

// BenchmarkCommandStart is the process time of commands that ask nobody.
func BenchmarkCommandStart(b *testing.B) {
	command := filepath.Join(workertest.Root(b), "bin", "tenure")
	for _, args := range [][]string{{"version"}, {"--help"}} {
		b.Run(args[0], func(b *testing.B) {
			var times []time.Duration
			for range 20 {
				c := exec.Command(command, args...)
				require.NoError(b, c.Run())
				times = append(times, c.ProcessState.UserTime()+c.ProcessState.SystemTime())
			}
			b.Logf("tenure %s: %v of process time (promised: under 50 ms)", args[0], median(times))
			b.ReportMetric(float64(median(times).Milliseconds()), "ms")
		})
	}
}
