package service

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"tenure/internal/connect"
	"tenure/internal/contract"
)

// ensureSearchAttributes registers the search attributes that the namespace lacks. Where the worker may not, it says
// which command does.
func ensureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	missing, err := connect.MissingSearchAttributes(ctx, c.OperatorService(), namespace)
	if err == nil && len(missing) > 0 {
		add := map[string]enums.IndexedValueType{}
		for _, name := range missing {
			add[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		}
		if _, addErr := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: add}); addErr != nil {
			// Another worker may have been faster.
			if still, err := connect.MissingSearchAttributes(ctx, c.OperatorService(), namespace); err != nil || len(still) > 0 {
				return fmt.Errorf("namespace %s lacks search attributes and they could not be registered (%w); run: %s", namespace, addErr, connect.CreateSearchAttributes(namespace, missing))
			}
		}
	}
	if err != nil {
		return fmt.Errorf("look at the search attributes of namespace %s: %w; if they are missing, run: %s", namespace, err, connect.CreateSearchAttributes(namespace, contract.SearchAttributes()))
	}
	return nil
}
