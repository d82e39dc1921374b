package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// crowdVariable names the database to a test binary that is started as the second process of a crowd.
const crowdVariable = "TENURE_STORE_TEST_CROWD"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(crowdVariable); dsn != "" {
		if err := otherProcess(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A crowd is many clients that use few numbers at once, from two processes with two stores each.
const (
	crowdClients = 150 // in each process
	crowdCycles  = 3
	crowdNumbers = 40
)

// crowdCall is one call as its client saw it. An expiry has no number; the history says which ones it released.
type crowdCall struct {
	Client            int
	Kind, Number      string
	Run, User, Became string
	// Refused is the code of the refusal; State, User and Run are what a read saw.
	Refused       string
	State         lifecycle.NumberState
	Called, Ended int64
}

// crowdNumber is what the model knows of a number: a register with an owner and a holder.
type crowdNumber struct {
	state      lifecycle.NumberState
	user, held string
}

// What each call may answer and does, one number by itself.
var crowdModel = porcupine.Model{
	Init: func() any { return crowdNumber{state: lifecycle.Available} },
	Step: func(state, input, _ any) (bool, any) {
		n, c := state.(crowdNumber), input.(crowdCall)
		free := n.held == ""
		switch c.Kind + " " + c.Refused {
		case "claim ":
			return free && n.state == lifecycle.Available, crowdNumber{n.state, n.user, c.Run}
		case "claim number-held":
			return !free && n.state == lifecycle.Available, n
		case "claim number-taken":
			return n.state == lifecycle.Used, n
		case "claim number-cooling":
			return n.state == lifecycle.Cooling, n
		case "claim number-reserved":
			return n.state == lifecycle.Reserved, n
		case "assign ":
			return n.held == c.Run && n.state == lifecycle.Available, crowdNumber{lifecycle.Used, c.User, ""}
		case "hold ":
			return free && n.state == lifecycle.Used && n.user == c.User, crowdNumber{n.state, n.user, c.Run}
		case "release ":
			return n.held == c.Run && n.user == c.User, crowdNumber{lifecycle.NumberState(c.Became), "", ""}
		case "give up ":
			return n.held == c.Run, crowdNumber{n.state, n.user, ""}
		case "expire ":
			return free && n.state == lifecycle.Cooling, crowdNumber{state: lifecycle.Available}
		case "reserve ":
			return free && n.state == lifecycle.Available, crowdNumber{state: lifecycle.Reserved}
		case "unreserve ":
			return free && n.state == lifecycle.Reserved, crowdNumber{state: lifecycle.Available}
		case "reserve number-held", "unreserve number-held":
			return !free, n
		case "reserve transition-not-allowed":
			return free && n.state != lifecycle.Available, n
		case "unreserve transition-not-allowed":
			return free && n.state != lifecycle.Reserved, n
		case "read ":
			return n == crowdNumber{c.State, c.User, c.Run}, n
		}
		return false, n
	},
}

// TestNumbersAreLinearizable: whatever hundreds of clients in two processes do at once, each number goes through states
// that calls one after the other would explain, each at some moment between its beginning and its end.
func TestNumbersAreLinearizable(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "sqlite:") {
			t.Skip("SQLite is for one process; its writers queue for one connection")
		}
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		var adds []store.NumberAdd
		for _, number := range crowdInventory() {
			adds = append(adds, store.NumberAdd{Tenant: tenant, Number: number, Node: london, Type: "directRouting", Vendor: "Microsoft"})
		}
		_, _, err := s.AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)

		self, err := os.Executable()
		require.NoError(t, err)
		other := exec.CommandContext(t.Context(), self)
		other.Env, other.Stderr = append(os.Environ(), crowdVariable+"="+dsn), os.Stderr
		start, err := other.StdinPipe()
		require.NoError(t, err)
		output, err := other.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, other.Start())
		from := bufio.NewReader(output)
		ready, err := from.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", ready)
		require.NoError(t, start.Close())
		calls, err := crowd(dsn, 0)
		require.NoError(t, err)
		var theirs []crowdCall
		require.NoError(t, json.NewDecoder(from).Decode(&theirs))
		require.NoError(t, other.Wait())

		perNumber, kinds := explain(t, dsn, append(calls, theirs...))
		for _, kind := range []string{"claim", "assign", "hold", "release", "give up", "expire", "reserve", "unreserve", "read"} {
			require.NotZerof(t, kinds[kind], "%s: %v", kind, kinds)
		}
		t.Logf("%v", kinds)
		for number, history := range perNumber {
			if result := porcupine.CheckOperationsTimeout(crowdModel, history, time.Minute); result != porcupine.Ok {
				for _, op := range history {
					t.Logf("%d-%d %+v", op.Call, op.Return, op.Input)
				}
				t.Fatalf("%s: %s", number, result)
			}
		}
	})
}

// explain sorts calls by the number, with an expiry for each number that it released, and counts them by their kind.
func explain(t *testing.T, dsn string, calls []crowdCall) (perNumber map[string][]porcupine.Operation, kinds map[string]int) {
	t.Helper()
	rows, err := storetest.SQL(t, dsn).QueryContext(t.Context(), `SELECT run_id, number FROM number_history WHERE event = 'cooling-ended'`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	released := map[string][]string{}
	for rows.Next() {
		var run, number string
		require.NoError(t, rows.Scan(&run, &number))
		released[run] = append(released[run], number)
	}
	require.NoError(t, rows.Err())
	perNumber, kinds = map[string][]porcupine.Operation{}, map[string]int{}
	for _, c := range calls {
		numbers := []string{c.Number}
		if c.Kind == "expire" {
			numbers = released[c.Run]
		}
		for _, number := range numbers {
			kinds[c.Kind]++
			perNumber[number] = append(perNumber[number], porcupine.Operation{ClientId: c.Client, Input: c, Call: c.Called, Return: c.Ended})
		}
	}
	return perNumber, kinds
}

// otherProcess is what the second process does: it waits for the start, and prints its calls as JSON.
func otherProcess(dsn string) error {
	fmt.Println("ready")
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return err
	}
	calls, err := crowd(dsn, crowdClients)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(calls)
}

func crowdInventory() []string {
	numbers := make([]string, crowdNumbers)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+44%02d", i)
	}
	return numbers
}

// crowd lets the clients of one process loose and returns their calls.
func crowd(dsn string, firstClient int) (calls []crowdCall, err error) {
	var stores [2]*store.Store
	for i := range stores {
		if stores[i], err = store.Open(context.Background(), dsn); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stores[i].Close()) }()
	}
	// To this one all that cools is due.
	late, err := store.Open(context.Background(), dsn, store.WithClock(func() time.Time { return time.Now().Add(48 * time.Hour) }))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, late.Close()) }()
	clients := make([]crowdClient, crowdClients)
	atOnce(len(clients), func(i int) {
		id := firstClient + i
		clients[i] = crowdClient{id: id, store: stores[i%2], late: late, random: rand.New(rand.NewPCG(1, uint64(id)))}
		for range crowdCycles {
			if clients[i].err == nil {
				clients[i].cycle()
			}
		}
	})
	for _, c := range clients {
		calls, err = append(calls, c.calls...), errors.Join(err, c.err)
	}
	return calls, err
}

// crowdClient makes calls and notes what it sees.
type crowdClient struct {
	id          int
	store, late *store.Store
	random      *rand.Rand
	runs        int
	calls       []crowdCall
	err         error
}

// cycle is a piece of the life of a number: somebody gets it, and perhaps loses it again, while others reserve, expire and
// look.
func (c *crowdClient) cycle() {
	numbers := crowdInventory()
	some := func() string { return numbers[c.random.IntN(len(numbers))] }
	user := fmt.Sprintf("user-%d-%d", c.id, c.runs)
	number := ""
	if c.random.IntN(2) == 0 {
		number = some()
	}
	join := c.begin(onboarding, user)
	number, claimed := c.claim(join, user, number)
	c.look(some())
	c.reserve(some())
	commit := c.random.IntN(4) > 0
	kind := map[bool]string{true: "assign", false: "give up"}[commit]
	if !claimed {
		number = ""
	}
	c.finish(kind, join, user, number, "", commit)
	c.expire()
	if !claimed || !commit {
		return
	}
	c.look(number)
	leave := c.begin(offboarding, user)
	c.note(crowdCall{Kind: "hold", Number: number, Run: leave, User: user}, func(*crowdCall) error {
		_, err := c.store.HoldNumbers(context.Background(), leave, tenant, []string{number})
		return err
	})
	to := []lifecycle.NumberState{lifecycle.Available, lifecycle.Cooling}[c.random.IntN(2)]
	_, err := c.store.RecordRelease(context.Background(), leave, tenant, []store.Release{{Number: number, To: to, CoolingDays: 1}})
	c.err = errors.Join(c.err, err)
	c.look(number)
	c.finish("release", leave, user, number, string(to), true)
	c.expire()
}

// note makes a call, and remembers it unless it concerned no number. A refusal is an answer; every other error ends the
// client.
func (c *crowdClient) note(call crowdCall, make func(*crowdCall) error) (refused bool) {
	call.Client = c.id
	call.Called = time.Now().UnixNano()
	err := make(&call)
	call.Ended = time.Now().UnixNano()
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) {
		call.Refused = refusal.Code
	} else if err != nil {
		c.err = errors.Join(c.err, err)
		return true
	}
	if call.Number != "" || call.Kind == "expire" {
		c.calls = append(c.calls, call)
	}
	return refusal != nil
}

func (c *crowdClient) begin(what func(run, subscriber string) store.Operation, user string) (run string) {
	c.runs++
	run = fmt.Sprintf("run-%d-%d", c.id, c.runs)
	c.err = errors.Join(c.err, c.store.Begin(context.Background(), what(run, user)))
	return run
}

func (c *crowdClient) claim(run, user, number string) (claimed string, ok bool) {
	claimed = number
	refused := c.note(crowdCall{Kind: "claim", Number: number, Run: run, User: user}, func(call *crowdCall) error {
		row, err := c.store.ClaimNumber(context.Background(), run, store.Claim{Tenant: tenant, UserID: user, Site: london, Number: number})
		if err == nil {
			call.Number, claimed = row.Number, row.Number
		}
		return err
	})
	return claimed, !refused
}

func (c *crowdClient) finish(kind, run, user, number, became string, commit bool) {
	c.note(crowdCall{Kind: kind, Number: number, Run: run, User: user, Became: became}, func(*crowdCall) error {
		return c.store.Finish(context.Background(), run, store.FinishInput{Status: lifecycle.Completed, Commit: commit})
	})
}

func (c *crowdClient) reserve(number string) {
	kind, edit := "unreserve", c.store.UnreserveNumbers
	if c.random.IntN(4) == 0 {
		kind, edit = "reserve", func(ctx context.Context, actor store.Actor, tenant string, numbers []string) ([]store.Number, error) {
			return c.store.ReserveNumbers(ctx, actor, tenant, numbers, store.Reservation{})
		}
	}
	c.runs++
	c.note(crowdCall{Kind: kind, Number: number}, func(*crowdCall) error {
		_, err := edit(context.Background(), by(fmt.Sprintf("%s-%d-%d", kind, c.id, c.runs)), tenant, []string{number})
		return err
	})
}

func (c *crowdClient) expire() {
	c.runs++
	run := fmt.Sprintf("expire-%d-%d", c.id, c.runs)
	c.note(crowdCall{Kind: "expire", Run: run}, func(*crowdCall) error {
		_, err := c.late.ExpireNumbers(context.Background(), by(run), 5)
		return err
	})
}

func (c *crowdClient) look(number string) {
	c.note(crowdCall{Kind: "read", Number: number}, func(call *crowdCall) error {
		n, _, err := c.store.Number(context.Background(), tenant, number)
		call.State, call.User, call.Run = n.Beneath, n.User.ID, n.HeldBy
		return err
	})
}
