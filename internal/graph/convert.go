package graph

import "github.com/google/uuid"

// text reads an optional string of the SDK.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func yes(b *bool) bool { return b != nil && *b }

func count(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

func id(u *uuid.UUID) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func ids(us []uuid.UUID) []string {
	out := make([]string, len(us))
	for i, u := range us {
		out[i] = u.String()
	}
	return out
}

func ptr[T any](v T) *T { return &v }
