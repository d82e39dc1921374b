package graphsim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// writable is a property that PATCH can set, with the permissions that allow
// it and how the value is read. A nil edit refuses the value.
type writable struct {
	allowed []string
	// synced says whether the property is mastered on-premises for a synced user.
	synced func(*person) bool
	read   func(raw json.RawMessage) (edit func(*person), ok bool)
}

func mastered(*person) bool { return true }

var writableProperties = func() map[string]writable {
	known := map[string]writable{
		"usageLocation": {
			allowed: writeLocation,
			synced:  func(p *person) bool { return p.usageLocationSynced },
			read: func(raw json.RawMessage) (func(*person), bool) {
				var value string
				if json.Unmarshal(raw, &value) != nil || !isCountry(value) {
					return nil, false
				}
				return func(p *person) { p.usageLocation = value }, true
			},
		},
		"accountEnabled": {
			allowed: blockUsers,
			synced:  mastered,
			read: func(raw json.RawMessage) (func(*person), bool) {
				var value *bool
				if json.Unmarshal(raw, &value) != nil || value == nil {
					return nil, false
				}
				return func(p *person) { p.enabled = *value }, true
			},
		},
		"businessPhones": {
			allowed: writeUsers,
			synced:  mastered,
			read: func(raw json.RawMessage) (func(*person), bool) {
				var value []string
				if json.Unmarshal(raw, &value) != nil || value == nil || len(value) > 1 {
					return nil, false
				}
				return func(p *person) { p.businessPhones = value }, true
			},
		},
	}
	plain := map[string]func(*person, string){
		"displayName": func(p *person, v string) { p.displayName = v },
		"givenName":   func(p *person, v string) { p.givenName = v },
		"surname":     func(p *person, v string) { p.surname = v },
		"city":        func(p *person, v string) { p.city = v },
		"department":  func(p *person, v string) { p.department = v },
	}
	for _, name := range attributeNames {
		plain[name] = func(p *person, v string) {
			p.attributes = maps.Clone(p.attributes)
			if p.attributes == nil {
				p.attributes = map[string]string{}
			}
			p.attributes[name] = v
		}
	}
	for name, set := range plain {
		known[name] = writable{
			allowed: writeProfile,
			synced:  mastered,
			read: func(raw json.RawMessage) (func(*person), bool) {
				var value *string
				if json.Unmarshal(raw, &value) != nil || name == "displayName" && (value == nil || *value == "") {
					return nil, false
				}
				return func(p *person) {
					if value == nil {
						set(p, "")
					} else {
						set(p, *value)
					}
				}, true
			},
		}
	}
	return known
}()

func (d *directory) patchUser(c *call) (reply, error) {
	var given map[string]json.RawMessage
	if err := c.decode(&given); err != nil {
		return reply{}, err
	}
	maps.DeleteFunc(given, func(name string, _ json.RawMessage) bool { return strings.HasPrefix(name, "@odata.") })
	done := reply{status: http.StatusNoContent}
	a := d.lookup(c.args[0])
	// The service reports success for the usage location that is already set,
	// whatever the application may do.
	if raw, ok := given["usageLocation"]; ok && len(given) == 1 && a != nil {
		var value string
		if json.Unmarshal(raw, &value) == nil && value != "" && value == a.latest.usageLocation {
			return done, nil
		}
	}
	names := slices.Sorted(maps.Keys(given))
	for _, name := range names {
		if property, ok := writableProperties[name]; ok && !holdsAny(c.roles, property.allowed...) {
			return reply{}, denied()
		}
	}
	if len(names) == 0 && !holdsAny(c.roles, slices.Concat(writeLocation, blockUsers)...) {
		return reply{}, denied()
	}
	if a == nil {
		return reply{}, notFound(c.args[0])
	}
	var edits []func(*person)
	for _, name := range names {
		property, ok := writableProperties[name]
		if !ok {
			if _, known := userProperties.find(name); known || slices.Contains(singleOnly, name) {
				return reply{}, notModelled("PATCH of the property %s of a user", name)
			}
			return reply{}, badRequest("The property '%s' does not exist on type 'microsoft.graph.user'.", name)
		}
		if a.latest.synced != nil && *a.latest.synced && property.synced(a.latest) {
			return reply{}, badRequest(onPremisesMastered)
		}
		edit, ok := property.read(given[name])
		if !ok {
			return reply{}, badRequest("Invalid value specified for property '%s' of resource 'User'.", name)
		}
		edits = append(edits, edit)
	}
	if len(edits) > 0 {
		d.change(a, c.now, func(p *person) {
			for _, edit := range edits {
				edit(p)
			}
		})
	}
	return done, nil
}
