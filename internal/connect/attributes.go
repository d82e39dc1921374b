package connect

import (
	"context"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"tenure/internal/contract"
)

// MissingSearchAttributes are the names that the namespace lacks, or has as something else than a Keyword.
func MissingSearchAttributes(ctx context.Context, operator operatorservice.OperatorServiceClient, namespace string) ([]string, error) {
	have, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range contract.SearchAttributes() {
		if have.GetCustomAttributes()[name] != enums.INDEXED_VALUE_TYPE_KEYWORD {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// CreateSearchAttributes is the command that registers search attributes.
func CreateSearchAttributes(namespace string, names []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "temporal operator search-attribute create --namespace %s", namespace)
	for _, name := range names {
		fmt.Fprintf(&b, " --name %s --type Keyword", name)
	}
	return b.String()
}
