package service

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rs/cors"
	"go.temporal.io/sdk/converter"
)

// CodecServer decrypts for Temporal's UI and its command what the worker and the tenure command encrypted.
type CodecServer struct {
	// Addr is where it listens, by default on loopback: what it answers is readable by whoever has the token.
	Addr string
	// Token is what callers show as a bearer token; empty serves nothing.
	Token string
	// UIs are addresses of Temporal's UI: browsers may call from these origins only.
	UIs []string
}

// DefaultCodecAddr is where the codec server listens unless told otherwise.
const DefaultCodecAddr = "127.0.0.1:9465"

// largestDecoding bounds a request: more than Temporal's UI asks for at once, a page of a history.
const largestDecoding = 32 << 20

// Handler serves POST /encode and /decode as Temporal's codec servers do, to callers with the token.
func (c CodecServer) Handler(codec converter.PayloadCodec) (http.Handler, error) {
	var origins []string
	for _, ui := range c.UIs {
		u, err := url.Parse(ui)
		if err != nil || u.Scheme == "" || u.Host == "" {
			return nil, fmt.Errorf("%q is not the address of a Temporal UI (TENURE_TEMPORAL_UI)", ui)
		}
		origins = append(origins, strings.ToLower(u.Scheme+"://"+u.Host))
	}
	if len(origins) == 0 {
		return nil, errors.New("a codec server needs the address of the Temporal UI that may call it (TENURE_TEMPORAL_UI)")
	}
	policy := cors.New(cors.Options{
		AllowedOrigins: origins, AllowedMethods: []string{http.MethodPost}, AllowCredentials: true,
		AllowedHeaders: []string{"Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"},
	})
	// The SDK's handler takes any path that ends as it should; this one takes no others.
	serve := http.MaxBytesHandler(c.authorized(converter.NewPayloadCodecHTTPHandler(codec)), largestDecoding)
	mux := http.NewServeMux()
	mux.Handle("/encode", serve)
	mux.Handle("/decode", serve)
	// Browsers ask for permission without the token, so that the policy answers first. What it does not allow, it only
	// leaves to the browser to withhold.
	return policy.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" && !policy.OriginAllowed(r) {
			http.Error(w, "this origin may not call", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}

// authorized lets callers with the token through. Digests are compared, so that not even the length shows in the time.
func (c CodecServer) authorized(next http.Handler) http.Handler {
	wanted := sha256.Sum256([]byte(c.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		given := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(given[:], wanted[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the bearer token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveCodec serves the codec server when there is a token. One without a key would have nothing to decrypt with.
func (s *Service) serveCodec() (web, error) {
	if s.settings.Codec.Token == "" {
		return web{}, nil
	}
	if !s.codec.Enabled() {
		return web{}, errors.New("a token for the codec server is set (TENURE_CODEC_TOKEN) and no key (TENURE_ENCRYPTION_KEYS)")
	}
	handler, err := s.settings.Codec.Handler(s.codec)
	if err != nil {
		return web{}, err
	}
	return s.serve("the codec (TENURE_CODEC_ADDR)", s.settings.Codec.Addr, handler)
}
