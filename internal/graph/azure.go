package graph

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"

	"tenure/internal/fault"
)

// AzureIdentity says where to log in. Which identity is used, and its secrets, come from the AZURE_* variables.
type AzureIdentity struct {
	// Cloud is where the tenant lives; empty means the global cloud.
	Cloud Cloud
	// TenantID is the tenant to log in to, whatever AZURE_TENANT_ID says of the identity's own; empty means that one. A
	// token of another tenant is refused, so that no change is made in the wrong one.
	TenantID string
	// Transport replaces the HTTP transport of the login; nil means azidentity's own.
	Transport policy.Transporter
}

// NewAzureCredential logs in by azidentity. AZURE_TOKEN_CREDENTIALS must name the credential to use
// (WorkloadIdentityCredential, EnvironmentCredential for a certificate or secret, ManagedIdentityCredential, or prod
// for these three in turn): a service must not find out by trying which identity it has.
func NewAzureCredential(id AzureIdentity) (azcore.TokenCredential, error) {
	if id.Cloud == "" {
		id.Cloud = Global
	}
	if _, err := id.Cloud.scope(); err != nil {
		return nil, err
	}
	var allowed []string
	if id.TenantID != "" {
		allowed = []string{id.TenantID}
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     clouds[id.Cloud].authority,
			Transport: id.Transport,
			// Retries belong to the workflow, which can be seen waiting.
			Retry: policy.RetryOptions{MaxRetries: -1},
		},
		RequireAzureTokenCredentials: true,
		TenantID:                     id.TenantID,
		AdditionallyAllowedTenants:   allowed,
	})
	if err != nil {
		return nil, fmt.Errorf("graph: no usable Azure credential: %s", shown(err.Error(), messageLimit))
	}
	if id.TenantID != "" {
		return &tenantCredential{credential, id.TenantID}, nil
	}
	return credential, nil
}

// tenantCredential logs in to one tenant. Managed identities know only their own; what they yield for another one is
// refused.
type tenantCredential struct {
	credential azcore.TokenCredential
	tenant     string
}

// GetToken implements azcore.TokenCredential.
func (c *tenantCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	options.TenantID = c.tenant
	token, err := c.credential.GetToken(ctx, options)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	// A tenant that is named by a domain cannot be compared.
	claimed := tenantOf(token.Token)
	if uuid.Validate(c.tenant) == nil && claimed != "" && !strings.EqualFold(claimed, c.tenant) {
		return azcore.AccessToken{}, fault.New(fault.Unauthenticated, "the identity logs in to tenant %s and not to %s, which tenantId names", shown(claimed, 100), c.tenant)
	}
	return token, nil
}

// tenantOf reads the tid claim of a token; empty when there is none.
func tenantOf(token string) string {
	var claims struct {
		Tenant string `json:"tid"`
	}
	if claimsOf(token, &claims) != nil {
		return ""
	}
	return claims.Tenant
}
