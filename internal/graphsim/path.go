package graphsim

import (
	"net/url"
	"slices"
	"strings"
)

// operationNames are the bound actions and functions that may be called by
// their qualified name.
var operationNames = []string{
	"assignLicense", "reprocessLicenseAssignment", "revokeSignInSessions", "delta", "getTeamsLicensingDetails",
	"assignNumber", "unassignNumber", "updateNumber", "assign", "unassign", "getPolicyId",
}

// splitPath brings an escaped path into its one normal form: the version, then
// decoded segments with keys as segments of their own and actions by their
// short names.
func splitPath(escaped string) (version string, segments []string) {
	for raw := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		segment, err := url.PathUnescape(raw)
		if err != nil {
			segment = raw
		}
		if version == "" {
			version = segment
			continue
		}
		segments = appendSegment(segments, segment)
	}
	return version, segments
}

func appendSegment(segments []string, segment string) []string {
	name, arguments, called := strings.Cut(segment, "(")
	if qualified := name[strings.LastIndexByte(name, '.')+1:]; len(qualified) < len(name) && slices.Contains(operationNames, qualified) &&
		(strings.HasPrefix(name, "microsoft.graph.") || strings.HasPrefix(name, "graph.")) {
		name = qualified
	}
	if !called {
		return append(segments, name)
	}
	inner, closed := strings.CutSuffix(arguments, ")")
	switch key, isKey := quotedKey(inner); {
	case !closed:
		return append(segments, name+"("+arguments)
	case inner == "":
		return append(segments, name)
	case isKey:
		return append(segments, name, key)
	default:
		return append(segments, name+"("+inner+")")
	}
}

// quotedKey reads 'x' with doubled quotes inside, and nothing else.
func quotedKey(s string) (string, bool) {
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	key := strings.ReplaceAll(inner, "''", "'")
	return key, !strings.Contains(strings.ReplaceAll(inner, "''", ""), "'")
}

// normalPath is how journal and faults name a request: /beta as /v1.0.
func normalPath(version string, segments []string) string {
	if version == "beta" {
		version = "v1.0"
	}
	if len(segments) == 0 {
		return "/" + version
	}
	return "/" + version + "/" + strings.Join(segments, "/")
}
