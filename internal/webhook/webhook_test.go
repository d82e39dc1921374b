package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/webhook"
)

var (
	key    = []byte("a secret key of 32 bytes, no more")
	secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
	now    = time.Unix(1674087231, 0)
)

// serve answers with handler, and returns a sender to it.
func serve(t *testing.T, handler http.HandlerFunc) *webhook.Sender {
	t.Helper()
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	sender, err := webhook.New(web.URL+"/in?token=hidden", secret)
	require.NoError(t, err)
	return sender
}

func TestSendSignsAsStandardWebhooksHasIt(t *testing.T) {
	var got http.Header
	var body string
	sender := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, body = r.Header, string(text)
		assert.Equal(t, "POST /in?token=hidden", r.Method+" "+r.URL.String())
	})
	require.NoError(t, sender.Send(t.Context(), "id-1", []byte(`{"a": 1}`), now))
	assert.Equal(t, `{"a": 1}`, body)
	assert.Equal(t, "id-1", got.Get("webhook-id"))
	assert.Equal(t, "1674087231", got.Get("webhook-timestamp"))
	assert.Equal(t, "application/json", got.Get("Content-Type"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(`id-1.1674087231.{"a": 1}`))
	assert.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), got.Get("webhook-signature"))
}

func TestAnswers(t *testing.T) {
	date := now.Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for _, row := range []struct {
		status     int
		retryAfter string
		kind       fault.Kind
		wait       time.Duration
	}{
		{200, "", "", 0},
		{204, "", "", 0},
		{302, "", fault.Unavailable, 0},
		{307, "", fault.Unavailable, 0},
		{400, "", fault.InvalidRequest, 0},
		{404, "", fault.InvalidRequest, 0},
		{408, "", fault.Unavailable, 0},
		{429, "7", fault.Throttled, 7 * time.Second},
		{500, "-1", fault.Unavailable, 0},
		{503, date, fault.Unavailable, 90 * time.Second},
		{503, "99999999999999", fault.Unavailable, time.Hour},
		{503, "soon", fault.Unavailable, 0},
	} {
		t.Run(http.StatusText(row.status)+" "+row.retryAfter, func(t *testing.T) {
			requests := 0
			sender := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", row.retryAfter)
				w.WriteHeader(row.status)
			})
			err := sender.Send(t.Context(), "id", nil, now)
			assert.Equal(t, 1, requests, "redirects are not followed")
			if row.kind == "" {
				require.NoError(t, err)
				return
			}
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			assert.Equal(t, row.kind, f.Kind)
			assert.Equal(t, row.status, f.Status)
			assert.Equal(t, row.wait, f.RetryAfter)
		})
	}
	gone := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	assert.ErrorIs(t, gone.Send(t.Context(), "id", nil, now), webhook.ErrGone)
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	sender := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	assert.NoError(t, sender.Send(t.Context(), "id", nil, now))
}

func TestAReceiverThatDoesNotAnswer(t *testing.T) {
	released := make(chan struct{})
	sender := serve(t, func(http.ResponseWriter, *http.Request) { <-released })
	t.Cleanup(func() { close(released) })
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	err := sender.Send(ctx, "id", nil, now)
	assert.True(t, fault.Is(err, fault.Unavailable), "%v", err)

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, sender.Send(ctx, "id", nil, now), context.Canceled, "the worker stops: that is not the receiver's fault")
}

func TestErrorsShowNeitherAddressNorSecret(t *testing.T) {
	web := httptest.NewServer(nil)
	address := web.URL + "/in?token=hidden"
	web.Close()
	sender, err := webhook.New(address, secret)
	require.NoError(t, err)
	err = sender.Send(t.Context(), "id", nil, now)
	assert.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	assert.NotContains(t, err.Error(), "hidden")
}

func TestNewRefusesWhatCannotBeSafe(t *testing.T) {
	encoded := func(bytes int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", bytes)))
	}
	for _, row := range []struct{ address, secret, refused string }{
		{"https://example.com/hidden", secret, ""},
		{"http://127.0.0.1:8080/hidden", secret, ""},
		{"http://[::1]/hidden", secret, ""},
		{"http://localhost/hidden", secret, ""},
		{"http://example.com/hidden", secret, "https://"},
		{"http://127.0.0.1.example.com/hidden", secret, "https://"},
		{"ftp://127.0.0.1/hidden", secret, "https://"},
		{"/hidden", secret, "no URL"},
		{"https://%hidden", secret, "no URL"},
		{"https://example.com", "", "whsec_"},
		{"https://example.com", "hidden", "whsec_"},
		{"https://example.com", "whsec_hidden!", "whsec_"},
		{"https://example.com", strings.TrimPrefix(secret, "whsec_"), "whsec_"},
		{"https://example.com", encoded(23), "24 to 64 bytes"},
		{"https://example.com", encoded(24), ""},
		{"https://example.com", encoded(64), ""},
		{"https://example.com", encoded(65), "24 to 64 bytes"},
	} {
		t.Run(row.address+" "+row.secret, func(t *testing.T) {
			_, err := webhook.New(row.address, row.secret)
			if row.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.refused)
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
}
