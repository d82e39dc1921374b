package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

func hierarchy(settings map[string]string) string {
	of := func(name string) string {
		if s := settings[name]; s != "" {
			return ", settings: " + s
		}
		return ""
	}
	return "apiVersion: tenure/v1\n" +
		"hierarchy: {name: p, level: provider" + of("p") + ", children: [{name: c, level: customer, tenant: t" + of("c") +
		", children: [{name: i, level: intermediate" + of("i") + ", children: [{name: s, level: site" + of("s") + "}]}]}]}\n"
}

func TestSettingsAreInherited(t *testing.T) {
	unset := catalog.Settings{
		NumberCooling:            lifecycle.CoolingRule{Enabled: false, Days: 30},
		OffboardingLicenses:      lifecycle.Remove,
		RetainAtSite:             false,
		LicensePermissionMissing: catalog.Fail,
		NumbersFollowUsers:       true,
		Staging:                  catalog.Staging{Enabled: false, Interval: 4 * time.Hour, Bound: 14 * 24 * time.Hour},
		Sync:                     catalog.Sync{RemovalThreshold: 10},
	}
	for name, test := range map[string]struct {
		settings map[string]string
		at       string
		want     func(*catalog.Settings)
	}{
		"nobody sets anything": {nil, "s", func(*catalog.Settings) {}},
		"the site's own value wins": {
			map[string]string{"c": "{retainAtSite: true}", "s": "{retainAtSite: false}"}, "s", func(*catalog.Settings) {},
		},
		"the nearest ancestor wins": {
			map[string]string{"p": "{numberCooling: {days: 5}}", "c": "{numberCooling: {days: 6}}", "i": "{numberCooling: {days: 7}}"}, "s",
			func(s *catalog.Settings) { s.NumberCooling.Days = 7 },
		},
		"cooling: each field on its own": {
			map[string]string{"c": "{numberCooling: {enabled: true, days: 6}}", "s": "{numberCooling: {enabled: false}}"}, "s",
			func(s *catalog.Settings) { s.NumberCooling.Days = 6 },
		},
		"cooling: switched on below, days from above": {
			map[string]string{"p": "{numberCooling: {days: 9}}", "s": "{numberCooling: {enabled: true}}"}, "s",
			func(s *catalog.Settings) { s.NumberCooling = lifecycle.CoolingRule{Enabled: true, Days: 9} },
		},
		"a value below says nothing above": {
			map[string]string{"s": "{retainAtSite: true}"}, "i", func(*catalog.Settings) {},
		},
		"all of them, from the top": {
			map[string]string{"p": "{numberCooling: {enabled: true, days: 999}, offboarding: {licenses: retain}, retainAtSite: true, licensePermissionMissing: warn, numbersFollowUsers: false, staging: {enabled: true, intervalMinutes: 5, days: 2}, sync: {removalThreshold: 0, flowThrough: true}, numberThreshold: {percent: 15}, welcome: true}"}, "s",
			func(s *catalog.Settings) {
				*s = catalog.Settings{
					lifecycle.CoolingRule{Enabled: true, Days: 999}, lifecycle.Retain, true, catalog.Warn, false,
					catalog.Staging{Enabled: true, Interval: 5 * time.Minute, Bound: 48 * time.Hour},
					catalog.Sync{RemovalThreshold: 0, FlowThrough: true}, 15, true,
				}
			},
		},
		"staging: each field on its own": {
			map[string]string{"p": "{staging: {intervalMinutes: 7, days: 3}}", "c": "{staging: {enabled: true, days: 5}}", "s": "{staging: {days: null}}"}, "s",
			func(s *catalog.Settings) {
				s.Staging = catalog.Staging{Enabled: true, Interval: 7 * time.Minute, Bound: 14 * 24 * time.Hour}
			},
		},
		"staging: off at the site": {
			map[string]string{"c": "{staging: {enabled: true}}", "s": "{staging: {enabled: false}}"}, "s", func(*catalog.Settings) {},
		},
		"threshold: of above, and taken back": {
			map[string]string{"p": "{numberThreshold: {percent: 10}}", "i": "{numberThreshold: {percent: 0}}"}, "c",
			func(s *catalog.Settings) { s.NumberThreshold = 10 },
		},
		"threshold: none at the site": {
			map[string]string{"p": "{numberThreshold: {percent: 10}}", "i": "{numberThreshold: {percent: 0}}"}, "s", func(*catalog.Settings) {},
		},
		"null ends the inheritance": {
			map[string]string{"p": "{retainAtSite: true, numberCooling: {enabled: true, days: 5}}", "i": "{retainAtSite: null, numberCooling: null}"}, "s",
			func(*catalog.Settings) {},
		},
		"null of one field leaves the other": {
			map[string]string{"p": "{numberCooling: {enabled: true, days: 5}}", "i": "{numberCooling: {days: null}}"}, "s",
			func(s *catalog.Settings) { s.NumberCooling.Enabled = true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := unset
			test.want(&want)
			c := parse(t, hierarchy(test.settings))
			assert.Equal(t, want, node(t, c, test.at).Settings())
		})
	}
}

func TestSyncFilter_R110(t *testing.T) {
	c := parse(t, hierarchy(map[string]string{"p": `{sync: {filter: 'user.userType == "Member" && user.usageLocation != "XX"'}}`}))
	sync := node(t, c, "c").Settings().Sync
	assert.Equal(t, `user.userType == "Member" && user.usageLocation != "XX"`, sync.Filter())
	for _, test := range []struct {
		user catalog.User
		in   bool
	}{{catalog.User{UserType: "Member"}, true}, {catalog.User{UserType: "Guest"}, false}, {catalog.User{UserType: "Member", UsageLocation: "XX"}, false}} {
		in, err := sync.Admits(test.user)
		require.NoError(t, err)
		assert.Equal(t, test.in, in)
	}
	shown, err := c.Show("nodes", "c")
	require.NoError(t, err)
	assert.Equal(t, catalog.View{"value": sync.Filter(), "from": "p"}, shown.(catalog.View)["settings"].(catalog.View)["sync.filter"])

	none := node(t, parse(t, hierarchy(map[string]string{"p": `{sync: {filter: 'false'}}`, "c": "{sync: {filter: null}}"})), "c").Settings().Sync
	in, err := none.Admits(catalog.User{})
	require.NoError(t, err)
	assert.True(t, in, "no filter lets in everybody")
	assert.Empty(t, none.Filter())

	differences := catalog.Diff(c, parse(t, hierarchy(map[string]string{"p": `{sync: {filter: 'user.accountEnabled'}}`})))
	require.Len(t, differences, 1)
	assert.Contains(t, differences[0].Detail, "user.accountEnabled")

	ten := "[0,1,2,3,4,5,6,7,8,9]"
	dear := "!" + ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + ".all(e, a + b + c + d + e >= 0 || user.city == 'x')))))"
	_, err = node(t, parse(t, hierarchy(map[string]string{"c": `{sync: {filter: "` + dear + `"}}`})), "c").Settings().Sync.Admits(catalog.User{})
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal, "a filter that fails lets nobody in or out")
	assert.Equal(t, "expression-error", refusal.Code)
}

func TestSettingOrigin(t *testing.T) {
	c := parse(t, read(t, contract))
	paris := node(t, c, "paris")
	assert.Equal(t, "acme/contoso/emea/paris", paris.SettingOrigin("numberCooling.enabled").Path())
	assert.Equal(t, "acme/contoso", paris.SettingOrigin("numberCooling.days").Path())
	assert.Nil(t, c.Root().SettingOrigin("retainAtSite"))
	assert.Contains(t, catalog.SettingKeys(), "offboarding.licenses")
}

// R83: the rule at the number's own node decides.
func TestCooling_R83(t *testing.T) {
	c := parse(t, read(t, contract))
	for path, want := range map[string]lifecycle.CoolingRule{
		"acme/contoso/emea/london":      {Enabled: true, Days: 30},
		"acme/contoso/emea/paris":       {Enabled: false, Days: 30},
		"acme/contoso/emea/paris/floor": {Enabled: false, Days: 30}, // gone from the catalog: the node above decides
		"acme":                          {Enabled: false, Days: 30},
		"elsewhere":                     {Enabled: false, Days: 30},
		"":                              {Enabled: false, Days: 30},
	} {
		assert.Equal(t, want, c.Cooling(path), path)
	}
}

func TestDefaultsAreInheritedFieldByField_R11(t *testing.T) {
	c := parse(t, edited(t,
		"level: intermediate\n", "level: intermediate\n          defaults: {usageLocation: DE, policies: {TeamsCallingPolicy: AllOn, TenantDialPlan: EU}}\n",
		"usageLocation: FR\n", "usageLocation: null\n", "TenantDialPlan: FR-Dialplan", "TenantDialPlan: null"))
	state := func(name, policy string) (catalog.FieldState, string) {
		f := node(t, c, name).Defaults().Policies[policy]
		v, _ := f.Value()
		return f.State(), v
	}
	location, _ := node(t, c, "london").Defaults().UsageLocation.Value()
	assert.Equal(t, "GB", location)
	assert.Equal(t, catalog.Cleared, node(t, c, "paris").Defaults().UsageLocation.State())

	s, v := state("london", "TeamsCallingPolicy")
	assert.Equal(t, "AllOn", v)
	assert.Equal(t, catalog.Given, s)
	_, v = state("london", "TenantDialPlan")
	assert.Equal(t, "UK-Dialplan", v)
	s, _ = state("paris", "TenantDialPlan")
	assert.Equal(t, catalog.Cleared, s)
	s, _ = state("newyork", "TeamsCallingPolicy")
	assert.Equal(t, catalog.Absent, s)
}
