package service_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/service"
	"tenure/worker/workertest"
)

func TestPermissionsAtStart(t *testing.T) {
	tenant, err := graphsim.New(graphsim.Options{})
	require.NoError(t, err)
	address := workertest.Serve(t, tenant)
	server := workertest.StartTemporal(t)
	t.Setenv("TEMPORAL_ADDRESS", server.FrontendHostPort())
	t.Setenv("TEMPORAL_NAMESPACE", "default")
	settings := service.Settings{
		Store:   "sqlite:" + filepath.Join(t.TempDir(), "tenure.db"),
		Tenants: []service.Tenant{{Name: "contoso", GraphURL: address + "/v1.0", Credential: service.SimulatedCredential}},
	}
	e := &workertest.Environment{Client: server.Client(), Tenant: tenant, Address: server.FrontendHostPort()}

	core, logged := observer.New(zapcore.InfoLevel)
	run := func(meanwhile func()) {
		ctx, stop := context.WithCancel(t.Context())
		s, err := service.Open(ctx, settings, zap.New(core))
		require.NoError(t, err)
		defer s.Close()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, nil) }()
		meanwhile()
		stop()
		require.NoError(t, <-ended)
	}
	says := func(message string) []observer.LoggedEntry {
		found := func() []observer.LoggedEntry { return logged.FilterMessageSnippet(message).All() }
		require.Eventually(t, func() bool { return len(found()) > 0 }, time.Minute, 20*time.Millisecond, message)
		return found()
	}

	run(func() {
		says("the permissions were not looked at: no catalog has been applied yet")
		e.Fill(t)
	})

	tenant.SetPermissions(append(slices.DeleteFunc(tenant.Permissions(), func(p string) bool { return p == "LicenseAssignment.ReadWrite.All" }), "Mail.Read")...)
	run(func() {
		warning := says("permission missing: the application may not assign and remove licenses")[0]
		assert.Equal(t, zapcore.WarnLevel, warning.Level)
		fields := warning.ContextMap()
		assert.Equal(t, "contoso", fields["tenant"])
		assert.Equal(t, "licenses", fields["feature"])
		assert.Equal(t, "LicenseAssignment.ReadWrite.All", fields["permission"])
		assert.Contains(t, fields["neededBy"], "offboarding.licenses: remove")
		assert.Contains(t, fields["otherwise"], "licenses: retain")
		assert.Contains(t, says("permissions granted that nothing needs")[0].Message, "Mail.Read")

		var answer contract.Permissions
		e.Ask(t, contract.CheckPermissions, contract.PermissionsRequest{}, &answer)
		require.Len(t, answer.Tenants, 1)
		require.Len(t, answer.Tenants[0].Missing(), 1)
		assert.Equal(t, lifecycle.FeatureLicenses, answer.Tenants[0].Missing()[0].Feature)
	})
	assert.Len(t, logged.FilterMessageSnippet("permission missing").All(), 1)
}
