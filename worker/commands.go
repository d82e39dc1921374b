package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tenure/internal/graph"
	"tenure/internal/version"
	"tenure/worker/embedded"
	"tenure/worker/service"
)

// root is the plain worker; its subcommands bring what it needs along.
func root() *cobra.Command {
	var settings service.Settings
	var tenantsFile, syncEvery string
	var single service.Tenant
	cmd := &cobra.Command{
		Use:   "tenure-worker",
		Short: "Do the work that the tenure command asks for",
		Long: `tenure-worker runs Tenure's workflows and activities.

It needs a Temporal server (standard TEMPORAL_* variables and profile file), a store, and the
Microsoft 365 tenants to serve. Every flag has an environment variable; the flag wins.
TENURE_WEBHOOK_URL and TENURE_WEBHOOK_SECRET_FILE name another system that is told of runs.
To try it on this machine with everything embedded, run "tenure-worker dev".`,
		Example: `  # one tenant, logging in by workload identity
  AZURE_TOKEN_CREDENTIALS=WorkloadIdentityCredential TENURE_TENANT=contoso tenure-worker

  # several tenants and PostgreSQL
  tenure-worker --tenants tenants.yaml --store postgres://tenure@db/tenure`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if settings.Tenants, err = service.Tenants(tenantsFile, single); err != nil {
				return err
			}
			// Flags would show these to everybody on the machine.
			settings.Webhook = service.WebhookFromEnvironment()
			settings.Codec.Token = os.Getenv("TENURE_CODEC_TOKEN")
			if ui := os.Getenv("TENURE_TEMPORAL_UI"); ui != "" {
				settings.Codec.UIs = []string{ui}
			}
			if settings.SyncEvery, err = time.ParseDuration(syncEvery); err != nil || settings.SyncEvery < 0 || settings.SyncEvery > 0 && settings.SyncEvery < time.Minute {
				return fmt.Errorf("--sync-every (TENURE_SYNC_EVERY) is %q; write it like 15m or 1h30m, a minute or more, or 0 for never", syncEvery)
			}
			return service.Run(cmd.Context(), settings)
		},
	}
	f := cmd.Flags()
	f.StringVar(&settings.Store, "store", cmp.Or(os.Getenv("TENURE_STORE"), "sqlite:.tenure/tenure.db"), "sqlite:PATH or postgres://… (TENURE_STORE)")
	f.StringVar(&settings.HTTPAddr, "http-addr", cmp.Or(os.Getenv("TENURE_HTTP_ADDR"), "127.0.0.1:9464"), "where /healthz, /readyz and /metrics are served (TENURE_HTTP_ADDR)")
	f.StringVar(&settings.Codec.Addr, "codec-addr", cmp.Or(os.Getenv("TENURE_CODEC_ADDR"), service.DefaultCodecAddr), "where payloads are decrypted for Temporal's UI, with TENURE_CODEC_TOKEN set (TENURE_CODEC_ADDR)")
	f.StringVar(&syncEvery, "sync-every", cmp.Or(os.Getenv("TENURE_SYNC_EVERY"), "0"), "how often the directory is read from Entra by itself, like 15m; 0 is never (TENURE_SYNC_EVERY)")
	f.StringVar(&tenantsFile, "tenants", os.Getenv("TENURE_TENANTS"), "YAML file that lists the Microsoft tenants (TENURE_TENANTS)")
	f.StringVar(&single.Name, "tenant", os.Getenv("TENURE_TENANT"), "the one tenant, by its name in the catalog (TENURE_TENANT)")
	f.StringVar(&single.GraphURL, "graph-url", cmp.Or(os.Getenv("TENURE_GRAPH_URL"), graph.Global.BaseURL()), "Microsoft Graph with its version, for the one tenant (TENURE_GRAPH_URL)")
	f.StringVar(&single.Credential, "graph-credential", cmp.Or(os.Getenv("TENURE_GRAPH_CREDENTIAL"), service.AzureCredential), "azure or simulated, for the one tenant (TENURE_GRAPH_CREDENTIAL)")
	cmd.AddCommand(dev(), demo(), tenant(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), version.Version) },
	})
	return cmd
}

func dev() *cobra.Command {
	var s embedded.Settings
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything embedded: Temporal, a simulated tenant, the store and the worker",
		Long: `dev starts Temporal's development server with its UI, a simulated Microsoft 365 tenant and the worker,
applies the example catalog, syncs the users and places them. It prints "ready" when it can be used,
stops everything on Ctrl-C, and goes on where it was when it is started again.`,
		Example:       "  tenure-worker dev\n  tenure-worker dev --data-dir /tmp/try --temporal-port 7300 --ui-port 8300 --tenant-port 8500 --http-port 9500",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.CatalogChosen = cmd.Flags().Changed("catalog")
			return embedded.Dev(cmd.Context(), s, cmd.OutOrStdout())
		},
	}
	embeddedFlags(cmd, &s)
	return cmd
}

func demo() *cobra.Command {
	var s embedded.Settings
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything embedded, offboard one person, stop again",
		Long: `demo starts everything that dev starts, in a folder of its own that it removes again, offboards one person of
the simulated tenant with the tenure command, showing plan, progress and report, and stops.
On a terminal it asks before it offboards and before it stops.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return embedded.Demo(cmd.Context(), s)
		},
	}
	embeddedFlags(cmd, &s)
	return cmd
}

func embeddedFlags(cmd *cobra.Command, s *embedded.Settings) {
	f := cmd.Flags()
	f.StringVar(&s.DataDir, "data-dir", ".tenure", "folder for the databases")
	f.StringVar(&s.TemporalCLI, "temporal-cli", "", "the temporal command (default: on PATH, then bin/temporal)")
	f.IntVar(&s.TemporalPort, "temporal-port", 7233, "port of Temporal")
	f.IntVar(&s.UIPort, "ui-port", 8233, "port of Temporal's UI")
	f.IntVar(&s.TenantPort, "tenant-port", 8440, "port of the simulated tenant")
	f.IntVar(&s.HTTPPort, "http-port", 9464, "port for health and metrics")
	f.StringVar(&s.Catalog, "catalog", "", "catalog to apply (default: the example, unless one is in force)")
	f.StringVar(&s.TenantState, "tenant-state", "", "state that the simulated tenant starts with, as JSON")
}

func tenant() *cobra.Command {
	var port int
	var state string
	cmd := &cobra.Command{
		Use:           "tenant",
		Short:         "Serve the simulated Microsoft 365 tenant alone",
		Long:          "tenant serves a simulated Microsoft 365 tenant on loopback: Graph under /v1.0, its control under /_sim.",
		Example:       "  tenure-worker tenant --port 8440 &\n  curl http://127.0.0.1:8440/_sim/state",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return embedded.ServeTenant(cmd.Context(), port, state, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&port, "port", 8440, "port on loopback")
	cmd.Flags().StringVar(&state, "state", "", "JSON file with the state to start with (default: the default tenant)")
	return cmd
}
