package graphsim_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

// everyone is a tenant of many people who all hold a direct license and one by
// their group.
func everyone(n int) *graphsim.State {
	state := manyUsers(n)
	group := graphsim.Group{DisplayName: "Everyone", Licenses: []string{"MCOEV"}}
	for i := range state.SKUs {
		state.SKUs[i].Enabled = n + 1
	}
	for _, u := range state.Users {
		group.Members = append(group.Members, u.UserPrincipalName)
	}
	state.Groups = append(state.Groups, group)
	return state
}

func TestFiftyThousandUsersFitIntoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a large tenant")
	}
	used := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := used()
	state := everyone(50_000)
	tenant, err := graphsim.New(graphsim.Options{State: state})
	require.NoError(t, err)
	state = nil
	assert.Less(t, used()-before, uint64(300<<20))
	runtime.KeepAlive(tenant)
}

// servingEnvironment makes the test binary serve a tenant instead of testing:
// what is measured shall be the server, so it gets a process of its own.
const servingEnvironment = "GRAPHSIM_BENCHMARK_USERS"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(servingEnvironment)); err == nil {
		if err := serve(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve prints its address and ends with its input.
func serve(users int) error {
	settings := graphsim.DefaultSettings()
	settings.TokenSeconds, settings.Throttle = 3600, nil
	tenant, err := graphsim.New(graphsim.Options{State: everyone(users), Settings: &settings})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() { _ = http.Serve(listener, tenant) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

type process struct {
	*exec.Cmd
	address string
	input   io.Closer
}

func startServer(b *testing.B, users int) *process {
	b.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], "-test.run=^$")}
	p.Env = append(os.Environ(), servingEnvironment+"="+strconv.Itoa(users))
	p.Stderr = os.Stderr
	input, err := p.StdinPipe()
	require.NoError(b, err)
	output, err := p.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, p.Start())
	p.input = input
	b.Cleanup(func() { p.stop() })
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(b, err)
	p.address = strings.TrimSpace(line)
	return p
}

func (p *process) stop() {
	if p.ProcessState == nil {
		_ = p.input.Close()
		_ = p.Wait()
	}
}

// resident is the memory of the process in MiB; 0 where /proc does not tell.
func (p *process) resident() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return kib >> 10
}

// drive sends n requests over a few connections that stay open, one request at
// a time on each. Its client does as little as it can, as it shares the
// machine's cores with the server.
func drive(b *testing.B, address string, n int, request func(i int) []byte) time.Duration {
	b.Helper()
	const connections = 8
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range connections {
		conn, err := net.Dial("tcp", address)
		require.NoError(b, err)
		all.Go(func() {
			defer conn.Close()
			answers := bufio.NewReaderSize(conn, 64<<10)
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				_, err := conn.Write(request(i))
				if err == nil {
					err = readAnswer(answers)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func readAnswer(from *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := from.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 2")):
			return fmt.Errorf("answered %s", line)
		case len(line) == 2:
			_, err := from.Discard(length)
			return err
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[len("Content-Length: "):])))
		}
	}
}

// BenchmarkTenant prints what the simulator promises: requests per second at
// zero latency, and memory, with 50,000 users.
func BenchmarkTenant(b *testing.B) {
	const people = 50_000
	const requests = 30_000
	get := func(path string) func(int) []byte {
		return func(i int) []byte {
			return fmt.Appendf(nil, "GET "+path+" HTTP/1.1\r\nHost: tenant\r\nAuthorization: Bearer opaque\r\nAccept-Encoding: gzip\r\n\r\n", i%people)
		}
	}
	user := get("/v1.0/users/user%05d@contoso.example?$select=id,userPrincipalName,displayName,accountEnabled,usageLocation,licenseAssignmentStates,assignedPlans")
	find := get("/v1.0/users?$filter=userPrincipalName%%20eq%%20'user%05d@contoso.example'&$select=id")
	groups := get("/v1.0/users/user%05d@contoso.example/memberOf")
	write := func(i int) []byte {
		body := `{"usageLocation":"` + []string{"GB", "FR"}[i%2] + `"}`
		return fmt.Appendf(nil, "PATCH /v1.0/users/user%05d@contoso.example HTTP/1.1\r\nHost: tenant\r\nAuthorization: Bearer opaque\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", i%people, len(body), body)
	}
	kinds := []func(int) []byte{user, find, groups, write}
	for b.Loop() {
		server := startServer(b, people)
		loaded := server.resident()
		report := func(name string, request func(int) []byte) float64 {
			rate := requests / drive(b, server.address, requests, request).Seconds()
			b.Logf("%s: %.0f requests/s (promised: over 5,000)", name, rate)
			return rate
		}
		report("reading a user with licenses and plans", user)
		report("finding a user by a filter", find)
		report("a user's groups", groups)
		report("changing a user", write)
		mixed := report("all of these in turn", func(i int) []byte { return kinds[i%len(kinds)](i) })
		served := server.resident()
		server.stop()
		b.Logf("the server used %.0f µs of processor time for a request, loading included", float64((server.ProcessState.UserTime()+server.ProcessState.SystemTime()).Microseconds())/(5*requests))
		b.Logf("%d users: %d MiB resident once loaded, %d MiB after %d requests with their journal (promised: under 300 MB)", people, loaded, served, 5*requests)
		b.ReportMetric(mixed, "requests/s")
		b.ReportMetric(float64(loaded), "MiB")
	}
}
