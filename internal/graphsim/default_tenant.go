package graphsim

import (
	"fmt"
	"strings"
)

const defaultDomain = "contoso.example"

// LeastPermissions are the application permissions that suffice for
// everything the default tenant is used for, each the least of its kind.
func LeastPermissions() []string {
	return []string{
		"User.Read.All", "User.ReadUpdate.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All", "Organization.Read.All",
		"LicenseAssignment.ReadWrite.All", "GroupMember.ReadWrite.All", "TeamsTelephoneNumber.ReadWrite.All",
		"TeamsUserConfiguration.Read.All", "TeamsPolicyUserAssign.ReadWrite.All",
	}
}

// DefaultState is a small company in London, Paris and New York whose people
// between them meet every rule: ordinary, group-licensed, unlicensed, guest,
// disabled, synced, service account, and one in every kind of group.
func DefaultState() State {
	synced := true
	disabled := false
	uk := map[string]string{"TenantDialPlan": "UK-Dialplan", "OnlineVoiceRoutingPolicy": "UK-National", "TeamsEmergencyCallingPolicy": "London-E911", "TeamsCallingPolicy": "AllOn"}
	fr := map[string]string{"TenantDialPlan": "FR-Dialplan", "OnlineVoiceRoutingPolicy": "FR-National", "TeamsCallingPolicy": "AllOn"}
	us := map[string]string{"TeamsCallingPolicy": "AllOn"}

	anna := defaultUser("anna.archer", "Anna", "Archer", "London", "Sales", "GB")
	anna.DirectLicenses = direct("SPE_E5")
	anna.EnterpriseVoice, anna.Policies = true, uk

	ben := defaultUser("ben.baker", "Ben", "Baker", "London", "Sales", "GB")
	ben.DirectLicenses = direct("MCOEV")
	ben.EnterpriseVoice, ben.Policies = true, uk

	chloe := defaultUser("chloe.clark", "Chloe", "Clark", "London", "Finance", "GB")
	chloe.EnterpriseVoice, chloe.Policies = true, uk

	david := defaultUser("david.doyle", "David", "Doyle", "London", "Finance", "GB")
	david.DirectLicenses = direct("MCOEV")
	david.EnterpriseVoice, david.Policies = true, uk

	emma := defaultUser("emma.evans", "Emma", "Evans", "London", "Engineering", "GB")
	emma.DirectLicenses = direct("SPE_E5")

	felix := defaultUser("felix.fischer_partner.example#EXT#", "Felix", "Fischer", "London", "", "GB")
	felix.UserType = "Guest"

	grace := defaultUser("grace.green", "Grace", "Green", "London", "Engineering", "GB")
	grace.AccountEnabled = &disabled
	grace.DirectLicenses = direct("SPE_E3")

	henry := defaultUser("henry.hall", "Henry", "Hall", "London", "Legal", "GB")
	henry.OnPremisesSyncEnabled = &synced
	henry.DirectLicenses = direct("SPE_E5")
	henry.EnterpriseVoice, henry.Policies = true, uk

	backup := defaultUser("svc-backup", "", "", "London", "", "GB")
	backup.DisplayName = "Backup Service"
	backup.DirectLicenses = direct("EXCHANGESTANDARD")

	isabelle := defaultUser("isabelle.imbert", "Isabelle", "Imbert", "Paris 8e", "Marketing", "FR")
	isabelle.DirectLicenses = direct("SPE_E5")
	isabelle.EnterpriseVoice, isabelle.Policies = true, fr

	kevin := defaultUser("kevin.king", "Kevin", "King", "New York", "Sales", "US")
	kevin.DirectLicenses = direct("SPE_E5", "MCOPSTN1")
	kevin.EnterpriseVoice, kevin.Policies = true, us

	laura := defaultUser("laura.lewis", "Laura", "Lewis", "London", "Marketing", "GB")

	mark := defaultUser("mark.moore", "Mark", "Moore", "Paris 2e", "Engineering", "")

	nina := defaultUser("nina.novak", "Nina", "Novak", "London", "Legal", "GB")
	nina.DirectLicenses = direct("SPE_E5")
	nina.EnterpriseVoice, nina.Policies = true, uk

	oliver := defaultUser("oliver.owen", "Oliver", "Owen", "London", "IT", "GB")
	oliver.DirectLicenses = []DirectLicense{{SKU: "SPE_E5", DisabledPlans: []string{"YAMMER_ENTERPRISE"}}}

	state := State{
		SKUs: []SKU{
			defaultSKU("SPE_E5", "TEAMS1", "MCOSTANDARD", "MCOEV", "MCOMEETADV", "EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "SHAREPOINTWAC",
				"OFFICESUBSCRIPTION", "INTUNE_A", "AAD_PREMIUM", "AAD_PREMIUM_P2", "RMS_S_ENTERPRISE", "YAMMER_ENTERPRISE", "BI_AZURE_P2"),
			defaultSKU("SPE_E3", "TEAMS1", "MCOSTANDARD", "EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "SHAREPOINTWAC",
				"OFFICESUBSCRIPTION", "INTUNE_A", "AAD_PREMIUM", "RMS_S_ENTERPRISE", "YAMMER_ENTERPRISE"),
			defaultSKU("MCOEV", "MCOEV"),
			defaultSKU("MCOMEETADV", "MCOMEETADV"),
			defaultSKU("MCOPSTN1", "MCOPSTN1"),
			defaultSKU("EXCHANGESTANDARD", "EXCHANGE_S_STANDARD"),
		},
		Users: []User{anna, ben, chloe, david, emma, felix, grace, henry, backup, isabelle, kevin, laura, mark, nina, oliver},
		Groups: []Group{
			defaultGroup("All Staff", GroupSecurity, nil, anna, ben, chloe, david, emma, grace, henry, isabelle, kevin, nina, oliver),
			defaultGroup("License E3", GroupSecurity, []string{"SPE_E3"}, ben, chloe, david),
			defaultGroup("License Phone", GroupSecurity, []string{"MCOEV"}, chloe),
			defaultGroup("License Audio", GroupSecurity, []string{"MCOMEETADV"}, david),
			defaultGroup("Sales UK", GroupM365, nil, anna, ben),
			defaultGroup("Project Falcon", GroupSecurity, nil, emma, isabelle),
			defaultGroup("London Office", GroupDynamic, nil, anna, oliver),
			defaultGroup("Headquarters", GroupSynced, nil, henry, oliver),
			defaultGroup("Announcements", GroupMail, nil, oliver),
			defaultGroup("Helpdesk Admins", GroupRoleAssignable, nil, oliver),
		},
		Policies: []Policy{
			defaultPolicy("TenantDialPlan", "UK-Dialplan"), defaultPolicy("TenantDialPlan", "FR-Dialplan"), defaultPolicy("TenantDialPlan", "US-Dialplan"),
			defaultPolicy("OnlineVoiceRoutingPolicy", "UK-National"), defaultPolicy("OnlineVoiceRoutingPolicy", "FR-National"),
			defaultPolicy("OnlineVoiceRoutingPolicy", "UK-International"),
			defaultPolicy("TeamsEmergencyCallingPolicy", "London-E911"), defaultPolicy("TeamsEmergencyCallingPolicy", "Paris-E112"),
			defaultPolicy("TeamsEmergencyCallRoutingPolicy", "UK-Emergency"),
			defaultPolicy("TeamsCallingPolicy", "AllOn"), defaultPolicy("TeamsCallingPolicy", "NoForwarding"),
			defaultPolicy("TeamsMeetingPolicy", "AllOn"), defaultPolicy("TeamsMessagingPolicy", "AllOn"),
		},
		Permissions: LeastPermissions(),
	}

	holders := map[string]User{
		"+442079460001": anna, "+442079460002": ben, "+442079460003": chloe, "+442079460004": david, "+442079460005": henry,
		"+18005550100": kevin,
	}
	add := func(number, numberType, location string) {
		state.Numbers = append(state.Numbers, Number{
			TelephoneNumber: number, NumberType: numberType, AssignedTo: holders[number].ID,
			Capabilities: []string{"userAssignment"}, NumberSource: "online", LocationID: location,
		})
	}
	for i := range 20 {
		add(fmt.Sprintf("+4420794600%02d", i), "directRouting", "")
	}
	for i := range 10 {
		add(fmt.Sprintf("+180055501%02d", i), "callingPlan", stableID("location", "New York"))
	}
	holders["+442071838750"] = nina
	holders["+33142685301"] = isabelle
	add("+442071838750", "directRouting", "")
	add("+33142685301", "directRouting", "")
	add("+442079461000", "operatorConnect", stableID("location", "London"))
	add("+442079460999", "directRouting", "")
	state.Numbers[len(state.Numbers)-1].NumberSource = "onPremises"
	return state
}

func defaultUser(name, given, surname, city, department, location string) User {
	upn := name + "@" + defaultDomain
	return User{
		ID: stableID("user", strings.ToLower(upn)), UserPrincipalName: upn, DisplayName: strings.TrimSpace(given + " " + surname),
		GivenName: given, Surname: surname, City: city, Department: department, UserType: "Member", UsageLocation: location,
	}
}

func direct(skus ...string) []DirectLicense {
	var licenses []DirectLicense
	for _, name := range skus {
		licenses = append(licenses, DirectLicense{SKU: name, DisabledPlans: []string{}})
	}
	return licenses
}

func defaultSKU(partNumber string, plans ...string) SKU {
	x := SKU{ID: wellKnownSKU(partNumber), PartNumber: partNumber, Enabled: 250}
	for _, name := range plans {
		x.ServicePlans = append(x.ServicePlans, ServicePlan{ID: wellKnownPlan(name), Name: name})
	}
	return x
}

func defaultGroup(name string, kind GroupKind, licenses []string, members ...User) Group {
	g := Group{ID: stableID("group", name), DisplayName: name, Kind: kind, Licenses: licenses}
	for _, member := range members {
		g.Members = append(g.Members, member.ID)
	}
	return g
}

func defaultPolicy(kind, name string) Policy {
	return Policy{Type: kind, Name: name, ID: policyID(kind, name)}
}
