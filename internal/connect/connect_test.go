package connect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenure/internal/connect"
)

func TestOptions(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "temporal.toml")
	if err := os.WriteFile(profile, []byte("[profile.default]\naddress = \"from-file:7233\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		env                map[string]string
		address, namespace string
		wantErr            string
	}{
		"nothing set":            {map[string]string{}, "localhost:7233", "default", ""},
		"variables":              {map[string]string{"TEMPORAL_ADDRESS": "there:1", "TEMPORAL_NAMESPACE": "voice"}, "there:1", "voice", ""},
		"profile file":           {map[string]string{"TEMPORAL_CONFIG_FILE": profile}, "from-file:7233", "default", ""},
		"variable before file":   {map[string]string{"TEMPORAL_CONFIG_FILE": profile, "TEMPORAL_ADDRESS": "there:1"}, "there:1", "default", ""},
		"profile that is absent": {map[string]string{"TEMPORAL_CONFIG_FILE": profile, "TEMPORAL_PROFILE": "elsewhere"}, "", "", "elsewhere"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"} {
				t.Setenv(key, "") // restores the variable afterwards; a set but empty one would count as set
				os.Unsetenv(key)
			}
			t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			options, err := connect.Options()
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("error %v, want one naming %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if options.HostPort != test.address || options.Namespace != test.namespace {
				t.Errorf("got %s %s, want %s %s", options.HostPort, options.Namespace, test.address, test.namespace)
			}
		})
	}
}
