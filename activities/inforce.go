package activities

import (
	"context"
	"sync"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// catalogInForce keeps the parsed catalog of the newest revision, so that a revision is parsed once per worker.
type catalogInForce struct {
	mu       sync.Mutex
	revision int64
	parsed   *catalog.Catalog
}

func (c *catalogInForce) load(ctx context.Context, s *store.Store) (*catalog.Catalog, error) {
	newest, ok, err := s.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &lifecycle.Refusal{Code: "no-catalog", Message: "no catalog has been applied yet", Hint: "run `tenure catalog apply FILE`"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || c.revision != newest.Number {
		parsed, err := catalog.Parse("the catalog in force", newest.Text)
		if err != nil {
			return nil, &lifecycle.Refusal{Code: "catalog-invalid", Message: "this version cannot read the catalog in force: " + err.Error(), Hint: "mend it and run `tenure catalog apply FILE`"}
		}
		c.parsed, c.revision = parsed, newest.Number
	}
	return c.parsed, nil
}
