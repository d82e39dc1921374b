package lifecycle

import "strings"

// refuseOwn refuses to take away from whoever asks what they may need to repair it. Who asks is a principal name or a login
// name, in any case and with or without a domain before it; somebody of the same login name in another domain is refused,
// too, and can say so.
func (r Request) refuseOwn(p Person) *Refusal {
	if r.Yourself || !p.answersTo(r.RequestedBy) {
		return nil
	}
	return refusal("yourself", "let somebody else do it, or add --yourself if you mean it", "%s asks to %s themselves", r.RequestedBy, r.Operation)
}

// answersTo reports whether a name, as an operator goes by it, is this person's.
func (p Person) answersTo(name string) bool {
	name = strings.TrimSpace(name[strings.LastIndexByte(name, '\\')+1:])
	local, _, _ := strings.Cut(p.UserPrincipalName, "@")
	return name != "" && (strings.EqualFold(name, p.UserPrincipalName) || strings.EqualFold(name, local) || strings.EqualFold(name, p.ID))
}
