package command_test

import (
	"reflect"
	"testing"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// everythingNeeded needs every feature, for reasons of its own.
func everythingNeeded() (needs []lifecycle.FeatureNeed) {
	for _, f := range lifecycle.Features() {
		needs = append(needs, lifecycle.FeatureNeed{Feature: f, Because: "test of " + string(f)})
	}
	return needs
}

func TestDoctor(t *testing.T) {
	least := []string{
		"User.Read.All", "Organization.Read.All", "GroupMember.ReadWrite.All", "TeamsUserConfiguration.Read.All",
		"LicenseAssignment.ReadWrite.All", "TeamsTelephoneNumber.ReadWrite.All", "TeamsPolicyUserAssign.ReadWrite.All",
	}
	good := contract.TenantPermissions{Tenant: "contoso", PermissionCheck: lifecycle.CheckPermissions(everythingNeeded(), least)}
	lacking := contract.TenantPermissions{Tenant: "fabrikam", PermissionCheck: lifecycle.CheckPermissions(everythingNeeded(), []string{
		"Directory.Read.All", "User.ReadUpdate.All", "GroupMember.ReadWrite.All", "TeamsUserConfiguration.Read.All", "TeamsPolicyUserAssign.ReadWrite.All", "Mail.Read",
	})}
	silent := contract.TenantPermissions{
		Tenant: "litware", Problem: ptr("no worker that serves this tenant answered in time"),
		PermissionCheck: lifecycle.PermissionCheck{Features: []lifecycle.FeaturePermission{}, Excess: []string{}},
	}
	for _, row := range []struct {
		name    string
		tenants []contract.TenantPermissions
		exit    int
	}{
		{"doctor-good", []contract.TenantPermissions{good}, 0},
		{"doctor", []contract.TenantPermissions{good, lacking, silent}, 2},
		{"", []contract.TenantPermissions{lacking}, 2},
		{"", []contract.TenantPermissions{good, silent}, 2},
		{"", []contract.TenantPermissions{}, 0},
	} {
		want := contract.Permissions{Tenants: row.tenants}
		answers[contract.PermissionsRequest](t, contract.CheckPermissions, want)
		text := newSeat(t).tenure("doctor")
		text.exits(t, row.exit)
		if row.name != "" {
			golden(t, row.name, text.out)
		}
		r := newSeat(t).tenure("doctor", "-o", "json")
		r.exits(t, row.exit)
		if got := decode[contract.Permissions](t, r); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	newSeat(t).tenure("doctor", "contoso").exits(t, 3)
}
