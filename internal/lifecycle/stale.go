package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Since says what changed between a plan that somebody approved and the plan that would be carried out now, in words; it is
// empty when they are the same. Release dates are estimates until the release and do not count.
func (p Plan) Since(now Plan) []string {
	var changed []string
	differ := func(format string, args ...any) { changed = append(changed, fmt.Sprintf(format, args...)) }
	before, is := p.Before.lines(), now.Before.lines()
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if before[what] != is[what] {
			differ("%s: %s then, %s now", what, before[what], is[what])
		}
	}
	for _, planned := range p.Steps {
		if step, ok := now.Step(planned.Name); !ok || decision(planned) != decision(step) {
			differ("%s was to %s and would now %s", planned.Name, inWords(planned), inWords(step))
		}
	}
	if len(changed) == 0 && p.Digest != now.Digest {
		differ("something else that the plan looked at: the inventory, permissions, the account or its service records")
	}
	return changed
}

// lines is the state, each part as text.
func (st State) lines() map[string]string {
	value := func(v *string) string {
		if v == nil {
			return "none"
		}
		return *v
	}
	list := func(all []string) string {
		if len(all) == 0 {
			return "none"
		}
		return strings.Join(slices.Sorted(slices.Values(all)), ", ")
	}
	var licenses, policies []string
	for _, l := range st.Licenses {
		by := l.Assignment
		if l.Group != nil {
			by = *l.Group
		}
		licenses = append(licenses, l.SKU+" ("+by+")")
	}
	for kind, name := range st.Policies {
		policies = append(policies, kind+" = "+name)
	}
	return map[string]string{
		"the node": value(st.Node), "the role": value(st.Role), "the usage location": value(st.UsageLocation), "the numbers": list(st.Numbers),
		"Enterprise Voice": fmt.Sprint(st.EnterpriseVoice), "the licenses": list(licenses), "the groups": list(st.Groups), "the policies": list(policies),
	}
}

// decision is what a step decides, without the words for it and without estimates.
func decision(s PlannedStep) string {
	s.Summary, s.Change.Numbers = "", slices.Clone(s.Change.Numbers)
	for i := range s.Change.Numbers {
		s.Change.Numbers[i].CoolingUntil = ""
	}
	// Marshalling cannot fail: the type holds only strings, numbers, booleans, slices and structs of these.
	raw, _ := json.Marshal(s)
	return string(raw)
}

func inWords(s PlannedStep) string {
	switch s.Action {
	case Do:
		return s.Summary
	case LeaveAsIs:
		return "change nothing"
	case SkipBecause:
		return "be skipped (" + string(s.Reason) + ")"
	}
	return "not be there"
}
