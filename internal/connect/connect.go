// Package connect says how the command and the worker reach Temporal, so that both read the same settings.
package connect

import (
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// Options reads the standard TEMPORAL_* variables and the profile file of the `temporal` command. Address and
// namespace are always filled in; the caller sets its own logger and identity. The error says which file or variable
// cannot be used.
func Options() (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, fmt.Errorf("read the Temporal settings: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}
