package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// received passes an error through what Temporal does to it on the way to a client.
func received(t *testing.T, err error) error {
	t.Helper()
	c := temporal.GetDefaultFailureConverter()
	return fmt.Errorf("workflow execution error: %w", c.FailureToError(c.ErrorToFailure(err)))
}

func TestEndings(t *testing.T) {
	cause := fault.New(fault.BusinessRule, "no more units")
	cause.Code = "no-license-left"
	for _, status := range []lifecycle.Status{lifecycle.RolledBack, lifecycle.Failed, lifecycle.Cancelled} {
		t.Run(string(status), func(t *testing.T) {
			report := lifecycle.Report{Status: status, RunID: "r1"}
			err := received(t, contract.Ending(report, cause))
			got, why := contract.Ended(err)
			require.NotNil(t, got)
			assert.Equal(t, status, got.Status)
			assert.Equal(t, "r1", got.RunID)
			if status == lifecycle.Cancelled {
				assert.Nil(t, why)
				assert.True(t, temporal.IsCanceledError(err), "Temporal shows it as cancelled")
				return
			}
			assert.Equal(t, fault.BusinessRule, why.Kind)
			assert.Equal(t, "no-license-left", why.Code)
			assert.Equal(t, "no more units", why.Message)
		})
	}
}

func TestEndedWithoutAReport(t *testing.T) {
	report, cause := contract.Ended(received(t, fault.Leave(&lifecycle.Refusal{Code: "guest", Message: "a guest"})))
	assert.Nil(t, report)
	require.NotNil(t, cause)
	assert.Equal(t, "guest", cause.Code)

	report, cause = contract.Ended(received(t, temporal.NewCanceledError()))
	assert.Nil(t, report)
	assert.Nil(t, cause)

	report, cause = contract.Ended(errors.New("terminated"))
	assert.Nil(t, report)
	assert.Nil(t, cause)
}

// TestAbsentValuesAreNull: architecture.md §5.2.
func TestAbsentValuesAreNull(t *testing.T) {
	for want, value := range map[string]any{
		`{"runs":[],"next":null}`: contract.Runs{Runs: []contract.Run{}},
		`{"name":"verify","outcome":"done","reason":null,"summary":"","detail":{},"startedAt":null,"closedAt":null}`: lifecycle.Step{Name: lifecycle.Verify, Outcome: lifecycle.Done},
		`{"name":"verify","action":"do","reason":null,"summary":"","change":{}}`:                                     lifecycle.PlannedStep{Name: lifecycle.Verify, Action: lifecycle.Do},
		`{"number":"+44","node":"a","state":"held","type":"directRouting","vendor":null,"user":null,"reservedFor":null,"reservedUntil":null,"coolingUntil":null,"notes":null,"history":[]}`: contract.NumberView{
			Number: contract.Number{Number: "+44", Node: "a", State: lifecycle.HeldState, Type: "directRouting"}, History: []contract.NumberEvent{},
		},
		`{"node":null,"role":null,"usageLocation":null,"numbers":[],"enterpriseVoice":false,"licenses":[],"groups":[],"policies":{}}`: lifecycle.Snapshot{}.State(),
	} {
		raw, err := json.Marshal(value)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(raw))
	}
	var step lifecycle.Step
	require.NoError(t, json.Unmarshal([]byte(`{"reason":null}`), &step))
	assert.Empty(t, step.Reason)
}

func TestNamesCarryNoPersonalData(t *testing.T) {
	assert.Equal(t, "subscriber/contoso/1234", contract.SubscriberWorkflowID("contoso", "1234"))
	assert.Equal(t, "graph-contoso", contract.GraphQueue("contoso"))
	assert.Equal(t, []string{"TenureOperation", "TenureTenant", "TenureNode", "TenureState", "TenureRequest", "TenureBatch"}, contract.SearchAttributes())
}
