package graphsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Token is the answer of /_sim/token.
type Token struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

type claims struct {
	Audience string   `json:"aud"`
	IssuedAt int64    `json:"iat"`
	Expires  *int64   `json:"exp"`
	Roles    []string `json:"roles"`
}

// issueToken writes an unsigned token: nothing here needs a secret.
func issueToken(roles []string, now time.Time, lifetime time.Duration) Token {
	expires := now.Add(lifetime).Unix()
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`))
	payload, _ := json.Marshal(claims{Audience: "https://graph.microsoft.com", IssuedAt: now.Unix(), Expires: &expires, Roles: roles})
	return Token{
		AccessToken: header + "." + base64.RawURLEncoding.EncodeToString(payload) + ".",
		ExpiresIn:   int(lifetime / time.Second),
		TokenType:   "Bearer",
	}
}

// authenticate gives the application permissions of a request: those in its
// token, or those granted to the tenant's application when the token has no
// roles claim.
func (t *Tenant) authenticate(header http.Header, now time.Time) ([]string, error) {
	scheme, token, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return nil, unauthenticated("Access token is empty.")
	}
	if c := t.claimsOf(strings.TrimSpace(token)); c != nil {
		if c.Expires != nil && now.Unix() >= *c.Expires {
			return nil, unauthenticated("Lifetime validation failed, the token is expired.")
		}
		if c.Roles != nil {
			return c.Roles, nil
		}
	}
	return t.Permissions(), nil
}

// readToken is a token with its claims, nil when it has none that can be read.
type readToken struct {
	token  string
	claims *claims
}

// claimsOf reads a token. A client sends the same one many times, so the last
// one read is remembered.
func (t *Tenant) claimsOf(token string) *claims {
	if last := t.lastToken.Load(); last != nil && last.token == token {
		return last.claims
	}
	read := &readToken{token: token}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		var c claims
		payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err == nil && json.Unmarshal(payload, &c) == nil {
			read.claims = &c
		}
	}
	t.lastToken.Store(read)
	return read.claims
}

// claimsChallenge refuses tokens from before now, as after a revocation
// (continuous access evaluation): the claims go into the request for the next.
func claimsChallenge(now time.Time) *graphError {
	claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, now.Unix())
	return &graphError{
		status: http.StatusUnauthorized, code: "InvalidAuthenticationToken",
		message: "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
		header: http.Header{"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", ` +
			`client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`}},
	}
}

func unauthenticated(message string) error {
	return &graphError{
		status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message,
		header: http.Header{"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`}},
	}
}

// access is what a route demands: one permission out of each group.
type access struct {
	every [][]string
	teams bool // refuses in the words of the Teams services
}

func directoryAccess(every ...[]string) access { return access{every: every} }
func teamsAccess(anyOf ...string) access       { return access{every: [][]string{anyOf}, teams: true} }

func (a access) check(roles []string) error {
	for _, group := range a.every {
		if holdsAny(roles, group...) {
			continue
		}
		if a.teams {
			return refuse(http.StatusForbidden, "Forbidden",
				"Missing role permissions on the request. API requires one of '%s'. Roles on the request '%s'.",
				strings.Join(group, ", "), strings.Join(roles, ", "))
		}
		return denied()
	}
	return nil
}

func holdsAny(roles []string, wanted ...string) bool {
	return slices.ContainsFunc(wanted, func(role string) bool { return slices.Contains(roles, role) })
}

// Permissions that allow a call, the least one first.
var (
	readUsers     = []string{"User.Read.All", "User.ReadUpdate.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readUserBasic = append([]string{"User.ReadBasic.All"}, readUsers...)
	deleteUsers   = []string{"User.DeleteRestore.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	writeUsers    = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	writeProfile  = []string{"User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	writeLocation = []string{"User.ReadUpdate.All", "User.ReadWrite.All", "Directory.ReadWrite.All", "LicenseAssignment.ReadWrite.All"}
	blockUsers    = []string{"User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	revokeUsers   = []string{"User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	writeLicenses = []string{"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	readSKUs      = []string{"LicenseAssignment.Read.All", "Organization.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readDetails   = []string{"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readGroups    = []string{"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeMembers  = []string{"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
)

const writeRoleGroups = "RoleManagement.ReadWrite.Directory"
