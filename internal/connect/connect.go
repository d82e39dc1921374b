// Package connect says how the command and the worker reach Temporal, so that both read the same settings.
package connect

import (
	"fmt"
	"os"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"tenure/internal/codec"
)

// Options reads the standard TEMPORAL_* variables and the profile file of the `temporal` command, and the encryption
// keys. Address, namespace and converters are always filled in; the caller sets its own logger and identity. The error
// says which file or variable cannot be used; it is a *codec.Error where that is the one of the keys.
func Options() (client.Options, error) {
	keys, err := Codec()
	if err != nil {
		return client.Options{}, err
	}
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
	options.DataConverter, options.FailureConverter = keys.Data(), keys.Failures()
	return options, nil
}

// Codec encrypts with the keys of the file that TENURE_ENCRYPTION_KEYS names; without one it encrypts nothing.
func Codec() (*codec.Codec, error) { return codec.Load(os.Getenv(codec.Variable)) }
