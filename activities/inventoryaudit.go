package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// AuditScope is one tenant's part of an audit.
type AuditScope struct {
	Tenant string `json:"tenant"`
	// Node leaves out the numbers and the users that are not at the node or below it; empty leaves nothing out.
	Node string `json:"node,omitempty"`
	// AddAt is the node where numbers belong that only Teams has (R92).
	AddAt string `json:"addAt"`
	// Whole takes in what belongs to the tenant and to none of its nodes: free numbers, and those of strangers.
	Whole bool `json:"whole,omitempty"`
}

// covers reports whether what stands at a node belongs to the scope.
func (s AuditScope) covers(node string) bool {
	return s.Node == "" || lifecycle.Covers(s.Node, node)
}

// AuditScopes are the parts of an audit of a node, or of everything: one for each tenant. An audit of a node at or below a
// tenant level adds numbers there, any other one at the tenant level (R92).
func (a *Activities) AuditScopes(ctx context.Context, ref string) ([]AuditScope, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	scopes := []AuditScope{}
	if ref == "" {
		for _, level := range cat.Tenants() {
			scopes = append(scopes, AuditScope{Tenant: level.TenantName(), AddAt: level.Path(), Whole: true})
		}
		return scopes, nil
	}
	node, err := cat.Node(ref)
	if err != nil {
		return nil, err
	}
	if level := node.Tenant(); level != nil {
		return append(scopes, AuditScope{Tenant: level.TenantName(), Node: node.Path(), AddAt: node.Path(), Whole: node == level}), nil
	}
	for _, level := range cat.Tenants() {
		if node.Covers(level) {
			scopes = append(scopes, AuditScope{Tenant: level.TenantName(), Node: node.Path(), AddAt: level.Path(), Whole: true})
		}
	}
	return scopes, nil
}

// AuditPosition is how far an audit of a tenant has come: first it goes through what Teams has, then through what the
// inventory has.
type AuditPosition struct {
	// Skip is how many of the numbers in Teams have been looked at.
	Skip int `json:"skip,omitempty"`
	// Inventory says that those have all been; Cursor is then where the inventory goes on.
	Inventory bool   `json:"inventory,omitempty"`
	Cursor    string `json:"cursor,omitempty"`
}

// AuditPage asks for a page of an audit.
type AuditPage struct {
	Scope    AuditScope    `json:"scope"`
	Position AuditPosition `json:"position"`
}

// AuditedPage is what was found on a page. Repairs are what would repair those findings that can be; Next is nil on the
// last page.
type AuditedPage struct {
	Findings []contract.NumberFinding `json:"findings"`
	Repairs  []store.Correction       `json:"repairs,omitempty"`
	Next     *AuditPosition           `json:"next,omitempty"`
}

// auditPage is how many numbers of the inventory are looked at before a page of an audit may end, and largestAuditPage how
// many findings end it then: with twice as many, the answer is still below what Temporal takes.
const (
	auditPage        = 1000
	largestAuditPage = 1000
)

// AuditNumbers compares a page of what Teams has with the inventory, or a part of the inventory with all that Teams has
// (R91). Numbers that a run holds are that run's and left alone. Nothing is changed.
func (a *Activities) AuditNumbers(ctx context.Context, in AuditPage) (AuditedPage, error) {
	client, err := a.client(in.Scope.Tenant)
	if err != nil {
		return AuditedPage{}, err
	}
	cat, err := a.catalog(ctx)
	if err != nil {
		return AuditedPage{}, err
	}
	audit := numberAudit{a, client, cat, in.Scope}
	var found []discrepancy
	var next *AuditPosition
	if in.Position.Inventory {
		found, next, err = audit.inventory(ctx, in.Position.Cursor)
	} else {
		found, next, err = audit.teams(ctx, in.Position.Skip)
	}
	if err != nil {
		return AuditedPage{}, err
	}
	page := AuditedPage{Findings: []contract.NumberFinding{}, Next: next}
	for _, d := range found {
		page.Findings = append(page.Findings, d.finding())
		if d.repair != nil {
			page.Repairs = append(page.Repairs, *d.repair)
		}
	}
	if next == nil {
		low, err := audit.low(ctx)
		if err != nil {
			return AuditedPage{}, err
		}
		page.Findings = append(page.Findings, low...)
	}
	return page, nil
}

// NumberRepairs are repairs that an audit may make.
type NumberRepairs struct {
	Tenant  string             `json:"tenant"`
	Repairs []store.Correction `json:"repairs"`
	contract.Actor
}

// RepairNumbers makes those repairs that still fit, and counts them. Nothing is ever deleted (R91).
func (a *Activities) RepairNumbers(ctx context.Context, in NumberRepairs) (int, error) {
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	return a.Store.CorrectNumbers(ctx, actor, in.Tenant, in.Repairs)
}

// numberAudit is the audit of one tenant.
type numberAudit struct {
	*Activities
	client *graph.Client
	cat    *catalog.Catalog
	AuditScope
}

// discrepancy is a finding with what repairs it; repair is nil where nothing is safe to do, and then fix is empty.
type discrepancy struct {
	number, message, fix string
	code                 contract.FindingCode
	repair               *store.Correction
}

func (d discrepancy) finding() contract.NumberFinding {
	return contract.NumberFinding{Number: &d.number, Code: d.code, Message: d.message, Fix: orNull(d.fix)}
}

// teams compares a page of what Teams has with the inventory. Teams is asked again after the inventory: what a run has
// brought to its end between the two is no finding.
func (a numberAudit) teams(ctx context.Context, skip int) ([]discrepancy, *AuditPosition, error) {
	page, next, err := a.client.ListNumberAssignments(ctx, skip)
	if err != nil {
		return nil, nil, err
	}
	numbers := make([]string, len(page))
	for i, n := range page {
		numbers[i] = n.Number
	}
	rows, err := a.numbersNamed(ctx, a.Tenant, numbers)
	if err != nil {
		return nil, nil, err
	}
	var found []discrepancy
	for _, n := range page {
		of, err := a.compare(ctx, n, rows)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, of...)
	}
	if len(found) > 0 {
		again, _, err := a.client.ListNumberAssignments(ctx, skip)
		if err != nil {
			return nil, nil, err
		}
		still := map[string]bool{}
		for _, n := range again {
			still[fact(n)] = true
		}
		gone := map[string]bool{}
		for _, n := range page {
			gone[n.Number] = !still[fact(n)]
		}
		found = slices.DeleteFunc(found, func(d discrepancy) bool { return gone[d.number] })
	}
	if next > 0 {
		return found, &AuditPosition{Skip: next}, nil
	}
	return found, &AuditPosition{Inventory: true}, nil
}

// fact is all that an audit compares of a number in Teams.
func fact(n graph.NumberAssignment) string {
	return strings.Join([]string{n.Number, n.TargetID, n.Status, n.Type, n.Activation}, "\x00")
}

// compare holds a number in Teams against the inventory's row, if there is one.
func (a numberAudit) compare(ctx context.Context, n graph.NumberAssignment, rows map[string]store.Number) ([]discrepancy, error) {
	row, known := rows[n.Number]
	if !known {
		return a.missing(ctx, n)
	}
	if row.HeldBy != "" || !a.covers(row.Node) {
		return nil, nil
	}
	var found []discrepancy
	report := func(code contract.FindingCode, message, fix string, repair *store.Correction) {
		if repair != nil {
			repair.Number, repair.Version = row.Number, row.Version
		}
		found = append(found, discrepancy{row.Number, message, fix, code, repair})
	}
	switch user, status := n.TargetID, service(n); {
	case user != "" && row.Beneath == lifecycle.Used && row.User.ID == user && row.User.UserPrincipalName != "": // as it is here
	case user != "":
		name, _, err := a.user(ctx, user)
		if err != nil {
			return nil, err
		}
		inUse := &store.Correction{InUse: &store.InUse{UserID: user}}
		switch {
		case row.Beneath != lifecycle.Used:
			report(contract.InUse, fmt.Sprintf("%s here, and in Teams used by %s", row.Beneath, name), "record that "+name+" has it", inUse)
		case row.User.ID != user:
			report(contract.WrongOwner, fmt.Sprintf("used by %s here, and by %s in Teams", called(row.User), name), "record that "+name+" has it", inUse)
		default:
			report(contract.OutsideHierarchy, "used by "+name+", whom the directory does not know", "", nil)
		}
	case status != "":
		report(contract.InUse, fmt.Sprintf("%s here, and %s in Teams, to nobody", row.Beneath, status), "", nil)
	case row.Beneath == lifecycle.Used:
		fix, repair := a.release(row)
		report(contract.NotInTeams, "used by "+called(row.User)+" here, and in Teams by nobody", fix, repair)
	}
	if slices.Contains(catalog.NumberTypes(), catalog.NumberType(n.Type)) && n.Type != row.Type {
		report(contract.TypeDiffers, fmt.Sprintf("of type %s here, and %s in Teams", row.Type, n.Type), "take over the type", &store.Correction{Facts: &store.Facts{Type: n.Type}})
	}
	if n.Activation != "" && n.Activation != row.Activation && (row.Activation != "" || n.Activation != activated) {
		report(contract.ActivationDiffers, fmt.Sprintf("%s here, and %s in Teams", cmp.Or(row.Activation, activated), n.Activation), "take over the activation state", &store.Correction{Facts: &store.Facts{Activation: n.Activation}})
	}
	return found, nil
}

// service is the status of a number in Teams that is in use and nobody's, as that of a conference bridge.
func service(n graph.NumberAssignment) string {
	if n.TargetID != "" || strings.EqualFold(n.Status, "unassigned") {
		return ""
	}
	return n.Status
}

// activated is the activation state of a number that works. It is not worth a word where the inventory has none yet.
const activated = "activated"

// missing says what becomes of a number that the inventory does not have. Somebody's number belongs to an audit of the
// user's node; a free one is the whole tenant's.
func (a numberAudit) missing(ctx context.Context, n graph.NumberAssignment) ([]discrepancy, error) {
	d := discrepancy{number: n.Number, code: contract.NotInInventory}
	d.repair = &store.Correction{Add: &store.NumberAdd{
		Tenant: a.Tenant, Number: n.Number, Node: a.AddAt, Type: n.Type, Vendor: microsoft, UserID: n.TargetID, Activation: n.Activation,
	}}
	if n.TargetID == "" {
		// What serves conferences or applications is no user's to have, and what is mastered on premises is not given from here.
		if !a.Whole || service(n) != "" || n.OnPremises() || !slices.Contains(n.Capabilities, "userAssignment") {
			return nil, nil
		}
		d.message, d.fix = "free in Teams, and not in the inventory", "add it to "+a.AddAt+" as available"
	} else {
		name, who, err := a.user(ctx, n.TargetID)
		switch {
		case err != nil:
			return nil, err
		case who == nil && !a.Whole:
			return nil, nil
		case who == nil:
			return []discrepancy{{number: n.Number, code: contract.OutsideHierarchy, message: "used in Teams by " + name + ", whom the directory does not know, and not in the inventory"}}, nil
		case !a.covers(who.Node):
			return nil, nil
		}
		d.message, d.fix = "used by "+name+" in Teams, and not in the inventory", "add it to "+a.AddAt+" as used by "+name
	}
	if plain, err := e164.Parse(n.Number); err != nil || plain != n.Number || !slices.Contains(catalog.NumberTypes(), catalog.NumberType(n.Type)) {
		d.fix, d.repair = "", nil
	}
	return []discrepancy{d}, nil
}

// user finds who has a number in Teams; nil when the directory does not know the user, whose name is then the id.
func (a numberAudit) user(ctx context.Context, id string) (string, *store.Subscriber, error) {
	who, known, err := a.Store.Subscriber(ctx, a.Tenant, id)
	if err != nil || !known {
		return id, nil, err
	}
	return who.UserPrincipalName, &who, nil
}

// called is a user by principal name, or by id where the directory knows none.
func called(user lifecycle.SubscriberRef) string { return cmp.Or(user.UserPrincipalName, user.ID) }

// release repairs a number that is used here only, as an offboarding would release it (R83).
func (a numberAudit) release(row store.Number) (fix string, repair *store.Correction) {
	if rule := a.cat.Cooling(row.Node); rule.Enabled {
		return fmt.Sprintf("release it to cooling for %d days", rule.Days), &store.Correction{NotInUse: &store.NotInUse{To: lifecycle.Cooling, CoolingDays: rule.Days}}
	}
	return "release it", &store.Correction{NotInUse: &store.NotInUse{To: lifecycle.Available}}
}

// inventory looks, from a cursor on, for numbers that should be in Teams and are not. What is missing there is looked for
// once more after the inventory was read, as in teams; a list that shifts between its pages can pass a number by.
func (a numberAudit) inventory(ctx context.Context, cursor string) ([]discrepancy, *AuditPosition, error) {
	inTeams := map[string]bool{}
	if err := eachAssignment(ctx, a.client, func(n graph.NumberAssignment) { inTeams[n.Number] = true }); err != nil {
		return nil, nil, err
	}
	var found []discrepancy
	var numbers []string
	for {
		rows, next, err := a.Store.ListNumbers(ctx, store.NumberFilter{Tenant: a.Tenant, Node: a.Node, Below: true, Limit: auditPage, Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			if inTeams[row.Number] || row.HeldBy != "" {
				continue
			}
			d := discrepancy{number: row.Number}
			switch {
			case row.Type != string(catalog.DirectRouting):
				d.code, d.message = contract.GoneFromTenant, fmt.Sprintf("%s here, and the tenant does not have this %s number any more", row.Beneath, row.Type)
			case row.Beneath == lifecycle.Used:
				d.code, d.message = contract.NotInTeams, "used by "+called(row.User)+" here, and not in Teams"
				d.fix, d.repair = a.release(row)
				d.repair.Number, d.repair.Version = row.Number, row.Version
			default:
				continue
			}
			found, numbers = append(found, d), append(numbers, row.Number)
		}
		cursor = next
		if cursor == "" || len(found) >= largestAuditPage {
			break
		}
	}
	back, err := assignments(ctx, a.client, numbers)
	if err != nil {
		return nil, nil, err
	}
	found = slices.DeleteFunc(found, func(d discrepancy) bool { _, ok := back[d.number]; return ok })
	if cursor == "" {
		return found, nil, nil
	}
	return found, &AuditPosition{Inventory: true, Cursor: cursor}, nil
}

// low finds the nodes that are low on numbers (R95).
func (a numberAudit) low(ctx context.Context) ([]contract.NumberFinding, error) {
	nodes, err := a.nodeNumbers(ctx, store.NumberFilter{Tenant: a.Tenant, Node: a.Node, Below: true})
	var found []contract.NumberFinding
	for _, n := range nodes {
		if n.Low {
			found = append(found, contract.NumberFinding{
				Code: contract.LowOnNumbers, Message: fmt.Sprintf("%s: %d of %d numbers are available, less than %d%%", n.Node, n.Available, n.Total, *n.Threshold),
			})
		}
	}
	return found, err
}
