package watch

import (
	"time"

	"tenure/internal/lifecycle"
)

// changes remembers the steps that were shown and tells which ones are new or different.
type changes struct {
	seen map[lifecycle.StepName]stamp
}

// stamp is what makes a step different to somebody who watches.
type stamp struct {
	outcome        lifecycle.Outcome
	reason         lifecycle.Reason
	summary, error string
	started        bool
}

func (c *changes) since(steps []lifecycle.Step) []lifecycle.Step {
	if c.seen == nil {
		c.seen = map[lifecycle.StepName]stamp{}
	}
	var changed []lifecycle.Step
	for _, s := range steps {
		now := stamp{s.Outcome, s.Reason, s.Summary, s.Error, s.StartedAt != nil}
		before, known := c.seen[s.Name]
		c.seen[s.Name] = now
		untouched := s.Outcome == lifecycle.Pending && s.StartedAt == nil
		if (known && before != now) || (!known && !untouched) {
			changed = append(changed, s)
		}
	}
	return changed
}

// at is the moment of a step's last change as the run recorded it, or now.
func at(step lifecycle.Step, now time.Time) time.Time {
	switch {
	case step.ClosedAt != nil:
		return step.ClosedAt.UTC()
	case step.StartedAt != nil && step.Outcome == lifecycle.Pending:
		return step.StartedAt.UTC()
	default:
		return now.UTC()
	}
}
