package catalog

import (
	"regexp"
	"slices"
)

// teamsPolicies are the policy types of domain.md §2.2. Microsoft adds to them, so another one is accepted unless it looks
// like a slip of one of these.
var teamsPolicies = []string{
	"CallingLineIdentity", "ExternalAccessPolicy", "OnlineDialOutPolicy", "OnlineVoiceRoutingPolicy", "OnlineVoicemailPolicy",
	"TeamsAppPermissionPolicy", "TeamsAppSetupPolicy", "TeamsAudioConferencingPolicy", "TeamsCallHoldPolicy",
	"TeamsCallParkPolicy", "TeamsCallingPolicy", "TeamsChannelsPolicy", "TeamsEmergencyCallRoutingPolicy",
	"TeamsEmergencyCallingPolicy", "TeamsEnhancedEncryptionPolicy", "TeamsMeetingBroadcastPolicy", "TeamsMeetingPolicy",
	"TeamsMessagingPolicy", "TeamsSharedCallingRoutingPolicy", "TeamsSurvivableBranchAppliancePolicy",
	"TeamsUpdateManagementPolicy", "TeamsUpgradePolicy", "TeamsVoiceApplicationsPolicy", "TenantDialPlan",
}

var policyTypeRule = regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`)

// policyTypeMeant reports whether somebody may mean a policy type.
func policyTypeMeant(policy string) bool {
	return slices.Contains(teamsPolicies, policy) || nearest(policy, teamsPolicies) == "" && policyTypeRule.MatchString(policy)
}

// checkPolicyType reports a policy type that cannot be meant.
func (r *reader) checkPolicyType(line, column int, path, policy string) bool {
	if policyTypeMeant(policy) {
		return true
	}
	r.problem(line, column, path, "there is no Teams policy type %q%s; known: %s", policy, meant(policy, teamsPolicies), listed(teamsPolicies))
	return false
}

// readPolicies reads policies by type, three-valued.
func readPolicies[T any](r *reader, s spot, ok bool, read func(spot) (T, bool)) map[string]Field[T] {
	policies := map[string]Field[T]{}
	if !ok || s.kind == blank || s.kind == null {
		return policies
	}
	if s.kind != mapping {
		r.at(s, "%s; a mapping of policy types to names belongs here, like {TeamsCallingPolicy: AllOn}", s.is())
		return policies
	}
	for _, e := range s.entries {
		path := s.under(e.key.text)
		if r.checkPolicyType(e.key.line, e.key.column, path, e.key.text) {
			policies[e.key.text] = three(r, spot{e.value, path}, true, read)
		}
	}
	return policies
}
