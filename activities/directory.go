package activities

import (
	"context"
	"errors"
	"slices"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// SyncPageInput is where a sync stands in one tenant. Without a Round a new one begins, with everybody when Full.
type SyncPageInput struct {
	Tenant string `json:"tenant"`
	Page   string `json:"page,omitempty"`
	Round  int64  `json:"round,omitempty"`
	Full   bool   `json:"full,omitempty"`
}

// SyncedPage is what one page brought. On the last one Next is empty and Delta is where the next round begins.
type SyncedPage struct {
	Counts contract.TenantSync `json:"counts"`
	Round  int64               `json:"round,omitempty"`
	Next   string              `json:"next,omitempty"`
	Delta  string              `json:"delta,omitempty"`
}

// SyncPage reads one page of users, or of what changed among them, from Entra into the directory (R110). It waits for its
// turn while another sync of the tenant is under way. A link that Entra no longer accepts makes it begin again with
// everybody, and so does one that a tenant left behind at another address of Graph. Each attempt at a first page is a
// round of its own, so that what is left of an attempt that was given up can change nothing any more.
func (a *Activities) SyncPage(ctx context.Context, in SyncPageInput) (page SyncedPage, err error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return page, err
	}
	level, err := a.levelOf(ctx, in.Tenant)
	if err != nil {
		return page, err
	}
	rules := level.Settings().Sync
	round := store.SyncRound{Number: in.Round, Link: in.Page}
	defer func() {
		if isFinal(err) {
			// Nobody needs to wait for this round. Should that fail, the next sync waits a while.
			_ = a.Store.DropSync(ctx, in.Tenant, round.Number)
		}
	}()
	if in.Round == 0 {
		if round, err = a.beginSync(ctx, in, rules, in.Full); err != nil {
			return page, err
		}
	}
	changes, err := client.DeltaUsers(ctx, round.Link)
	if round.Link != "" && (is(err, graph.CodeDeltaExpired) || in.Round == 0 && is(err, graph.CodeForeignLink)) {
		if round, err = a.beginSync(ctx, in, rules, true); err != nil {
			return page, err
		}
		changes, err = client.DeltaUsers(ctx, "")
	}
	if err != nil {
		return page, err
	}
	stored, err := admitted(ctx, client, rules, changes)
	if err != nil {
		return page, err
	}
	home, err := a.home(ctx, in.Tenant)
	if err != nil {
		return page, err
	}
	result, err := a.Store.PutPage(ctx, in.Tenant, round.Number, home, stored)
	if err != nil {
		return page, err
	}
	return SyncedPage{
		Counts: contract.TenantSync{
			Tenant: in.Tenant, Seen: len(stored.Users) + len(stored.LeftOut), LeftOut: len(stored.LeftOut), Added: result.Added, Updated: result.Changed,
		},
		Round: round.Number, Next: changes.Next, Delta: changes.Delta,
	}, nil
}

func (a *Activities) beginSync(ctx context.Context, in SyncPageInput, rules catalog.Sync, full bool) (store.SyncRound, error) {
	round, err := a.Store.BeginSync(ctx, in.Tenant, store.SyncStart{RunID: runID(ctx), Filter: rules.Filter(), Full: full, Instead: in.Round})
	if refusal := (*lifecycle.Refusal)(nil); errors.As(err, &refusal) && refusal.Code == "sync-under-way" {
		return round, notYet(ctx, "%s", refusal.Message)
	}
	return round, err
}

// isFinal reports whether trying again cannot mend an error.
func isFinal(err error) bool {
	var f *fault.Error
	var refusal *lifecycle.Refusal
	return errors.As(err, &f) && !f.Kind.Retryable() || errors.As(err, &refusal)
}

func is(err error, code string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code
}

// admitted sorts a page by what the filter says. Users of whom Entra told only what changed are read whole.
func admitted(ctx context.Context, client *graph.Client, rules catalog.Sync, changes graph.UserChanges) (page store.SyncPage, err error) {
	page.Gone = changes.Removed
	records := changes.Users
	for _, id := range changes.Partial {
		record, err := client.User(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
			page.Gone = append(page.Gone, id)
		case err != nil:
			return page, err
		default:
			records = append(records, record)
		}
	}
	for _, r := range records {
		in, err := rules.Admits(catalog.UserOf(lifecycle.Snapshot{Person: r.Person, UsageLocation: r.UsageLocation}))
		switch {
		case err != nil:
			return page, err
		case in:
			page.Users = append(page.Users, synced(r))
		default:
			page.LeftOut = append(page.LeftOut, r.Person.ID)
		}
	}
	return page, nil
}

// SyncEnding is a round whose pages are all stored.
type SyncEnding struct {
	Tenant string `json:"tenant"`
	Round  int64  `json:"round"`
	// Delta is where the next round begins.
	Delta string `json:"delta,omitempty"`
	contract.Actor
}

// SyncEnded is what became of those who are gone, whether users are to be placed now, and the tenant level whose numbers are
// to be audited now; empty for none.
type SyncEnded struct {
	Counts      contract.TenantSync `json:"counts"`
	FlowThrough bool                `json:"flowThrough,omitempty"`
	AuditAt     string              `json:"auditAt,omitempty"`
}

// EndSync ends a round: who is gone is removed unless they are too many (R111).
func (a *Activities) EndSync(ctx context.Context, in SyncEnding) (SyncEnded, error) {
	level, err := a.levelOf(ctx, in.Tenant)
	if err != nil {
		return SyncEnded{}, err
	}
	rules := level.Settings().Sync
	end, err := a.Store.EndSync(ctx, actorOf(ctx, in.Actor), in.Tenant, in.Round, in.Delta, rules.RemovalThreshold)
	ended := SyncEnded{Counts: removals(in.Tenant, end), FlowThrough: rules.FlowThrough}
	if end.AuditDue {
		ended.AuditAt = level.Path()
	}
	return ended, err
}

// RemoveGone removes those who are gone although they are many, because somebody has approved it.
func (a *Activities) RemoveGone(ctx context.Context, in SyncEnding) (SyncEnded, error) {
	level, err := a.levelOf(ctx, in.Tenant)
	if err != nil {
		return SyncEnded{}, err
	}
	end, err := a.Store.RemoveGone(ctx, actorOf(ctx, in.Actor), in.Tenant, in.Round)
	ended := SyncEnded{Counts: removals(in.Tenant, end)}
	if end.AuditDue {
		ended.AuditAt = level.Path()
	}
	return ended, err
}

// NumberFindings is how many findings an audit of a tenant had.
type NumberFindings struct {
	Tenant   string `json:"tenant"`
	Findings int    `json:"findings"`
}

// RecordFindings keeps what the audit after a sync found, for the metrics.
func (a *Activities) RecordFindings(ctx context.Context, in NumberFindings) error {
	return a.Store.RecordFindings(ctx, in.Tenant, in.Findings)
}

func removals(tenant string, end store.SyncEnd) contract.TenantSync {
	return contract.TenantSync{Tenant: tenant, Removed: end.Removed, NumbersLeft: end.NumbersLeft, Busy: end.Busy, Held: end.Held, First: end.First}
}

// SyncUser reads one user from Entra into the directory, and with them those who had the same principal name here: they have
// another one by now, or are gone.
func (a *Activities) SyncUser(ctx context.Context, in UserInTenant) (SyncedPage, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return SyncedPage{}, err
	}
	record, err := client.User(ctx, in.User)
	if err != nil {
		return SyncedPage{}, unknownUser(err, in.User)
	}
	level, err := a.levelOf(ctx, in.Tenant)
	if err != nil {
		return SyncedPage{}, err
	}
	rules := level.Settings().Sync
	namesakes, err := a.Store.Namesakes(ctx, in.Tenant, record.Person.UserPrincipalName, record.Person.ID)
	if err != nil {
		return SyncedPage{}, err
	}
	page, err := admitted(ctx, client, rules, graph.UserChanges{Users: []graph.UserRecord{record}, Partial: namesakes})
	if err != nil {
		return SyncedPage{}, err
	}
	if slices.Contains(page.LeftOut, record.Person.ID) {
		return SyncedPage{}, &lifecycle.Refusal{
			Code: "filtered-out", Message: "the filter of " + level.Path() + " leaves " + record.Person.UserPrincipalName + " out: " + rules.Filter(),
			Hint: "change sync.filter in the catalog",
		}
	}
	home, err := a.home(ctx, in.Tenant)
	if err != nil {
		return SyncedPage{}, err
	}
	result, err := a.Store.PutSubscribers(ctx, in.Tenant, home.Node, home.Role, page.Users)
	if err != nil {
		return SyncedPage{}, err
	}
	err = a.Store.MarkGone(ctx, in.Tenant, page.Gone)
	return SyncedPage{Counts: contract.TenantSync{Tenant: in.Tenant, Seen: 1, Added: result.Added, Updated: result.Changed}}, err
}

func (a *Activities) levelOf(ctx context.Context, tenant string) (*catalog.Node, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return cat.Tenant(tenant)
}

// home is where new users of a tenant arrive.
func (a *Activities) home(ctx context.Context, tenant string) (home store.Home, err error) {
	home.Node, home.Role, err = a.tenantLevel(ctx, tenant)
	return home, err
}

// actorOf is who asked for an administrative change, in the run that makes it.
func actorOf(ctx context.Context, by contract.Actor) store.Actor {
	return store.Actor{By: by.RequestedBy, Reason: by.Reason, RunID: runID(ctx)}
}
