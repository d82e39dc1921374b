package output

import (
	"maps"
	"slices"
	"strings"

	"tenure/internal/lifecycle"
)

// labelColumns is the width of a label with its indentation.
const labelColumns = 20

// differences prints what two states do not have in common, one label a line, and names the rest at the end.
func (p Paper) differences(before, after lifecycle.State) {
	var same []string
	show := func(label string, changes []string) {
		if len(changes) == 0 {
			same = append(same, label)
			return
		}
		for i, change := range changes {
			name := label
			if i > 0 {
				name = ""
			}
			p.hanging(pad("  "+name, labelColumns), labelColumns, change, p.paintChange(change))
		}
	}
	show("node", replaced(OrNone(before.Node), OrNone(after.Node)))
	show("role", replaced(OrNone(before.Role), OrNone(after.Role)))
	show("usage location", replaced(OrNone(before.UsageLocation), OrNone(after.UsageLocation)))
	show("numbers", members(before.Numbers, after.Numbers))
	show("enterprise voice", replaced(onOff(before.EnterpriseVoice), onOff(after.EnterpriseVoice)))
	show("licenses", members(licenses(before.Licenses), licenses(after.Licenses)))
	show("groups", members(before.Groups, after.Groups))
	show("policies", policies(before.Policies, after.Policies))
	if len(same) > 0 {
		p.hanging(pad("  unchanged", labelColumns), labelColumns, strings.Join(same, ", "), p.Dim)
	}
}

func (p Paper) paintChange(change string) func(string) string {
	switch {
	case strings.HasPrefix(change, "- "):
		return p.Red
	case strings.HasPrefix(change, "+ "):
		return p.Green
	default:
		return p.Yellow
	}
}

func replaced(before, after string) []string {
	if before == after {
		return nil
	}
	return []string{before + " → " + after}
}

func members(before, after []string) (changes []string) {
	for _, name := range before {
		if !slices.Contains(after, name) {
			changes = append(changes, "- "+name)
		}
	}
	for _, name := range after {
		if !slices.Contains(before, name) {
			changes = append(changes, "+ "+name)
		}
	}
	return changes
}

func policies(before, after map[string]string) (changes []string) {
	kinds := maps.Clone(before)
	if kinds == nil {
		kinds = map[string]string{}
	}
	maps.Copy(kinds, after)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		was, is := before[kind], after[kind]
		for _, change := range replaced(OrNone(&was), OrNone(&is)) {
			changes = append(changes, kind+": "+change)
		}
	}
	return changes
}

func licenses(list []lifecycle.LicenseState) []string {
	names := make([]string, len(list))
	for i, l := range list {
		names[i] = License(l.SKU, l.Assignment, l.Group)
	}
	return names
}

// License is a license with how it is assigned.
func License(sku, assignment string, group *string) string {
	if group != nil {
		return sku + " (group " + *group + ")"
	}
	return sku + " (" + assignment + ")"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
