package service

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"tenure/internal/contract"
)

const (
	// expiryInterval is how long a number stays cooling or reserved at most after its time has come. Each run ends whatever
	// is due, however long ago; one missed is as good as many.
	expiryInterval = 15 * time.Minute
	// expiryCatchup is how old a run that nobody could start may be to be made up for when Temporal is back.
	expiryCatchup = 4 * expiryInterval
	// expiryRetry is the time between two attempts to set the schedule up.
	expiryRetry = time.Minute
)

// keepExpirySchedule sets up the schedule that ends cooling and reservations, and starts it at once, so that what fell due
// while nothing ran does not wait. It tries until it succeeds or ctx ends; the first failure of a kind is logged.
func (s *Service) keepExpirySchedule(ctx context.Context) {
	for logged := ""; ; {
		err := ensureExpirySchedule(ctx, s.temporal.ScheduleClient(), s.log)
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != logged {
			logged = err.Error()
			s.log.Error("the schedule "+contract.NumberExpirySchedule+" cannot be set up: until it is, cooling and reserved numbers do not become available by themselves; the worker keeps trying and must be allowed to create schedules", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(expiryRetry):
		}
	}
}

// ensureExpirySchedule creates the schedule, or brings the one that exists up to date, and triggers it. Any number of
// workers may do so at once: a run that is under way is not joined by another.
func ensureExpirySchedule(ctx context.Context, schedules client.ScheduleClient, log *zap.Logger) error {
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: expiryInterval}}}
	action := &client.ScheduleWorkflowAction{
		ID: "tenure/" + contract.ExpireNumbers, Workflow: contract.ExpireNumbers, TaskQueue: contract.TaskQueue,
		Args: []any{contract.NumberExpiry{}}, StaticSummary: "end cooling and reservations that are due",
	}
	_, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: contract.NumberExpirySchedule, Spec: spec, Action: action, TriggerImmediately: true,
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: expiryCatchup,
		Note: "kept by tenure-worker",
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	existing := schedules.GetHandle(ctx, contract.NumberExpirySchedule)
	paused := false
	err = existing.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		schedule.Spec, schedule.Action = &spec, action
		schedule.Policy = &client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: expiryCatchup}
		paused = schedule.State != nil && schedule.State.Paused
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	if err != nil {
		return err
	}
	if paused {
		log.Warn("the schedule " + contract.NumberExpirySchedule + " is paused: cooling and reserved numbers do not become available by themselves until somebody unpauses it")
		return nil
	}
	return existing.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP})
}
