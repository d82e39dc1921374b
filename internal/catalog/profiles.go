package catalog

import (
	"fmt"

	"tenure/internal/e164"
	"tenure/internal/lifecycle"
)

// The words for a number that stand beside a number itself.
const (
	// NextNumber takes the next available number that the site can see.
	NextNumber = "next"
	// NoNumber gives none.
	NoNumber = "none"
)

// Profile is a "subscriber from profile" (R130): a quick add group with a number and a role.
type Profile struct {
	Name          string
	QuickAddGroup *QuickAddGroup
	// Number is NextNumber, NoNumber, a plain E.164 number, or empty where the profile does not say.
	Number string
	// Role is the role that the profile gives, or empty.
	Role string
}

// Profiles are all profiles in the order of the file.
func (c *Catalog) Profiles() []*Profile { return append([]*Profile(nil), c.profiles...) }

// Profile finds a profile by name. The error is a *lifecycle.Refusal "unknown-profile".
func (c *Catalog) Profile(name string) (*Profile, error) {
	profile, ok := find(c.profiles, name, profileName)
	if !ok {
		names := namesOf(c.profiles, profileName)
		return nil, &lifecycle.Refusal{
			Code: "unknown-profile", Invalid: true,
			Message: fmt.Sprintf("the catalog has no profile %q%s", name, meant(name, names)),
			Hint:    "profiles: " + listed(names),
		}
	}
	return profile, nil
}

func profileName(p *Profile) string { return p.Name }

func (p *parsing) readProfiles(items []spot) {
	names := named{}
	for _, s := range items {
		fields, ok := p.mapping(s, "name", "quickAddGroup", "number", "role")
		if !ok {
			continue
		}
		p.need(s, fields, "name", "quickAddGroup")
		profile := &Profile{}
		at, has := fields["name"]
		if name, ok := p.name(at, has); ok && names.claim(p.reader, at, name, "profile") {
			profile.Name = name
		}
		at, has = fields["quickAddGroup"]
		if name, ok := p.text(at, has); ok {
			g, known := find(p.c.groups, name, groupName)
			if !known {
				all := namesOf(p.c.groups, groupName)
				p.at(at, "there is no quick add group %q%s; known: %s", name, meant(name, all), listed(all))
			}
			profile.QuickAddGroup = g
		}
		at, has = fields["number"]
		profile.Number = p.number(at, has)
		at, has = fields["role"]
		profile.Role = p.role(at, has)
		p.c.profiles = append(p.c.profiles, profile)
	}
}

// number reads next, none or a telephone number; YAML takes an unquoted number for an integer.
func (p *parsing) number(s spot, ok bool) string {
	if !ok {
		return ""
	}
	if s.kind != text && s.kind != integer {
		p.at(s, "%s; accepted: next, none, or a number like +442079460000", s.is())
		return ""
	}
	if s.text == NextNumber || s.text == NoNumber {
		return s.text
	}
	number, err := e164.Parse(s.text)
	if err != nil {
		p.at(s, "%s; accepted: next, none, or a number like +442079460000", err)
	}
	return number
}
