package graphsim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	numberTypes          = []string{"directRouting", "callingPlan", "operatorConnect"}
	assignmentCategories = []string{"primary", "private", "alternate"}
	e164                 = regexp.MustCompile(`^\+?[1-9][0-9]{6,14}$`)
)

// line is one telephone number of the tenant.
type line struct {
	id, number, numberType, source, operatorID string
	capabilities                               []string
	latest                                     *holding
}

// holding is one version of what changes about a number; it is never changed
// once published.
type holding struct {
	holder        *account
	category      string
	activation    string
	locationID    string
	networkSiteID string
	lookup        []string
	at            time.Time
	previous      *holding
}

func (l *line) asOf(t time.Time) *holding {
	version := l.latest
	for version.previous != nil && version.at.After(t) {
		version = version.previous
	}
	return version
}

func (d *directory) changeLine(l *line, at time.Time, edit func(*holding)) {
	next := *l.latest
	edit(&next)
	next.at, next.previous = at, nil
	if lag := d.settings().ReadLagMs; lag > 0 {
		next.previous = l.latest
		horizon := at.Add(-time.Duration(lag) * time.Millisecond)
		for version := l.latest; version != nil; version = version.previous {
			if !version.at.After(horizon) {
				version.previous = nil
			}
		}
	}
	l.latest = &next
}

// numberKey is a number without its plus sign: Teams takes it either way.
func numberKey(number string) string { return strings.TrimPrefix(number, "+") }

// heldLine is a number as a reader sees it.
type heldLine struct {
	*line
	*holding
}

var numberProperties = newProperties("microsoft.graph.teamsAdministration.numberAssignment",
	property[heldLine]{"id", true, func(n heldLine) any { return n.id }},
	property[heldLine]{"telephoneNumber", true, func(n heldLine) any { return n.number }},
	property[heldLine]{"operatorId", true, func(n heldLine) any { return n.operatorID }},
	property[heldLine]{"numberType", true, func(n heldLine) any { return n.numberType }},
	property[heldLine]{"activationState", true, func(n heldLine) any { return n.activation }},
	property[heldLine]{"capabilities", true, func(n heldLine) any { return n.capabilities }},
	property[heldLine]{"locationId", true, func(n heldLine) any { return text(n.locationID) }},
	property[heldLine]{"civicAddressId", true, func(n heldLine) any {
		if n.locationID == "" {
			return nil
		}
		return stableID("civicAddress", n.locationID)
	}},
	property[heldLine]{"networkSiteId", true, func(n heldLine) any { return text(n.networkSiteID) }},
	property[heldLine]{"assignmentTargetId", true, func(n heldLine) any {
		if n.holder == nil {
			return nil
		}
		return n.holder.latest.id
	}},
	property[heldLine]{"assignmentCategory", true, func(n heldLine) any { return text(n.category) }},
	property[heldLine]{"portInStatus", true, func(heldLine) any { return nil }},
	property[heldLine]{"assignmentStatus", true, func(n heldLine) any {
		if n.holder == nil {
			return "unassigned"
		}
		return "userAssigned"
	}},
	property[heldLine]{"isoCountryCode", true, func(n heldLine) any { return text(countryOf(n.number)) }},
	property[heldLine]{"city", true, func(heldLine) any { return nil }},
	property[heldLine]{"numberSource", true, func(n heldLine) any { return n.source }},
	property[heldLine]{"supportedCustomerActions", true, func(n heldLine) any {
		if n.numberType == "callingPlan" {
			return []string{"locationUpdate", "release"}
		}
		return []string{}
	}},
	property[heldLine]{"reverseNumberLookupOptions", true, func(n heldLine) any { return texts(n.lookup) }},
)

// countryOf knows the calling codes that tests of this kind use; other numbers
// have no country, which the service allows.
func countryOf(number string) string {
	for _, known := range [][2]string{{"+44", "GB"}, {"+33", "FR"}, {"+49", "DE"}, {"+1", "US"}} {
		if strings.HasPrefix(number, known[0]) {
			return known[1]
		}
	}
	return ""
}

func numberField(n heldLine, path string) any {
	if path == "capabilities" {
		return n.capabilities
	}
	found, ok := numberProperties.find(path)
	if !ok {
		return nil
	}
	return found.get(n)
}

func numberFilterable(path string) bool {
	_, known := numberProperties.find(path)
	return known && path != "id" && path != "city"
}

// withPlus brings the telephone numbers in a filter into the form in which
// numbers are kept.
func withPlus(c condition) condition {
	switch c := c.(type) {
	case junction:
		c.left, c.right = withPlus(c.left), withPlus(c.right)
		return c
	case negation:
		c.inner = withPlus(c.inner)
		return c
	case comparison:
		if c.path == "telephoneNumber" && e164.MatchString(c.value.text) || c.value.kind == numberLiteral && c.path == "telephoneNumber" {
			c.value = literal{text: "+" + numberKey(numberText(c.value))}
		}
		return c
	case membership:
		if c.path == "telephoneNumber" {
			c.values = slices.Clone(c.values)
			for i := range c.values {
				c.values[i] = literal{text: "+" + numberKey(numberText(c.values[i]))}
			}
		}
		return c
	}
	return c
}

func numberText(l literal) string {
	if l.kind == numberLiteral {
		return strconv.Itoa(l.n)
	}
	return l.text
}

func (d *directory) listNumbers(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select", "$filter", "$top", "$skip", "$count"); err != nil {
		return reply{}, err
	}
	selected, err := numberProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	wanted, err := filter(c.query, numberFilterable)
	if err != nil {
		return reply{}, err
	}
	size, err := c.query.size("$top", 500, 1000)
	if err != nil {
		return reply{}, err
	}
	skip := 0
	if c.query.has("$skip") {
		if skip, err = strconv.Atoi(c.query.get("$skip")); err != nil || skip < 0 {
			return reply{}, refuse(http.StatusBadRequest, "BadRequest", "Invalid value for $skip: '%s'.", c.query.get("$skip"))
		}
	}
	candidates := d.lines
	if wanted != nil {
		wanted = withPlus(wanted)
		if narrow, ok := d.narrowLines(wanted); ok && !c.asOf.Before(c.now) {
			candidates = narrow
		}
	}
	value := []map[string]any{}
	seen := 0
	for _, l := range candidates {
		n := heldLine{l, l.asOf(c.asOf)}
		if wanted != nil && !wanted.holds(func(path string) any { return numberField(n, path) }) {
			continue
		}
		if seen >= skip && len(value) < size {
			value = append(value, project(selected, n))
		}
		seen++
	}
	body := map[string]any{"@odata.context": c.context("admin/teams/telephoneNumberManagement/numberAssignments"), "value": value}
	if skip+len(value) < seen {
		body["@odata.nextLink"] = c.base + "/" + numbersPath + "?" + c.query.with("$skip", strconv.Itoa(skip+len(value)))
	}
	if strings.EqualFold(c.query.get("$count"), "true") {
		body["@odata.count"] = seen
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// narrowLines uses the indexes for the two questions that are asked most: who
// has this number, and which numbers does this user have.
func (d *directory) narrowLines(wanted condition) ([]*line, bool) {
	switch c := wanted.(type) {
	case junction:
		if c.or {
			return nil, false
		}
		if narrow, ok := d.narrowLines(c.left); ok {
			return narrow, true
		}
		return d.narrowLines(c.right)
	case comparison:
		if c.operator != "eq" || c.value.kind != textLiteral {
			return nil, false
		}
		switch c.path {
		case "telephoneNumber":
			if l := d.lineByKey[numberKey(c.value.text)]; l != nil {
				return []*line{l}, true
			}
			return nil, true
		case "assignmentTargetId":
			if a := d.byID[strings.ToLower(c.value.text)]; a != nil {
				return a.latest.lines, true
			}
		}
	}
	return nil, false
}

func (d *directory) getNumber(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	l := d.lineByID[c.args[0]]
	if l == nil {
		return reply{}, refuse(http.StatusNotFound, "NotFound", "The number assignment '%s' is not found.", c.args[0])
	}
	selected, err := numberProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	body := project(selected, heldLine{l, l.asOf(c.asOf)})
	body["@odata.context"] = c.context("admin/teams/telephoneNumberManagement/numberAssignments/$entity")
	return reply{status: http.StatusOK, body: body}, nil
}

func teamsRefusal(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "BadRequest", format, args...)
}

// lineForOrder finds the number of an order and refuses what can be refused
// before work starts.
func (d *directory) lineForOrder(number, numberType string) (*line, error) {
	if !e164.MatchString(number) {
		return nil, teamsRefusal("Telephone Number '%s' is not a valid E.164 number.", number)
	}
	l := d.lineByKey[numberKey(number)]
	if l == nil {
		return nil, teamsRefusal("Telephone Number '%s' is not found from tenant '%s'", number, tenantID)
	}
	if numberType != "" && numberType != l.numberType {
		return nil, teamsRefusal("Telephone Number '%s' is not of type '%s'.", number, numberType)
	}
	if l.source == "onPremises" {
		return nil, teamsRefusal("Telephone Number '%s' is synchronized from on-premises and cannot be changed in the cloud.", number)
	}
	return l, nil
}

type assignOrder struct {
	TelephoneNumber    string  `json:"telephoneNumber"`
	AssignmentTargetID string  `json:"assignmentTargetId"`
	NumberType         string  `json:"numberType"`
	AssignmentCategory *string `json:"assignmentCategory"`
	LocationID         *string `json:"locationId"`
}

func (d *directory) assignNumber(c *call) (reply, error) {
	var order assignOrder
	if err := c.decode(&order); err != nil {
		return reply{}, err
	}
	for _, required := range [][2]string{
		{"telephoneNumber", order.TelephoneNumber}, {"assignmentTargetId", order.AssignmentTargetID}, {"numberType", order.NumberType},
	} {
		if required[1] == "" {
			return reply{}, teamsRefusal("The parameter '%s' of the operation 'assignNumber' is missing.", required[0])
		}
	}
	if !slices.Contains(numberTypes, order.NumberType) {
		return reply{}, teamsRefusal("The value '%s' is not a valid numberType.", order.NumberType)
	}
	category := "primary"
	if order.AssignmentCategory != nil && *order.AssignmentCategory != "" {
		category = *order.AssignmentCategory
	}
	if !slices.Contains(assignmentCategories, category) {
		return reply{}, teamsRefusal("The value '%s' is not a valid assignmentCategory.", category)
	}
	l, err := d.lineForOrder(order.TelephoneNumber, order.NumberType)
	if err != nil {
		return reply{}, err
	}
	if !slices.Contains(l.capabilities, "userAssignment") {
		return reply{}, teamsRefusal("Telephone Number '%s' cannot be assigned to a user.", l.number)
	}
	a := d.byID[strings.ToLower(order.AssignmentTargetID)]
	if a == nil || a.latest.hasPlan(planPhone) && !a.latest.inTeams {
		return reply{}, teamsRefusal("The user '%s' is not found", order.AssignmentTargetID)
	}
	if problem := assignmentProblem(l, a, category); problem != "" {
		return reply{}, teamsRefusal("%s", problem)
	}
	op := d.startOperation("Assignment", l, c.now, func(at time.Time) string {
		if a.latest.removed {
			return fmt.Sprintf("The user '%s' is not found", order.AssignmentTargetID)
		}
		if !a.latest.hasPlan(planPhone) {
			kind := strings.ToUpper(l.numberType[:1]) + l.numberType[1:]
			return fmt.Sprintf("User '%s' lacks appropriate licenses to assign a '%s' number", a.latest.id, kind)
		}
		if problem := assignmentProblem(l, a, category); problem != "" {
			return problem
		}
		d.attach(l, a, category, order.LocationID, at)
		return ""
	})
	return accepted(c, op), nil
}

// assignmentProblem is why the number can't go to the user as things stand.
func assignmentProblem(l *line, a *account, category string) string {
	if l.latest.holder != nil && l.latest.holder != a {
		return fmt.Sprintf("Telephone Number '%s' has already been assigned to another user.", l.number)
	}
	if category == "alternate" {
		return ""
	}
	for _, other := range a.latest.lines {
		if other != l && other.latest.category == category {
			return fmt.Sprintf("User '%s' already has a %s telephone number assigned.", a.latest.id, category)
		}
	}
	return ""
}

func (d *directory) attach(l *line, a *account, category string, location *string, at time.Time) {
	d.changeLine(l, at, func(h *holding) {
		h.holder, h.category, h.activation = a, category, "activated"
		if location != nil {
			h.locationID = *location
		}
	})
	d.change(a, at, func(p *person) {
		p.voice = true
		if !slices.Contains(p.lines, l) {
			p.lines = append(slices.Clone(p.lines), l)
		}
	})
}

func (d *directory) unassignNumber(c *call) (reply, error) {
	var order struct {
		TelephoneNumber string `json:"telephoneNumber"`
		NumberType      string `json:"numberType"`
	}
	if err := c.decode(&order); err != nil {
		return reply{}, err
	}
	if order.TelephoneNumber == "" {
		return reply{}, teamsRefusal("The parameter 'telephoneNumber' of the operation 'unassignNumber' is missing.")
	}
	l, err := d.lineForOrder(order.TelephoneNumber, order.NumberType)
	if err != nil {
		return reply{}, err
	}
	op := d.startOperation("Unassignment", l, c.now, func(at time.Time) string {
		a := l.latest.holder
		if a == nil {
			return ""
		}
		if !a.latest.removed && !a.latest.hasPlan(planPhone) {
			return fmt.Sprintf("User '%s' lacks appropriate licenses to unassign the telephone number '%s'", a.latest.id, l.number)
		}
		d.detach(l, a, at)
		return ""
	})
	return accepted(c, op), nil
}

func (d *directory) detach(l *line, a *account, at time.Time) {
	d.changeLine(l, at, func(h *holding) { h.holder, h.category, h.activation = nil, "", "activated" })
	d.change(a, at, func(p *person) {
		p.lines = slices.DeleteFunc(slices.Clone(p.lines), func(x *line) bool { return x == l })
		if len(p.lines) == 0 {
			p.voice = false
		}
	})
}

func (d *directory) updateNumber(c *call) (reply, error) {
	var order struct {
		TelephoneNumber string    `json:"telephoneNumber"`
		LocationID      *string   `json:"locationId"`
		NetworkSiteID   *string   `json:"networkSiteId"`
		Lookup          *[]string `json:"reverseNumberLookupOptions"`
	}
	if err := c.decode(&order); err != nil {
		return reply{}, err
	}
	if order.TelephoneNumber == "" {
		return reply{}, teamsRefusal("The parameter 'telephoneNumber' of the operation 'updateNumber' is missing.")
	}
	l, err := d.lineForOrder(order.TelephoneNumber, "")
	if err != nil {
		return reply{}, err
	}
	if order.Lookup != nil {
		for _, option := range *order.Lookup {
			if option != "skipInternalVoip" {
				return reply{}, teamsRefusal("The value '%s' is not a valid reverseNumberLookupOption.", option)
			}
		}
	}
	d.changeLine(l, c.now, func(h *holding) {
		if order.LocationID != nil {
			h.locationID = *order.LocationID
		}
		if order.NetworkSiteID != nil {
			h.networkSiteID = *order.NetworkSiteID
		}
		if order.Lookup != nil {
			h.lookup = *order.Lookup
		}
	})
	return reply{status: http.StatusOK}, nil
}
