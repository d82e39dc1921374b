package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"tenure/internal/contract"
)

// scheduleSync makes the schedule of the installation be what the setting says: there, with that interval, or not there. All
// workers of an installation have the same setting, so whoever comes last changes nothing. A sync that still runs, or
// waits for a decision, is not overtaken. A Temporal that refuses schedules stops no worker.
func (s *Service) scheduleSync(ctx context.Context) {
	if err := putSyncSchedule(ctx, s.temporal.ScheduleClient(), s.settings.SyncEvery); err != nil && ctx.Err() == nil {
		s.log.Warn("the schedule of the directory's sync is not as set (TENURE_SYNC_EVERY); `tenure users sync` works without", zap.Error(err))
	}
}

func putSyncSchedule(ctx context.Context, schedules client.ScheduleClient, every time.Duration) error {
	handle := schedules.GetHandle(ctx, contract.DirectorySyncSchedule)
	if every <= 0 {
		err := handle.Delete(ctx)
		if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
			return nil
		}
		return err
	}
	// The first one comes a whole interval from now: whoever starts an installation reads the directory anyway.
	phase := time.Duration(time.Now().UnixNano()) % every
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every, Offset: phase}}}
	_, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: contract.DirectorySyncSchedule, Spec: spec, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: every,
		Action: &client.ScheduleWorkflowAction{
			ID: contract.SyncWorkflowPrefix + "scheduled", Workflow: contract.SyncDirectory, TaskQueue: contract.TaskQueue, StaticSummary: "sync all users",
			Args: []any{contract.SyncRequest{Actor: contract.Actor{RequestedBy: "schedule", Reason: contract.DirectorySyncSchedule}}},
		},
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	// Only the interval is the setting's; whether somebody has paused it is theirs.
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		if has := schedule.Spec.Intervals; len(has) == 1 && has[0].Every == every {
			return nil, temporal.ErrSkipScheduleUpdate
		}
		schedule.Spec, schedule.Policy.CatchupWindow = &spec, every
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	if err != nil && !errors.Is(err, temporal.ErrSkipScheduleUpdate) {
		return fmt.Errorf("set the interval to %s: %w", every, err)
	}
	return nil
}
