package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"tenure/worker/service"
)

func TestAWebhookThatCannotWorkStopsTheWorker(t *testing.T) {
	const address = "https://example.com/hunter2"
	short := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(short, []byte("hunter2\n"), 0o600))
	for name, row := range map[string]struct {
		webhook service.Webhook
		says    string
	}{
		"a secret alone":  {service.Webhook{Secret: "hunter2"}, "TENURE_WEBHOOK_URL"},
		"a file alone":    {service.Webhook{SecretFile: short}, "TENURE_WEBHOOK_URL"},
		"no secret":       {service.Webhook{URL: address}, "TENURE_WEBHOOK_SECRET_FILE"},
		"two secrets":     {service.Webhook{URL: address, Secret: "hunter2", SecretFile: short}, "one secret"},
		"no such file":    {service.Webhook{URL: address, SecretFile: short + "s"}, "TENURE_WEBHOOK_SECRET_FILE"},
		"a weak secret":   {service.Webhook{URL: address, SecretFile: short}, "openssl rand"},
		"an open address": {service.Webhook{URL: "http://example.com/hunter2", Secret: "hunter2"}, "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := service.Open(t.Context(), service.Settings{
				Tenants: []service.Tenant{{Name: "contoso", GraphURL: "http://127.0.0.1:1/v1.0", Credential: service.SimulatedCredential}},
				Webhook: row.webhook,
			}, zap.NewNop())
			require.ErrorContains(t, err, row.says)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}
