package graph

import (
	"context"
	"regexp"
	"slices"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// UserQuery chooses and orders users. Its zero value is every user.
type UserQuery struct {
	// Filter is an OData expression over properties of the user; values in it are quoted by Quoted.
	Filter string
	// Search is a search clause in Microsoft's form, with its quotes: "displayName:ada".
	Search string
	// OrderBy are properties, each with " desc" after it where the order is to be descending.
	OrderBy []string
	// Count asks how many users match, on the first page.
	Count bool
}

// UserPage is a page of users.
type UserPage struct {
	Users []UserRecord
	// Next is the token of the next page; empty on the last one.
	Next string
	// Count is how many users match on all pages together; nil where Graph did not say.
	Count *int64
}

var (
	literals = regexp.MustCompile(`'(?:[^']|'')*'`)
	// advancedFilter finds what only the advanced engine understands: negations, endsWith, lengths of collections and
	// casts (graph.md §1.2).
	advancedFilter = regexp.MustCompile(`(?i)\b(?:ne|not|endswith)\b|/\$count\b|\bmicrosoft\.graph\.`)
)

// advanced reports whether Graph answers the query only from the index that ConsistencyLevel: eventual names
// (graph.md §1.2). That index is behind by some seconds, so plain queries are not sent there.
func (q UserQuery) advanced() bool {
	return q.Count || q.Search != "" || q.Filter != "" && len(q.OrderBy) > 0 ||
		advancedFilter.MatchString(literals.ReplaceAllString(q.Filter, "''"))
}

// FindUsers reads a page of the users that match: the first one for an empty token, then the one that Next of the page
// before names, with the same query. A query that Graph does not understand is InvalidRequest. Permission as for User.
func (c *Client) FindUsers(ctx context.Context, query UserQuery, pageToken string) (UserPage, error) {
	if pageToken != "" {
		if err := c.ownLink(pageToken); err != nil {
			return UserPage{}, err
		}
	}
	var page UserPage
	err := c.call(ctx, opUsers, func(ctx context.Context) error {
		answer, err := c.usersPage(ctx, query, pageToken)
		if err != nil {
			return err
		}
		if answer == nil || answer.GetValue() == nil {
			return errNothing
		}
		page = UserPage{Users: userRecords(answer.GetValue()), Next: text(answer.GetOdataNextLink()), Count: answer.GetOdataCount()}
		return nil
	})
	if err != nil {
		return UserPage{}, err
	}
	return page, c.nameSKUs(ctx, pointers(page.Users)...)
}

func (c *Client) usersPage(ctx context.Context, query UserQuery, pageToken string) (models.UserCollectionResponseable, error) {
	// The header does not travel in the link to the next page.
	var headers *abstractions.RequestHeaders
	if query.advanced() {
		headers = advanced()
	}
	if pageToken != "" {
		return users.NewUsersRequestBuilder(pageToken, c.adapter).Get(ctx, &users.UsersRequestBuilderGetRequestConfiguration{Headers: headers})
	}
	parameters := &users.UsersRequestBuilderGetQueryParameters{Select: userFields, Top: ptr[int32](usersPerPage), Orderby: slices.Clone(query.OrderBy)}
	if query.Filter != "" {
		parameters.Filter = &query.Filter
	}
	if query.Search != "" {
		parameters.Search = &query.Search
	}
	if query.advanced() {
		parameters.Count = ptr(true)
	}
	return c.users().Get(ctx, &users.UsersRequestBuilderGetRequestConfiguration{Headers: headers, QueryParameters: parameters})
}
