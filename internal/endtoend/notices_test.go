package endtoend_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// listener is the other system that the webhook tells.
type listener struct {
	*httptest.Server
	t  *testing.T
	mu sync.Mutex
	// deaf never answers, and hears who knocks.
	deaf  bool
	heard []notice
}

type notice struct {
	ID         string     `json:"id"`
	Event      string     `json:"event"`
	Operation  string     `json:"operation"`
	Tenant     string     `json:"tenant"`
	Node       *string    `json:"node"`
	Subscriber subscriber `json:"subscriber"`
	reference
	RequestedBy string  `json:"requestedBy"`
	Status      string  `json:"status"`
	Failure     *string `json:"failure"`
	Welcome     *struct {
		DisplayName string   `json:"displayName"`
		Numbers     []string `json:"numbers"`
		Site        string   `json:"site"`
	} `json:"welcome"`
}

var listenerKey = []byte("these bytes are known to two programs")

func listen(t *testing.T) *listener {
	l := &listener{t: t}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *listener) environ() []string {
	return []string{"TENURE_WEBHOOK_URL=" + l.URL, "TENURE_WEBHOOK_SECRET=whsec_" + base64.StdEncoding.EncodeToString(listenerKey)}
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, listenerKey)
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		l.t.Errorf("wrongly signed: %v %s", r.Header, body)
	}
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.ID != r.Header.Get("webhook-id") {
		l.t.Errorf("notice %s: %v", body, err)
	}
	l.mu.Lock()
	l.heard = append(l.heard, n)
	deaf := l.deaf
	l.mu.Unlock()
	if deaf {
		<-r.Context().Done()
	}
}

// of are the notices of a run, as they came.
func (l *listener) of(run string) (list []notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.heard {
		if n.RunID == run {
			list = append(list, n)
		}
	}
	return list
}

// awaits waits until that many notices of a run have come.
func (l *listener) awaits(run string, count int) []notice {
	l.t.Helper()
	until(l.t, fmt.Sprintf("%d notices of %s have come", count, run), enough, func() (bool, string) {
		list := l.of(run)
		return len(list) >= count, fmt.Sprintf("%+v", list)
	})
	return l.of(run)
}

func TestTheWebhookIsToldOfRuns(t *testing.T) {
	t.Parallel()
	l := listen(t)
	x := install(t, setup{env: l.environ(), catalog: replacing(t, "        # welcome: true ", "        welcome: true #")})

	t.Run("held and rolled back", func(t *testing.T) {
		anna := x.user("anna.archer")
		x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 400, Times: -1, Body: unknownError})
		held := x.offboard(2, upn("anna.archer"))
		n := l.awaits(held.RunID, 1)[0]
		if n.Event != "run.held" || n.Status != "held" || n.Failure == nil || n.Operation != "offboard" || n.Tenant != "contoso" ||
			text(n.Node) != london || n.Subscriber.UserPrincipalName != upn("anna.archer") || n.WorkflowID != held.WorkflowID || n.RequestedBy != held.RequestedBy {
			t.Errorf("%+v", n)
		}
		x.tenant.clearFaults()
		if r := x.run("resolve", held.RunID, "--rollback", "--yes"); r.exit != 1 {
			t.Errorf("%v", r)
		}
		if n = l.awaits(held.RunID, 2)[1]; n.Event != "run.rolled_back" || n.Failure == nil {
			t.Errorf("%+v", n)
		}
	})

	t.Run("completed and welcomed", func(t *testing.T) {
		r := x.onboard(0, upn("laura.lewis"), "--profile", "london-sales", "--welcome")
		list := l.awaits(r.RunID, 2)
		i := slices.IndexFunc(list, func(n notice) bool { return n.Event == "welcome" })
		if i < 0 || list[1-i].Event != "run.completed" || list[1-i].Welcome != nil {
			t.Fatalf("%+v", list)
		}
		welcome := list[i].Welcome
		if welcome == nil || welcome.Site != london || welcome.DisplayName == "" || !slices.Equal(welcome.Numbers, r.After.Numbers) || len(welcome.Numbers) != 1 {
			t.Errorf("%+v", welcome)
		}
	})

	t.Run("the worker dies before the notice is delivered", func(t *testing.T) {
		l.mu.Lock()
		l.deaf = true
		l.mu.Unlock()
		r := x.offboard(0, upn("ben.baker"))
		first := l.awaits(r.RunID, 1)[0]
		x.worker.kill()
		l.mu.Lock()
		l.deaf = false
		l.mu.Unlock()
		x.startWorker()
		list := l.awaits(r.RunID, 2)
		if first.Event != "run.completed" || list[1].ID != first.ID || list[1].Event != first.Event {
			t.Errorf("%+v", list)
		}
	})
}
