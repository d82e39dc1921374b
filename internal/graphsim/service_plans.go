package graphsim

import "strings"

// The service plans whose presence changes what Teams does.
const (
	planTeams = "TEAMS1"
	planPhone = "MCOEV"
)

// planNeeds are the service plans that one depends on. A rule counts only in a
// tenant with a SKU that could satisfy it.
var planNeeds = map[string][]string{
	"MCOEV":      {"MCOSTANDARD"},
	"MCOMEETADV": {"MCOSTANDARD"},
	"MCOPSTN1":   {"MCOEV"},
	"MCOPSTN2":   {"MCOEV"},
}

// planExclusions are the pairs that nobody can hold together.
var planExclusions = [][2]string{
	{"EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE"},
	{"SHAREPOINTSTANDARD", "SHAREPOINTENTERPRISE"},
	{"MCOPSTN1", "MCOPSTN2"},
}

// Microsoft's ids, which are the same in every tenant.
var (
	skuIDs = map[string]string{
		"SPE_E5":           "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
		"SPE_E3":           "05e9a617-0261-4cee-bb44-138d3ef5d965",
		"ENTERPRISEPACK":   "6fd2c87f-b296-42f0-b197-1e91e994b900",
		"MCOEV":            "e43b5b99-8dfb-405f-9987-dc307f34bcbd",
		"MCOMEETADV":       "0c266dff-15dd-4b49-8397-2bb16070ed52",
		"MCOPSTN1":         "0dab259f-bf13-4952-b7f8-7db8f131b28d",
		"MCOPSTN2":         "d3b4fe1f-9992-4930-8acb-ca6ec609365e",
		"EXCHANGESTANDARD": "4b9405b0-7788-4568-add1-99614e613b69",
	}
	planIDsByName = map[string]string{
		"TEAMS1":                "57ff2da0-773e-42df-b2af-ffb7a2317929",
		"MCOSTANDARD":           "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
		"MCOEV":                 "4828c8ec-dc2e-4779-b502-87ac9ce28ab7",
		"MCOMEETADV":            "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40",
		"MCOPSTN1":              "4ed3ff63-69d7-4fb7-b984-5aec7f605ca8",
		"MCOPSTN2":              "5a10155d-f5c1-411a-a8ec-e99aae125390",
		"EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
		"EXCHANGE_S_STANDARD":   "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
		"SHAREPOINTENTERPRISE":  "5dbe027f-2339-4123-9542-606e4d348a72",
		"SHAREPOINTWAC":         "e95bec33-7c88-4a70-8e19-b10bd9d0c014",
		"OFFICESUBSCRIPTION":    "43de0ff5-c92c-492b-9116-175376d08c38",
		"INTUNE_A":              "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
		"AAD_PREMIUM":           "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
		"AAD_PREMIUM_P2":        "eec0eb4f-6444-4f95-aba0-50c24d67f998",
		"YAMMER_ENTERPRISE":     "7547a3fe-08ee-4ccb-b430-5077c5041653",
		"RMS_S_ENTERPRISE":      "bea4c11e-220a-4e6d-8eb8-8ea15d019f90",
		"BI_AZURE_P2":           "70d33638-9c74-4d01-bfd3-562de28bd4ba",
	}
)

func wellKnownSKU(partNumber string) string { return skuIDs[strings.ToUpper(partNumber)] }
func wellKnownPlan(name string) string      { return planIDsByName[strings.ToUpper(name)] }

func wellKnownPlanName(id string) string {
	for name, known := range planIDsByName {
		if strings.EqualFold(known, id) {
			return name
		}
	}
	return ""
}

// serviceOf is the service behind a plan, by the name that Microsoft's
// directory gives it.
func serviceOf(planName string) string {
	switch {
	case planName == planTeams:
		return "TeamspaceAPI"
	case strings.HasPrefix(planName, "MCO"):
		return "MicrosoftCommunicationsOnline"
	case strings.HasPrefix(planName, "EXCHANGE"):
		return "exchange"
	case strings.HasPrefix(planName, "SHAREPOINT"):
		return "SharePoint"
	case strings.HasPrefix(planName, "OFFICE"):
		return "MicrosoftOffice"
	case strings.HasPrefix(planName, "AAD"):
		return "AADPremiumService"
	case strings.HasPrefix(planName, "INTUNE"):
		return "SCO"
	case strings.HasPrefix(planName, "YAMMER"):
		return "YammerEnterprise"
	case strings.HasPrefix(planName, "RMS"):
		return "RMSOnline"
	case strings.HasPrefix(planName, "BI_"):
		return "PowerBI"
	}
	return planName
}
