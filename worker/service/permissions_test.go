package service_test

import (
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
	"tenure/worker/workertest"
)

func TestPermissionsAtStart(t *testing.T) {
	e, settings := workertest.Around(t, graphsim.Options{}, "sqlite:"+filepath.Join(t.TempDir(), "tenure.db"))

	core, logged := observer.New(zapcore.InfoLevel)
	run := func(meanwhile func()) { workertest.While(t, settings, zap.New(core), meanwhile) }
	says := func(message string) []observer.LoggedEntry {
		found := func() []observer.LoggedEntry { return logged.FilterMessageSnippet(message).All() }
		require.Eventually(t, func() bool { return len(found()) > 0 }, time.Minute, 20*time.Millisecond, message)
		return found()
	}

	run(func() {
		says("the permissions were not looked at: no catalog has been applied yet")
		e.Fill(t)
	})

	e.Tenant.SetPermissions(append(slices.DeleteFunc(e.Tenant.Permissions(), func(p string) bool { return p == "LicenseAssignment.ReadWrite.All" }), "Mail.Read")...)
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
