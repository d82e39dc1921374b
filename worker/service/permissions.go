package service

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"tenure/activities"
	"tenure/internal/lifecycle"
)

// permissionsBound is how long a tenant may take to say what it grants; nothing waits for it.
const permissionsBound = 30 * time.Second

// warnOfPermissions logs, once at the start, what each tenant does not grant of what the catalog in force needs, and what
// it grants in excess. `tenure doctor` shows the same table.
func (s *Service) warnOfPermissions(ctx context.Context) {
	for _, t := range s.settings.Tenants {
		warnOfPermissions(ctx, s.acts, s.log.With(zap.String("tenant", t.Name)), t.Name)
	}
}

func warnOfPermissions(ctx context.Context, acts *activities.Activities, log *zap.Logger, tenant string) {
	ctx, cancel := context.WithTimeout(ctx, permissionsBound)
	defer cancel()
	check, err := acts.CheckPermissions(ctx, tenant)
	var refusal *lifecycle.Refusal
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return
	case errors.As(err, &refusal):
		log.Info("the permissions were not looked at: " + refusal.Message)
		return
	case err != nil:
		log.Warn("the permissions could not be looked at", zap.Error(err))
		return
	}
	for _, f := range check.Missing() {
		fields := []zap.Field{
			zap.String("feature", string(f.Feature)), zap.String("permission", f.Accepted[0]),
			zap.Strings("orAnyOf", f.Accepted[1:]), zap.String("neededBy", f.Because),
		}
		if f.Advice != nil {
			fields = append(fields, zap.String("otherwise", *f.Advice))
		}
		log.Warn("permission missing: the application may not "+f.Purpose, fields...)
	}
	if len(check.Excess) > 0 {
		log.Info("permissions granted that nothing needs: " + strings.Join(check.Excess, ", "))
	}
}
