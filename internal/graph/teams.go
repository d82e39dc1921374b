package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// The Teams administration interface has no builders in the SDK; requests go through its adapter by template.

var opTeamsUser = operation{"GET /admin/teams/userConfigurations/{id}", "reading the user's Teams configuration", "TeamsUserConfiguration.Read.All"}

// rawRequest is a request to the Teams administration interface.
type rawRequest struct {
	method abstractions.HttpMethod
	// template begins after the base URL; path and query hold its values, query by encoded name (%24filter).
	template string
	path     map[string]string
	query    map[string]string
	body     any
	headers  map[string]string
}

// raw sends a request and unmarshals the answer with into, which may be nil when none is wanted.
func (c *Client) raw(ctx context.Context, op operation, r rawRequest, into func([]byte) error) (*exchange, error) {
	if c.cloud != Global {
		f := fault.New(fault.BusinessRule, "%s: Microsoft offers the administration of Teams in the global cloud only, not in %q", op.doing, c.cloud)
		f.Code = CodeTeamsNotInCloud
		return nil, f
	}
	var seen *exchange
	err := c.call(ctx, op, func(ctx context.Context) error {
		seen = exchangeOf(ctx)
		path := map[string]string{}
		for k, v := range r.path {
			path[k] = v
		}
		info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(r.method, "{+baseurl}"+r.template, path)
		for k, v := range r.query {
			info.QueryParameters[k] = v
		}
		info.Headers.TryAdd("Accept", "application/json")
		for k, v := range r.headers {
			info.Headers.Add(k, v)
		}
		if r.body != nil {
			body, err := json.Marshal(r.body)
			if err != nil {
				return err
			}
			info.SetStreamContentAndContentType(body, "application/json")
		}
		mappings := abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}
		if into == nil {
			return c.adapter.SendNoContent(ctx, info, mappings)
		}
		answer, err := c.adapter.SendPrimitive(ctx, info, "[]byte", mappings)
		if err != nil {
			return err
		}
		body, _ := answer.([]byte)
		if len(bytes.TrimSpace(body)) == 0 {
			return errNothing
		}
		return into(body)
	})
	return seen, err
}

// one decodes an object that may be wrapped in value, alone or as a list: Microsoft's samples show all three forms.
// It reports false for an empty list.
func one[T any](body []byte) (v T, ok bool, err error) {
	all, err := many[T](body)
	if err != nil || len(all.Value) == 0 {
		return v, false, err
	}
	return all.Value[0], true, nil
}

// page is a list with the link to its next page.
type page[T any] struct {
	Value []T
	Next  string
}

// many decodes a list in any of these forms.
func many[T any](body []byte) (p page[T], err error) {
	var envelope struct {
		Value json.RawMessage `json:"value"`
		Next  string          `json:"@odata.nextLink"`
	}
	content := json.RawMessage(bytes.TrimSpace(body))
	if bytes.HasPrefix(content, []byte("{")) {
		if err := json.Unmarshal(content, &envelope); err != nil {
			return p, unfit(err)
		}
		if envelope.Value != nil {
			content = envelope.Value
		}
	}
	p.Next = envelope.Next
	switch {
	case bytes.Equal(content, []byte("null")):
		return p, nil
	case bytes.HasPrefix(content, []byte("[")):
		err = json.Unmarshal(content, &p.Value)
	case bytes.HasPrefix(content, []byte("{")):
		var v T
		err = json.Unmarshal(content, &v)
		p.Value = []T{v}
	default:
		err = errors.New("neither an object nor a list")
	}
	if err != nil {
		return page[T]{}, unfit(err)
	}
	return p, nil
}

// unfit says what is wrong with an answer without quoting its values.
func unfit(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return errors.New("field " + shown(kind.Field, 80) + " is not of the expected type")
	}
	return errors.New("its form is not the expected one")
}

type userConfiguration struct {
	ID              string `json:"id"`
	EnterpriseVoice *bool  `json:"isEnterpriseVoiceEnabled"`
	Numbers         []struct {
		Number   string `json:"telephoneNumber"`
		Category string `json:"assignmentCategory"`
	} `json:"telephoneNumbers"`
	Policies []struct {
		Type       string `json:"policyType"`
		Assignment *struct {
			Name  string `json:"displayName"`
			Type  string `json:"assignmentType"`
			ID    string `json:"policyId"`
			Group string `json:"groupId"`
		} `json:"policyAssignment"`
	} `json:"effectivePolicyAssignments"`
}

// TeamsUser reads the Teams voice record of a user: nil when Teams does not know the user (yet). Numbers have number
// and category only; type and location are known to NumbersOf. What it shows lags behind license and number changes.
// Permission: TeamsUserConfiguration.Read.All.
func (c *Client) TeamsUser(ctx context.Context, userID string) (*lifecycle.TeamsUser, error) {
	if err := required(opTeamsUser, userID); err != nil {
		return nil, err
	}
	var cfg userConfiguration
	var known bool
	_, err := c.raw(ctx, opTeamsUser, rawRequest{
		method: abstractions.GET, template: "/admin/teams/userConfigurations/{user%2Did}",
		path: map[string]string{"user%2Did": userID}, headers: map[string]string{"Prefer": "include-unknown-enum-members"},
	}, func(body []byte) (err error) {
		cfg, known, err = one[userConfiguration](body)
		if err == nil && known && cfg.ID == "" {
			return errNothing
		}
		return err
	})
	if fault.Is(err, fault.NotFound) || err == nil && !known {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	u := &lifecycle.TeamsUser{EnterpriseVoice: yes(cfg.EnterpriseVoice), Numbers: []lifecycle.TeamsNumber{}, Policies: []lifecycle.Policy{}}
	for _, n := range cfg.Numbers {
		u.Numbers = append(u.Numbers, lifecycle.TeamsNumber{Number: e164(n.Number), Category: n.Category})
	}
	for _, p := range cfg.Policies {
		// A type without an assignment is in its built-in default.
		if p.Assignment != nil && p.Type != "" {
			u.Policies = append(u.Policies, lifecycle.Policy{
				Type: p.Type, Name: strings.TrimPrefix(p.Assignment.Name, "Tag:"), ID: p.Assignment.ID,
				Direct: strings.EqualFold(p.Assignment.Type, "direct"),
			})
		}
	}
	slices.SortFunc(u.Numbers, func(a, b lifecycle.TeamsNumber) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortFunc(u.Policies, func(a, b lifecycle.Policy) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
	})
	return u, nil
}

// e164 gives a number its plus sign where Microsoft left it out; anything else stays as it is.
func e164(number string) string {
	number = strings.TrimPrefix(strings.TrimSpace(number), "tel:")
	if number != "" && strings.Trim(number, "0123456789") == "" {
		return "+" + number
	}
	return number
}
