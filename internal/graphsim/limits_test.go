package graphsim_test

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestResourceUnitsAreCountedWhenAsked(t *testing.T) {
	s := newSim(t, nil)
	for range 200 {
		s.get("/subscribedSkus")
	}
	require.Equal(t, 200, s.do("PATCH", "/_sim/settings", object{"throttle": object{"resourceUnits": 10}}).status)
	assert.Equal(t, graphsim.Throttle{Writes: 3000, WindowSeconds: 150, ResourceUnits: 10}, *s.tenant.Settings().Throttle)
	for i, used := range []string{"", "", "0.9"} { // 3 units each
		assert.Equal(t, used, s.get("/subscribedSkus").header.Get("x-ms-throttle-limit-percentage"), "request %d", i)
	}
	a := s.do("GET", "/subscribedSkus", nil)
	a.refused(429, "TooManyRequests", "Too many requests")
	assert.Equal(t, "2", a.header.Get("Retry-After"), "2 units are lacking and 1 comes in a second")
	assert.Equal(t, "ResourceUnitLimitExceeded", a.header.Get("x-ms-throttle-information"))
	s.get("/users?$select=id") // costs the one that is left
	s.do("GET", "/users?$select=id", nil).refused(429, "TooManyRequests", "")
	s.clock.Advance(2 * time.Second)
	s.do("GET", "/subscribedSkus", nil).refused(429, "TooManyRequests", "")
	require.Equal(t, 200, s.assign("emma.evans", license(nil)).status, "writes cost a unit too")
	s.clock.Advance(2 * time.Second)
	s.get("/subscribedSkus")

	require.Equal(t, 200, s.do("PATCH", "/_sim/settings", object{"throttle": object{"resourceUnits": 2}}).status)
	s.get("/subscribedSkus") // more than a full bucket holds
	s.do("GET", "/subscribedSkus", nil).refused(429, "TooManyRequests", "")
}

func TestAClaimsChallengeAsksForANewToken(t *testing.T) {
	s := newSim(t, nil)
	added := s.do("POST", "/_sim/faults", object{"claimsChallenge": true})
	require.Equal(t, 201, added.status, string(added.raw))
	a := s.do("GET", "/users", nil)
	a.refused(401, "InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge")
	challenge := regexp.MustCompile(`^Bearer .*, error="insufficient_claims", claims="([^"]+)"$`).FindStringSubmatch(a.header.Get("WWW-Authenticate"))
	require.NotNil(t, challenge, a.header.Get("WWW-Authenticate"))
	claims, err := base64.StdEncoding.DecodeString(challenge[1])
	require.NoError(t, err)
	assert.JSONEq(t, `{"access_token":{"nbf":{"essential":true,"value":"1795424400"}}}`, string(claims))
	s.get("/users")
	s.do("POST", "/_sim/faults", object{"claimsChallenge": true, "status": 403}).refusedByControl("claimsChallenge is an answer of its own")
}

func (a answer) refusedByControl(message string) {
	a.t.Helper()
	assert.Equal(a.t, 400, a.status)
	assert.Contains(a.t, string(a.raw), message)
}

func TestLargeAnswersAreCompressedForWhoeverAcceptsIt(t *testing.T) {
	s := newSim(t, manyUsers(500))
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	for _, test := range []struct {
		path, accept string
		compressed   bool
	}{
		{"/users?$top=500", "gzip", true},
		{"/users?$top=500", "br, GZIP;q=0.5, deflate", true},
		{"/users?$top=500", "gzip; q=0", false},
		{"/users?$top=500", "br", false},
		{"/users?$top=500", "", false},
		{"/users?$top=3", "gzip", false},
	} {
		request, err := http.NewRequest("GET", s.url+"/v1.0"+test.path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer x")
		request.Header.Set("Accept-Encoding", test.accept)
		response, err := plain.Do(request)
		require.NoError(t, err)
		var body io.Reader = response.Body
		if test.compressed {
			require.Equal(t, "gzip", response.Header.Get("Content-Encoding"), test)
			body, err = gzip.NewReader(body)
			require.NoError(t, err)
		} else {
			require.Empty(t, response.Header.Get("Content-Encoding"), test)
		}
		var page struct{ Value []object }
		require.NoError(t, json.NewDecoder(body).Decode(&page), test)
		assert.NotEmpty(t, page.Value)
		require.NoError(t, response.Body.Close())
	}
}
