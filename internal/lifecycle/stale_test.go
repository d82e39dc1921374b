package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"tenure/internal/lifecycle"
)

func TestSinceNamesWhatChanged(t *testing.T) {
	approved := onboard(t, newcomer(), ukSales(), facts())
	for name, c := range map[string]struct {
		change func(*lifecycle.Snapshot, *lifecycle.OnboardingRules, *lifecycle.OnboardingFacts)
		says   []string
	}{
		"nothing": {func(*lifecycle.Snapshot, *lifecycle.OnboardingRules, *lifecycle.OnboardingFacts) {}, nil},
		"a license came": {func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3"})
		}, []string{"the licenses: none then, SPE_E3 (direct) now", "assign-licenses was to assign SPE_E5 and would now assign SPE_E5, remove SPE_E3"}},
		"the catalog decides otherwise": {func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.Teams = nil
		}, []string{"apply-policies was to TeamsCallingPolicy = AllOn and would now be skipped (no-template)"}},
		"another number is next": {func(_ *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			f.Number.Number = "+442079460009"
		}, []string{
			"claim-number was to claim +442079460001 at " + london + " and would now claim +442079460009 at " + london,
			"assign-number was to assign +442079460001 and would now assign +442079460009",
		}},
		"a permission went": {func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Permissions = append(s.Permissions, "Mail.Read")
		}, []string{"something else that the plan looked at: the inventory, permissions, the account or its service records"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, f := newcomer(), ukSales(), facts()
			c.change(&s, &r, &f)
			assert.Equal(t, c.says, approved.Since(onboard(t, s, r, f)))
		})
	}
}

func TestReleaseDatesAreEstimates(t *testing.T) {
	leaving := func() lifecycle.Plan {
		return lifecycle.Plan{Steps: []lifecycle.PlannedStep{{Name: lifecycle.ReleaseNumber, Action: lifecycle.Do, Change: lifecycle.Change{
			Numbers: []lifecycle.NumberChange{{Number: number, To: lifecycle.Cooling, CoolingDays: 30, CoolingUntil: "2026-03-02T09:00:00Z"}},
		}}}}
	}
	later := leaving()
	later.Steps[0].Change.Numbers[0].CoolingUntil = "2026-03-02T09:00:01Z"
	assert.Empty(t, leaving().Since(later))
	later.Steps[0].Change.Numbers[0].CoolingDays = 31
	assert.Len(t, leaving().Since(later), 1)
}
