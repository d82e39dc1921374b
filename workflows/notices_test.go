package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/workflows"
)

// deliveries answers like DeliverNotices with that many batches, after a receiver that is down for some attempts.
func deliveries(down, batches int, attempts *int) map[string]any {
	return map[string]any{"DeliverNotices": func(_ context.Context, limit int) (activities.NoticeBatch, error) {
		if *attempts++; *attempts <= down {
			return activities.NoticeBatch{}, fault.New(fault.Unavailable, "the receiver answered 500")
		}
		return activities.NoticeBatch{NoticesDelivered: contract.NoticesDelivered{Delivered: limit, GivenUp: 1}, More: *attempts < down+batches}, nil
	}}
}

func TestDeliverNoticesLeavesTheReceiverMoreAndMoreTime(t *testing.T) {
	attempts := 0
	env := with(deliveries(8, 3, &attempts))
	began := env.Now()
	env.ExecuteWorkflow(workflows.DeliverNotices, contract.NoticesDelivered{})
	var result contract.NoticesDelivered
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, contract.NoticesDelivered{Delivered: 30, GivenUp: 3}, result)
	assert.Equal(t, 11, attempts)
	assert.GreaterOrEqual(t, env.Now().Sub(began), (1<<8-1)*time.Second)
}

func TestDeliverNoticesGoesOnAsANewRun(t *testing.T) {
	attempts := 0
	functions := deliveries(0, 250, &attempts)
	env := with(functions)
	env.ExecuteWorkflow(workflows.DeliverNotices, contract.NoticesDelivered{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	var so contract.NoticesDelivered
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &so))
	env = with(functions)
	env.ExecuteWorkflow(workflows.DeliverNotices, so)
	var result contract.NoticesDelivered
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, contract.NoticesDelivered{Delivered: 2500, GivenUp: 250}, result)
}
