package catalog

import (
	"slices"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// PermissionMode is what onboarding does when the permission for licenses is missing (O7).
type PermissionMode string

// The modes; Fail is the default.
const (
	Fail PermissionMode = "fail"
	Warn PermissionMode = "warn"
)

// Settings are the settings in force at a node: each is that of the nearest node at or above that has it.
type Settings struct {
	// NumberCooling is what becomes of a released number (R83). It is off and 30 days unless set.
	NumberCooling lifecycle.CoolingRule
	// OffboardingLicenses is what offboarding does with direct licenses unless the group says otherwise (R52, R54).
	OffboardingLicenses lifecycle.LicenseMode
	// RetainAtSite keeps offboarded users where they are (R59). It is off unless set.
	RetainAtSite bool
	// LicensePermissionMissing is Fail unless set (O7).
	LicensePermissionMissing PermissionMode
	// NumbersFollowUsers lets a move take the number along in the inventory. It is on unless set.
	NumbersFollowUsers bool
	Staging            Staging
	Sync               Sync
	// NumberThreshold is the percentage of available numbers below which the node is low on them (R95). It is 0, no
	// threshold, unless set.
	NumberThreshold int
	// Welcome allows users who are onboarded at the site to be welcomed (R13). It is off unless set.
	Welcome bool
}

// Staging is whether and how a run waits for a user whom Teams does not know yet (§3.6). It is off, every 240 minutes (R40)
// and 14 days unless set.
type Staging struct {
	Enabled bool
	// Interval is the time between two looks whether Teams knows the user, Bound the time after which the run gives up.
	Interval, Bound time.Duration
}

// Sync is what a sync does with the users of a tenant; the settings at the tenant level count.
type Sync struct {
	filter condition
	// RemovalThreshold is how many users who are gone are removed without asking (R111). It is 10 unless set.
	RemovalThreshold int
	// FlowThrough lets a sync place users by the rules and onboard those whose rule says so (R113). It is off unless set.
	FlowThrough bool
}

// Filter is the condition that lets users in, as written; empty lets in everybody.
func (s Sync) Filter() string { return s.filter.source }

// Admits reports whether the filter lets a user into the directory (R110). The error is a *lifecycle.Refusal
// "expression-error": a filter that cannot be evaluated says nothing about who is to go.
func (s Sync) Admits(user User) (bool, error) {
	if s.filter.source == "" {
		return true, nil
	}
	in, err := s.filter.holds(Scope{User: &user})
	if err != nil {
		return false, inTemplate(err, "setting", "sync.filter")
	}
	return in, nil
}

// setting is one row of the table of settings: key as in the file, the value where nobody sets it, how it is read.
type setting struct {
	key    string
	unset  any
	read   func(*parsing, spot) (any, bool)
	assign func(*Settings, any)
}

// settingTable is the table of domain.md §2.8 as far as it is built.
var settingTable = []setting{
	{"numberCooling.enabled", false, readBoolean, func(s *Settings, v any) { s.NumberCooling.Enabled = v.(bool) }},
	{"numberCooling.days", 30, readDays, func(s *Settings, v any) { s.NumberCooling.Days = v.(int) }},
	{"offboarding.licenses", lifecycle.Remove, readLicenseMode, func(s *Settings, v any) { s.OffboardingLicenses = v.(lifecycle.LicenseMode) }},
	{"retainAtSite", false, readBoolean, func(s *Settings, v any) { s.RetainAtSite = v.(bool) }},
	{"licensePermissionMissing", Fail, readPermissionMode, func(s *Settings, v any) { s.LicensePermissionMissing = v.(PermissionMode) }},
	{"numbersFollowUsers", true, readBoolean, func(s *Settings, v any) { s.NumbersFollowUsers = v.(bool) }},
	{"staging.enabled", false, readBoolean, func(s *Settings, v any) { s.Staging.Enabled = v.(bool) }},
	{"staging.intervalMinutes", 240, readMinutes, func(s *Settings, v any) { s.Staging.Interval = time.Duration(v.(int)) * time.Minute }},
	{"staging.days", 14, readDays, func(s *Settings, v any) { s.Staging.Bound = time.Duration(v.(int)) * 24 * time.Hour }},
	{"sync.filter", condition{}, readUserCondition, func(s *Settings, v any) { s.Sync.filter = v.(condition) }},
	{"sync.removalThreshold", 10, readUsers, func(s *Settings, v any) { s.Sync.RemovalThreshold = v.(int) }},
	{"sync.flowThrough", false, readBoolean, func(s *Settings, v any) { s.Sync.FlowThrough = v.(bool) }},
	{"numberThreshold.percent", 0, readPercent, func(s *Settings, v any) { s.NumberThreshold = v.(int) }},
	{"welcome", false, readBoolean, func(s *Settings, v any) { s.Welcome = v.(bool) }},
}

func readBoolean(p *parsing, s spot) (any, bool) { v, ok := p.boolean(s, true); return v, ok }

// readDays: R85 allows up to 999 days.
func readDays(p *parsing, s spot) (any, bool) { v, ok := p.integer(s, 1, 999); return v, ok }

// readMinutes: looking less often than once a day is no waiting.
func readMinutes(p *parsing, s spot) (any, bool) { v, ok := p.integer(s, 1, 24*60); return v, ok }

// readPercent: 0 takes a threshold of above back.
func readPercent(p *parsing, s spot) (any, bool) { v, ok := p.integer(s, 0, 100); return v, ok }

func readLicenseMode(p *parsing, s spot) (any, bool) {
	v, ok := choice(p.reader, s, true, lifecycle.Remove, lifecycle.Retain)
	return v, ok
}

func readPermissionMode(p *parsing, s spot) (any, bool) {
	v, ok := choice(p.reader, s, true, Fail, Warn)
	return v, ok
}

// readUsers is a number of users; 0 asks about every one.
func readUsers(p *parsing, s spot) (any, bool) { v, ok := p.integer(s, 0, 1_000_000); return v, ok }

func readUserCondition(p *parsing, s spot) (any, bool) {
	v, ok := p.condition(s, true, "user")
	return v, ok
}

// Settings are the settings in force at the node.
func (n *Node) Settings() Settings { return n.settings }

// SettingOrigin is the node whose value of the setting is in force here, nil where nobody sets it. Keys are those of
// SettingKeys.
func (n *Node) SettingOrigin(key string) *Node { return n.origins[key] }

// SettingKeys are the settings that exist, e.g. numberCooling.days, in the order in which they are shown.
func SettingKeys() []string {
	keys := make([]string, len(settingTable))
	for i, s := range settingTable {
		keys[i] = s.key
	}
	return keys
}

// unsetSettings are the settings where nobody sets anything.
func unsetSettings() Settings {
	var s Settings
	for _, row := range settingTable {
		row.assign(&s, row.unset)
	}
	return s
}

func (p *parsing) readSettings(fields map[string]spot, n *Node) {
	n.declared = map[string]Field[any]{}
	if s, ok := fields["settings"]; ok && s.kind != blank && s.kind != null {
		p.readSettingGroup(s, "", n)
	}
	if above := n.parent.Tenant(); above != nil && slices.ContainsFunc(SettingKeys(), func(key string) bool {
		return strings.HasPrefix(key, "sync.") && n.declared[key].state != Absent
	}) {
		p.at(fields["settings"], "a sync goes by the settings at its tenant level, %s; at %s below it nobody reads sync", above.path, n.path)
	}
	n.settings, n.origins = unsetSettings(), map[string]*Node{}
	for _, row := range settingTable {
		value, origin := n.inherited(row.key)
		if origin != nil {
			row.assign(&n.settings, value)
			n.origins[row.key] = origin
		}
	}
}

// inherited is the nearest value of a setting and the node that has it. A null ends the search: below it the setting is
// as if nobody had set it.
func (n *Node) inherited(key string) (any, *Node) {
	for ; n != nil; n = n.parent {
		switch f := n.declared[key]; f.state {
		case Given:
			return f.value, n
		case Cleared:
			return nil, nil
		}
	}
	return nil, nil
}

// readSettingGroup reads the settings whose keys begin with prefix, each group of the table as a mapping of its own.
func (p *parsing) readSettingGroup(s spot, prefix string, n *Node) {
	var accepted []string
	for _, row := range settingTable {
		if rest, ok := strings.CutPrefix(row.key, prefix); ok {
			first, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(accepted, first) {
				accepted = append(accepted, first)
			}
		}
	}
	fields, ok := p.mapping(s, accepted...)
	if !ok {
		return
	}
	for _, key := range accepted {
		at, ok := fields[key]
		if !ok {
			continue
		}
		row := slices.IndexFunc(settingTable, func(row setting) bool { return row.key == prefix+key })
		switch {
		case row >= 0:
			n.declared[prefix+key] = three(p.reader, at, true, func(s spot) (any, bool) { return settingTable[row].read(p, s) })
		case at.kind == null:
			for _, row := range settingTable {
				if strings.HasPrefix(row.key, prefix+key+".") {
					n.declared[row.key] = Clear[any]()
				}
			}
		default:
			p.readSettingGroup(at, prefix+key+".", n)
		}
	}
}
