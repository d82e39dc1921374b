// Package webhook sends signed notices to one address, as Standard Webhooks (standardwebhooks.com) has it.
package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tenure/internal/fault"
)

// timeout bounds one request, and largestAnswer what is read of its answer, so that the connection can serve the next.
const (
	timeout       = 15 * time.Second
	largestAnswer = 64 << 10
)

// longestWait is the longest Retry-After that is believed.
const longestWait = time.Hour

// A key has as many bytes as the standard wants, in base64 after keyPrefix.
const (
	keyPrefix         = "whsec_"
	shortest, longest = 24, 64
)

// ErrGone says that the receiver wants nothing more (410).
var ErrGone = errors.New("the receiver answered 410: it wants no notices any more")

// Sender sends to one receiver. It is safe for concurrent use.
type Sender struct {
	url  string
	sign *standard.Webhook
	http *http.Client
}

// New makes the sender of an address and a secret, "whsec_" and 24 to 64 bytes in base64. Without TLS only this machine
// is sent to. Errors show neither the secret nor the address, which may hold one.
func New(address, secret string) (*Sender, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("the webhook's address is no URL; write it like https://example.com/tenure")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("the webhook's address does not begin with https://; http:// is for this machine only")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, keyPrefix))
	if err != nil || !strings.HasPrefix(secret, keyPrefix) || len(key) < shortest || len(key) > longest {
		return nil, fmt.Errorf("the webhook's secret is not %s and %d to %d bytes in base64; make one with: echo %s$(openssl rand -base64 32)", keyPrefix, shortest, longest, keyPrefix)
	}
	sign, err := standard.NewWebhookRaw(key)
	if err != nil {
		return nil, errors.New("the webhook's secret cannot sign")
	}
	return &Sender{address, sign, &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send posts a body under an id, which stays the same however often it is sent. It succeeds when the receiver answers with
// 2xx; redirects are not followed. ErrGone is final. InvalidRequest says that the receiver does not take this notice, as
// yet; with every other error it takes none.
func (s *Sender) Send(ctx context.Context, id string, body []byte, now time.Time) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Unavailable, "the request to the receiver cannot be made")
	}
	signature, err := s.sign.Sign(id, now, body)
	if err != nil {
		return fmt.Errorf("sign notice %s: %w", id, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "tenure")
	request.Header.Set(standard.HeaderWebhookID, id)
	request.Header.Set(standard.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standard.HeaderWebhookSignature, signature)
	answer, err := s.http.Do(request)
	if err != nil {
		// Around the cause stands the address.
		if around := (*url.Error)(nil); errors.As(err, &around) {
			err = around.Err
		}
		if errors.Is(err, context.Canceled) {
			return err
		}
		return fault.New(fault.Unavailable, "the receiver cannot be reached: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, largestAnswer)
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return nil
	case answer.StatusCode == http.StatusGone:
		return ErrGone
	}
	refused := fault.New(fault.Unavailable, "the receiver answered %d", answer.StatusCode)
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests:
		refused.Kind = fault.Throttled
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout:
		refused.Kind = fault.InvalidRequest
	}
	refused.Status, refused.RetryAfter = answer.StatusCode, wait(answer.Header.Get("Retry-After"), now)
	return refused
}

// wait reads a Retry-After, seconds or a date; 0 for none.
func wait(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(seconds, 0), int(longestWait.Seconds()))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(date.Sub(now), 0), longestWait)
	}
	return 0
}
