package embedded

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"tenure/internal/connect"
	"tenure/internal/contract"
)

// by is who asks for what happens at the start.
var by = contract.Actor{RequestedBy: "tenure-worker dev", Reason: "start"}

// fill applies the catalog unless one is in force, reads the users from the tenant and places them by the catalog's
// rules. Everything goes through the same workflows that the tenure command uses.
func fill(ctx context.Context, s Settings, file, text string) error {
	options, err := connect.Options()
	if err != nil {
		return err
	}
	options.Logger = connect.Quiet()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer c.Close()
	ask := func(workflow string, input, answer any) error {
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "tenure/" + workflow + "/" + uuid.NewString(), TaskQueue: contract.TaskQueue, StaticSummary: "start of tenure-worker dev",
		}, workflow, input)
		if err == nil {
			err = run.Get(ctx, answer)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", workflow, err)
		}
		return nil
	}
	// Without a catalog in force there is nothing to show.
	if s.CatalogChosen || ask(contract.ShowCatalog, contract.ShowCatalogRequest{}, nil) != nil {
		if err := ask(contract.ApplyCatalog, contract.CatalogRequest{File: file, Text: text, Actor: by}, nil); err != nil {
			return err
		}
	}
	if err := ask(contract.SyncDirectory, contract.SyncRequest{Actor: by}, nil); err != nil {
		return err
	}
	return ask(contract.PlaceUsers, contract.PlaceRequest{Actor: by}, nil)
}
