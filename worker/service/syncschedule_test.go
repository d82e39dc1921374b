package service_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/worker/workertest"
)

func TestTheDirectoryIsReadOnASchedule(t *testing.T) {
	e, settings := workertest.Around(t, graphsim.Options{}, "sqlite:"+filepath.Join(t.TempDir(), "tenure.db"))
	schedule := e.Client.ScheduleClient().GetHandle(t.Context(), "tenure-directory-sync")
	running := func(every time.Duration, meanwhile func()) {
		settings.SyncEvery = every
		workertest.While(t, settings, zap.NewNop(), meanwhile)
	}
	becomes := func(every time.Duration) {
		require.Eventually(t, func() bool {
			is, err := schedule.Describe(t.Context())
			return err == nil && len(is.Schedule.Spec.Intervals) == 1 && is.Schedule.Spec.Intervals[0].Every == every
		}, time.Minute, 20*time.Millisecond)
	}

	running(15*time.Minute, func() {
		becomes(15 * time.Minute)
		e.Fill(t)
		require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
		var result contract.SyncResult
		require.Eventually(t, func() bool {
			is, err := schedule.Describe(t.Context())
			if err != nil || len(is.Info.RecentActions) == 0 {
				return false
			}
			run := is.Info.RecentActions[0].StartWorkflowResult
			assert.True(t, strings.HasPrefix(run.WorkflowID, contract.SyncWorkflowPrefix), run.WorkflowID)
			require.NoError(t, e.Client.GetWorkflow(t.Context(), run.WorkflowID, "").Get(t.Context(), &result))
			return true
		}, time.Minute, 20*time.Millisecond)
		assert.Equal(t, []contract.TenantSync{{Tenant: "contoso"}}, result.Tenants, "nothing has changed since the directory was filled")
		require.NoError(t, schedule.Pause(t.Context(), client.SchedulePauseOptions{Note: "vacation"}))
	})
	running(30*time.Minute, func() {
		becomes(30 * time.Minute)
		is, err := schedule.Describe(t.Context())
		require.NoError(t, err)
		assert.True(t, is.Schedule.State.Paused, "somebody has paused it")
	})
	running(0, func() {
		require.Eventually(t, func() bool {
			_, err := schedule.Describe(t.Context())
			var gone *serviceerror.NotFound
			return errors.As(err, &gone)
		}, time.Minute, 20*time.Millisecond)
	})
}
