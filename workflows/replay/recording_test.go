package replay_test

import (
	"strings"
	"time"
	"unicode"

	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
)

// Waiting in the recorder ends by what happens; these bound it.
const (
	deadline = time.Minute
	tick     = 20 * time.Millisecond
)

// expireTokens makes the next calls ask for a token, and so see the permissions of the moment.
func expireTokens(tenant *graphsim.Tenant) {
	tenant.AddFault(graphsim.Fault{Path: "/v1.0/**", Status: 401})
}

func catalogRequest() contract.CatalogRequest {
	return contract.CatalogRequest{File: "examples/catalog.yaml", Text: string(examples.Catalog)}
}

// kebab turns PlanOperation into plan-operation.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
