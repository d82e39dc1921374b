package graphsim

// Settings are the delays and limits of the simulation.
type Settings struct {
	// LatencyMs delays every Graph answer, in real time.
	LatencyMs int `json:"latencyMs"`
	// ReadLagMs is the age of what reads of users, memberships, licenses,
	// numbers and Teams configurations see; 0 reads what was just written.
	ReadLagMs int `json:"readLagMs"`
	// TokenSeconds is the lifetime of tokens from /_sim/token.
	TokenSeconds int `json:"tokenSeconds"`
	// GroupLicensingDelayMs passes between a change of membership and the
	// change of inherited licenses.
	GroupLicensingDelayMs int `json:"groupLicensingDelayMs"`
	// NumberOperationMs is how long assigning or unassigning a number takes.
	NumberOperationMs int `json:"numberOperationMs"`
	// TeamsProvisioningMs passes between a change of the Teams license and
	// Teams knowing, or no longer knowing, the user.
	TeamsProvisioningMs int `json:"teamsProvisioningMs"`
	// Throttle limits requests. Nil is no limit.
	Throttle *Throttle `json:"throttle"`
}

// Throttle are token buckets: so much at once, refilled evenly over the window.
// Zero or less is no limit.
type Throttle struct {
	Writes        int `json:"writes"`
	WindowSeconds int `json:"windowSeconds"`
	// ResourceUnits is what requests may cost in 10 s: Microsoft's allowance is
	// 3,500, 5,000 or 8,000 by the size of the tenant.
	ResourceUnits int `json:"resourceUnits,omitempty"`
}

// DefaultSettings are the delays of a small, quick tenant.
func DefaultSettings() Settings {
	return Settings{
		TokenSeconds:          5,
		GroupLicensingDelayMs: 1500,
		NumberOperationMs:     300,
		TeamsProvisioningMs:   1500,
		Throttle:              &Throttle{Writes: 3000, WindowSeconds: 150},
	}
}

func (s Settings) clone() Settings {
	if s.Throttle != nil {
		throttle := *s.Throttle
		s.Throttle = &throttle
	}
	return s
}
