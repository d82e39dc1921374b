package activities_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/webhook"
)

// receiver takes notices and answers as a test wants it.
type receiver struct {
	t  *testing.T
	mu sync.Mutex
	// answer is the status for a notice; nil is 204 for every one.
	answer func(lifecycle.Notice) int
	// got are the notices as they came, taken or not, and bodies their bytes by id.
	got    []lifecycle.Notice
	bodies map[string]string
}

var receiverKey = []byte("thirty-two bytes for a signature")

// notified is a contoso whose notices go to a receiver.
func notified(t *testing.T) (*contoso, *receiver) {
	t.Helper()
	c := setup{store: []store.Option{store.WithOutbox()}}.new(t)
	r := &receiver{t: t, bodies: map[string]string{}}
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	sender, err := webhook.New(web.URL, "whsec_"+base64.StdEncoding.EncodeToString(receiverKey))
	require.NoError(t, err)
	c.acts.Webhook = sender
	return c, r
}

// ServeHTTP checks the signature by itself.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Error(err)
	}
	id := request.Header.Get("webhook-id")
	mac := hmac.New(sha256.New, receiverKey)
	mac.Write([]byte(id + "." + request.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); request.Header.Get("webhook-signature") != want {
		r.t.Errorf("the signature is %q, want %q", request.Header.Get("webhook-signature"), want)
	}
	var n lifecycle.Notice
	if err := json.Unmarshal(body, &n); err != nil || n.ID != id {
		r.t.Errorf("notice %s is %s: %v", id, body, err)
	}
	if before, again := r.bodies[id]; again && before != string(body) {
		r.t.Errorf("notice %s has changed from %s to %s", id, before, body)
	}
	r.bodies[id] = string(body)
	r.got = append(r.got, n)
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(n)
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
}

// runs are the runs of which notices came since it was asked last.
func (r *receiver) runs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	runs := []string{}
	for _, n := range r.got {
		runs = append(runs, n.RunID+" "+n.Event)
	}
	r.got = nil
	return runs
}

// leave ends a run for each id, one second after the other; offboardings, rolled back.
func (c *contoso) leave(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		r := c.run(id)
		request := c.offboard("anna.archer", "")
		request.RequestID = id
		succeed(c.t, start(r, c.acts.Prepare, request))
		closeRun(r, lifecycle.RolledBack)
		c.clock.Advance(time.Second)
	}
}

func (c *contoso) delivery() *task[activities.NoticeBatch] {
	return start(c.run("delivery"), c.acts.DeliverNotices, 10)
}

func delivered(count int) activities.NoticeBatch {
	return activities.NoticeBatch{NoticesDelivered: contract.NoticesDelivered{Delivered: count}}
}

func TestDeliverNoticesOnceEach(t *testing.T) {
	c, r := notified(t)
	c.leave("r1", "r2")
	require.Equal(t, delivered(2), succeed(t, c.delivery()))
	require.Equal(t, []string{"r1 run.rolled_back", "r2 run.rolled_back"}, r.runs())
	require.Equal(t, delivered(0), succeed(t, c.delivery()))
	require.Empty(t, r.runs())
}

func TestDeliverNoticesTakesABatchAtATime(t *testing.T) {
	c, r := notified(t)
	c.leave("r1", "r2", "r3")
	batch := succeed(t, start(c.run("delivery"), c.acts.DeliverNotices, 2))
	require.Equal(t, 2, batch.Delivered)
	require.True(t, batch.More)
	require.Equal(t, []string{"r1 run.rolled_back", "r2 run.rolled_back"}, r.runs())
}

func TestDeliverNoticesLeavesAReceiverInTroubleAlone(t *testing.T) {
	for name, status := range map[string]int{"an error": 500, "a redirect": 302, "too many": 429} {
		t.Run(name, func(t *testing.T) {
			c, r := notified(t)
			c.leave("r1", "r2")
			r.answer = func(lifecycle.Notice) int { return status }
			kind := fault.Unavailable
			if status == 429 {
				kind = fault.Throttled
			}
			delivery := c.delivery()
			fail(t, delivery, kind, "the receiver answered")
			require.Equal(t, []string{"r1 run.rolled_back"}, r.runs(), "one request, and not to elsewhere")
			r.answer = nil
			require.Equal(t, delivered(1), succeed(t, delivery))
			require.Equal(t, []string{"r2 run.rolled_back"}, r.runs(), "the next one has its turn")
			c.clock.Advance(time.Minute)
			require.Equal(t, delivered(1), succeed(t, c.delivery()))
			require.Equal(t, []string{"r1 run.rolled_back"}, r.runs())
		})
	}
}

func TestDeliverNoticesPassesByWhatTheReceiverRefuses(t *testing.T) {
	c, r := notified(t)
	c.leave("r1", "r2", "r3")
	r.answer = func(n lifecycle.Notice) int {
		if n.RunID == "r2" {
			return 422
		}
		return 200
	}
	require.Equal(t, delivered(2), succeed(t, c.delivery()))
	require.Len(t, r.runs(), 3)
	// The waits double, and one attempt each hour is the rest.
	var waited []time.Duration
	for range 13 {
		before := c.clock.Now()
		for len(r.runs()) == 0 {
			c.clock.Advance(time.Second)
			due, err := c.store.NoticesDue(t.Context())
			require.NoError(t, err)
			if due {
				succeed(t, c.delivery())
			}
		}
		waited = append(waited, c.clock.Now().Sub(before))
	}
	require.Equal(t, []time.Duration{5 * time.Second, 7 * time.Second, 14 * time.Second}, waited[:3])
	require.Equal(t, time.Hour, waited[12])
}

func TestDeliverNoticesGivesUpAfterThreeDays(t *testing.T) {
	c, r := notified(t)
	c.leave("r1", "r2")
	r.answer = func(lifecycle.Notice) int { return 500 }
	c.clock.Advance(3*24*time.Hour - 3*time.Second)
	fail(t, c.delivery(), fault.Unavailable)
	require.Empty(t, c.audit(contract.AuditFilter{Operation: "notice"}), "not a moment early")
	c.clock.Advance(time.Hour + time.Second)
	require.Equal(t, 2, succeed(t, c.delivery()).GivenUp)
	entries := c.audit(contract.AuditFilter{Operation: "notice"})
	require.Len(t, entries, 2)
	require.Equal(t, "given-up", entries[0].Outcome)
	require.Equal(t, "the receiver answered 500", *entries[0].Reason)
	due, err := c.store.NoticesDue(t.Context())
	require.NoError(t, err)
	require.False(t, due)
}

func TestDeliverNoticesTakesGoneForAnAnswer(t *testing.T) {
	c, r := notified(t)
	c.leave("r1", "r2")
	r.answer = func(lifecycle.Notice) int { return 410 }
	require.Equal(t, 2, succeed(t, c.delivery()).GivenUp)
	require.Len(t, c.audit(contract.AuditFilter{Operation: "notice"}), 2)
	require.Equal(t, delivered(0), succeed(t, c.delivery()))
}

func TestDeliverNoticesByAWorkerWithoutAWebhook(t *testing.T) {
	c, _ := notified(t)
	c.acts.Webhook = nil
	fail(t, c.delivery(), fault.Unavailable, "TENURE_WEBHOOK_URL")
}
