package conformance_test

import (
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/conformance/csdl"
	"tenure/internal/graph"
)

func microsofts(t *testing.T) *csdl.Metadata {
	t.Helper()
	m, err := csdl.Graph()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no metadata of Microsoft Graph to compare with (%v); set GRAPH_CSDL to its file", err)
	}
	require.NoError(t, err)
	return m
}

func TestEveryMethodOfTheClientIsExercised(t *testing.T) {
	client := reflect.TypeFor[*graph.Client]()
	var methods []string
	for i := range client.NumMethod() {
		methods = append(methods, client.Method(i).Name)
	}
	assert.ElementsMatch(t, methods, slices.Collect(maps.Keys(operations)), "a method without an exercise, or one that is gone")
}

func TestTrafficConformsToMicrosoftsMetadata(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		t.Run(name, func(t *testing.T) {
			c := newTenant(t)
			operations[name](c)
			traffic := c.tape.recorded()
			if slices.Contains(silent, name) {
				require.Empty(t, traffic)
				return
			}
			require.NotEmpty(t, traffic, "the exercise sends nothing")
			m := microsofts(t)
			for _, x := range traffic {
				for _, f := range m.Check(x) {
					t.Errorf("%s %s: %s", x.Method, x.URL, f)
				}
			}
		})
	}
}

// place is the part of an exchange that is falsified.
type place int

const (
	address place = iota
	body
	answer
)

func (p place) falsify(x *csdl.Exchange, from, to string) (changed bool) {
	before := map[place]string{address: x.URL, body: string(x.Body), answer: string(x.Answer)}[p]
	after := strings.Replace(before, from, to, 1)
	switch p {
	case address:
		x.URL = after
	case body:
		x.Body = []byte(after)
	case answer:
		x.Answer = []byte(after)
	}
	return after != before
}

// TestDeviationsFromTheRecordedTrafficAreFound falsifies traffic that conforms,
// in one place each: a check that finds nothing must not pass for one that has
// nothing to find.
func TestDeviationsFromTheRecordedTrafficAreFound(t *testing.T) {
	m := microsofts(t)
	for _, test := range []struct {
		name      string
		operation string
		at        string // part of the URL of the exchange that is falsified
		method    string
		in        place
		from, to  string
		finding   string
	}{
		{"wrong property in an answer", "User", "/users/chloe", "GET", answer, `"usageLocation":`, `"usageLocaton":`, "microsoft.graph.user has no property usageLocaton"},
		{"selected property not answered", "User", "/users/chloe", "GET", answer, `"usageLocation":"GB"`, `"usageLocation@odata.type":"#String"`, "lacks usageLocation, which was selected"},
		{"wrong type in an answer", "User", "/users/chloe", "GET", answer, `"accountEnabled":true`, `"accountEnabled":"true"`, "is no Edm.Boolean"},
		{"wrong property deep in an answer", "User", "/users/chloe", "GET", answer, `"assignedByGroup":`, `"assignedBy":`, "microsoft.graph.licenseAssignmentState has no property assignedBy"},
		{"no guid", "SKUs", "/subscribedSkus", "GET", answer, `"servicePlanId":"`, `"servicePlanId":"x`, "is no Edm.Guid"},
		{"text for a number", "SKUs", "/subscribedSkus", "GET", answer, `"lockedOut":0`, `"lockedOut":"0"`, "is no Edm.Int32"},
		{"null where it may not be", "NumbersOf", "numberAssignments", "GET", answer, `"activationState":"activated"`, `"activationState":null`, "is null"},
		{"unknown enum member in an answer", "NumbersOf", "numberAssignments", "GET", answer, `"numberType":"directRouting"`, `"numberType":"DirectRouting"`, "has no member DirectRouting"},
		{"missing property of Teams", "NumbersOf", "numberAssignments", "GET", answer, `"operatorId":`, `"operatorId@odata.type":"#String","city":`, "lacks operatorId"},
		{"wrong property selected", "User", "/users/chloe", "GET", address, "usageLocation", "usageLocaton", "$select: microsoft.graph.user has no property usageLocaton"},
		{"wrong property filtered", "NumbersOf", "numberAssignments", "GET", address, "assignmentTargetId", "assignedTargetId", "numberAssignment has no property assignedTargetId"},
		{"wrong function parameter", "PolicyID", "getPolicyId", "GET", address, "name=", "policyName=", "getPolicyId has no parameter policyName"},
		{"wrong path", "LicenseDetails", "licenseDetails", "GET", address, "licenseDetails", "licensesDetails", "microsoft.graph.user has no licensesDetails"},
		{"wrong action", "AssignNumber", "/assignNumber", "POST", address, "assignNumber", "assignPhoneNumber", "POST does not go with"},
		{"wrong action parameter", "AssignNumber", "/assignNumber", "POST", body, `"assignmentTargetId"`, `"targetId"`, "assignNumber has no parameter targetId"},
		{"missing action parameter", "AssignNumber", "/assignNumber", "POST", body, `"assignmentTargetId"`, `"locationId"`, "assignNumber needs the parameter assignmentTargetId"},
		{"unknown enum member in a request", "AssignNumber", "/assignNumber", "POST", body, `"primary"`, `"Primary"`, "has no member Primary"},
		{"null action parameter", "ChangeLicenses", "/assignLicense", "POST", body, `"removeLicenses":[]`, `"removeLicenses":null`, "is no array of Edm.Guid but null"},
		{"wrong property in a parameter", "AssignPolicies", "/assign", "POST", body, `"policyType"`, `"type"`, "teamsPolicyUserAssignment has no property type"},
		{"wrong property changed", "SetUsageLocation", "/users/", "PATCH", body, `"usageLocation"`, `"location"`, "microsoft.graph.user has no property location"},
		{"wrong reference", "AddMember", "/members/$ref", "POST", body, `"@odata.id"`, `"id"`, "a reference is an @odata.id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTenant(t)
			operations[test.operation](c)
			var found []string
			falsified := false
			for _, x := range c.tape.recorded() {
				if x.Method != test.method || !strings.Contains(x.URL, test.at) || !test.in.falsify(&x, test.from, test.to) {
					continue
				}
				falsified = true
				for _, f := range m.Check(x) {
					found = append(found, f.String())
				}
			}
			require.True(t, falsified, "nothing to falsify was recorded")
			assert.Contains(t, strings.Join(found, "\n"), test.finding)
		})
	}
}
