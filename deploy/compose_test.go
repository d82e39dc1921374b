// Package deploy_test holds docker-compose.yml and the Dockerfile to what they
// start: there is not always a Docker engine at hand to try them on.
package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"tenure/starter/command"
)

const root = ".."

// Where a variable of our own services is read, by its prefix.
var readers = []struct{ prefix, module string }{
	{"TENURE_", "tenure"},
	{"TEMPORAL_", "go.temporal.io/sdk/contrib/envconfig"},
	{"AZURE_", "github.com/Azure/azure-sdk-for-go/sdk/azidentity"},
	{"PG", "github.com/jackc/pgx/v5"},
}

// The settings that other people's images document and that we use: of the
// server its docker/config_template.yaml, of the UI its config/docker.yaml, of the
// tools temporal-sql-tool's flags and the Temporal CLI's own variables.
var documented = map[string][]string{
	"docker.io/library/postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
	"docker.io/temporalio/server": {
		"DB", "DB_PORT", "DBNAME", "VISIBILITY_DBNAME", "POSTGRES_SEEDS", "POSTGRES_USER", "POSTGRES_PWD",
		"BIND_ON_IP", "NUM_HISTORY_SHARDS", "LOG_LEVEL", "DYNAMIC_CONFIG_FILE_PATH",
	},
	"docker.io/temporalio/ui": {"TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE", "TEMPORAL_UI_PORT", "TEMPORAL_CORS_ORIGINS"},
	"docker.io/temporalio/admin-tools": {
		"SQL_HOST", "SQL_PORT", "SQL_USER", "SQL_PASSWORD", "SQL_DATABASE", "SQL_PLUGIN",
		"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE",
	},
}

func load(t *testing.T) *types.Project {
	t.Helper()
	// The defaults are under test, not what this machine's environment makes of them.
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	if err != nil {
		t.Fatalf("read docker-compose.yml: %v", err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("load docker-compose.yml: %v", err)
	}
	return project
}

// ours reports whether the service runs the image that the Dockerfile builds.
func ours(service types.ServiceConfig) bool { return service.Build != nil }

func TestEveryImageIsPinned(t *testing.T) {
	for name, service := range load(t).Services {
		if service.Image == "" {
			t.Errorf("%s has no image name", name)
		} else if err := pinned(service.Image); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, image := range directives(t, "FROM") {
		image, _, _ = strings.Cut(image, " ")
		if image == "scratch" {
			continue
		}
		if err := pinned(image); err != nil {
			t.Errorf("Dockerfile: %v", err)
		} else if !strings.ContainsAny(tag(image), "0123456789") {
			t.Errorf("Dockerfile: the tag of %s is not a version", image)
		}
	}
}

func pinned(image string) error {
	switch tag(image) {
	case "":
		return fmt.Errorf("image %s has no tag", image)
	case "latest":
		return fmt.Errorf("image %s is whatever is latest", image)
	}
	return nil
}

func tag(image string) string {
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}

func TestPublishedPortsBindLoopback(t *testing.T) {
	published := 0
	for name, service := range load(t).Services {
		for _, port := range service.Ports {
			published++
			if address, err := netip.ParseAddr(port.HostIP); err != nil || !address.IsLoopback() {
				t.Errorf("%s publishes %s on %q, want a loopback address", name, port.Published, port.HostIP)
			}
		}
		if service.NetworkMode == "host" {
			t.Errorf("%s uses the host's network", name)
		}
	}
	if published == 0 {
		t.Error("nothing is published: neither the command nor a browser can reach Temporal")
	}
}

func TestOurServicesRunCommandsOfTheWorker(t *testing.T) {
	if entrypoints := directives(t, "ENTRYPOINT"); !slices.Equal(entrypoints, []string{`["tenure-worker"]`}) {
		t.Fatalf("the image starts %q, want tenure-worker", entrypoints)
	}
	commands := map[string]bool{}
	for name, service := range load(t).Services {
		if !ours(service) {
			continue
		}
		if slices.Equal(service.Entrypoint, types.ShellCommand{"tenure"}) {
			checkTenure(t, name, service.Command)
			continue
		}
		if service.Entrypoint != nil {
			t.Errorf("%s replaces the entrypoint by %q", name, service.Entrypoint)
		}
		command := strings.Join(service.Command, " ")
		commands[command] = true
		if !slices.Contains([]string{"", "dev", "tenant"}, command) {
			t.Errorf("%s runs `tenure-worker %s`, which the worker does not have", name, command)
		}
	}
	if !commands[""] || !commands["tenant"] {
		t.Errorf("want a worker and a simulated tenant, have the commands %v", commands)
	}
	if worker := filepath.Join(root, "worker"); exists(worker) && !literals(t, worker)["tenant"] {
		t.Error("no literal \"tenant\" in ./worker: has the command been renamed?")
	}
}

// inImage is where the Dockerfile puts the examples.
const inImage = "/usr/local/share/tenure/"

// checkTenure gives a command line to the tenure command, which must understand it as far as asking Temporal.
func checkTenure(t *testing.T, name string, line []string) {
	t.Helper()
	var said strings.Builder
	understood := false
	console := command.NewConsole()
	console.Out, console.Err = &said, &said
	console.Dial = func(context.Context) (*command.Connection, error) {
		understood = true
		return nil, errors.New("no server in this test")
	}
	arguments := slices.Clone(line)
	for i, a := range arguments {
		if file, ok := strings.CutPrefix(a, inImage); ok {
			arguments[i] = filepath.Join(root, "examples", file)
		}
	}
	if command.Run(t.Context(), console, arguments); !understood {
		t.Errorf("%s runs `tenure %s`: %s", name, strings.Join(line, " "), &said)
	}
}

func TestTheImageDoesNotRunAsRoot(t *testing.T) {
	users := directives(t, "USER")
	if len(users) == 0 || strings.HasPrefix(users[len(users)-1], "0") || strings.HasPrefix(users[len(users)-1], "root") {
		t.Errorf("USER is %q", users)
	}
}

func TestOurServicesSetOnlyVariablesThatAreRead(t *testing.T) {
	if !exists(filepath.Join(root, "worker")) {
		t.Skip("there is no worker yet")
	}
	read := map[string]map[string]bool{}
	for name, service := range load(t).Services {
		if !ours(service) {
			continue
		}
		for variable := range service.Environment {
			i := slices.IndexFunc(readers, func(r struct{ prefix, module string }) bool { return strings.HasPrefix(variable, r.prefix) })
			if i < 0 {
				t.Errorf("%s sets %s, which nothing is known to read", name, variable)
				continue
			}
			module := readers[i].module
			if read[module] == nil {
				read[module] = literals(t, directory(t, module))
			}
			if !read[module][variable] {
				t.Errorf("%s sets %s, which %s does not read", name, variable, module)
			}
		}
	}
}

func TestOtherImagesAreGivenDocumentedSettings(t *testing.T) {
	for name, service := range load(t).Services {
		if ours(service) {
			continue
		}
		known, ok := documented[repository(service.Image)]
		if !ok {
			t.Errorf("%s: no settings known of image %s", name, service.Image)
		}
		for variable := range service.Environment {
			if !slices.Contains(known, variable) {
				t.Errorf("%s sets %s, which %s does not document", name, variable, service.Image)
			}
		}
	}
}

// repository gives an image's full name without its tag.
func repository(image string) string {
	name := strings.TrimSuffix(image, ":"+tag(image))
	if !strings.Contains(name, "/") {
		name = "library/" + name
	}
	return "docker.io/" + name
}

func TestMountedFilesExist(t *testing.T) {
	for name, service := range load(t).Services {
		mounted := map[string]bool{}
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			mounted[volume.Target] = true
			if !exists(volume.Source) {
				t.Errorf("%s mounts %s, which does not exist", name, volume.Source)
			}
			if !volume.ReadOnly {
				t.Errorf("%s may write to %s", name, volume.Source)
			}
		}
		wanted := slices.Clone(service.Command)
		if path := service.Environment["DYNAMIC_CONFIG_FILE_PATH"]; path != nil {
			wanted = append(wanted, *path)
		}
		for _, path := range wanted {
			if example, ok := strings.CutPrefix(path, inImage); ok && ours(service) {
				if !exists(filepath.Join(root, "examples", example)) {
					t.Errorf("%s uses %s, which the image does not have", name, path)
				}
				continue
			}
			if strings.HasPrefix(path, "/") && !mounted[path] {
				t.Errorf("%s uses %s, which is not mounted", name, path)
			}
		}
	}
}

// The simulated credential is refused off loopback: the worker must find the
// tenant there, on the port that `tenure-worker tenant` takes by default.
func TestWorkerReachesTheTenantOnLoopback(t *testing.T) {
	services := load(t).Services
	worker, tenant := services["worker"], services["tenant"]
	if worker.NetworkMode != "service:tenant" && tenant.NetworkMode != "service:worker" {
		t.Errorf("worker (%q) and tenant (%q) do not share a network", worker.NetworkMode, tenant.NetworkMode)
	}
	setting := worker.Environment["TENURE_GRAPH_URL"]
	if setting == nil {
		t.Fatal("TENURE_GRAPH_URL is not set")
	}
	address, err := url.Parse(*setting)
	if err != nil || address.Host != "127.0.0.1:8440" || address.Path != "/v1.0" {
		t.Errorf("TENURE_GRAPH_URL is %q (%v)", *setting, err)
	}
}

func TestNamespaceJobCreatesTheSearchAttributes(t *testing.T) {
	script, err := os.ReadFile("temporal/namespace.sh")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`Tenure\w+`).FindAllString(string(script), -1))))
	want := []string{"TenureBatch", "TenureNode", "TenureOperation", "TenureRequest", "TenureState", "TenureTenant"}
	if !slices.Equal(got, want) {
		t.Errorf("search attributes %v, want %v", got, want)
	}
}

// directives gives the arguments of each line of the Dockerfile that begins with
// the word.
func directives(t *testing.T, word string) []string {
	t.Helper()
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(dockerfile)) {
		if arguments, ok := strings.CutPrefix(line, word+" "); ok {
			found = append(found, strings.TrimSpace(arguments))
		}
	}
	return found
}

func directory(t *testing.T, module string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("find the source of %s: %v", module, err)
	}
	return strings.TrimSpace(string(output))
}

// literals gathers the string literals of the Go files below directory, those of
// tests and of nested modules left out.
func literals(t *testing.T, directory string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"
			if path != directory && (hidden || exists(filepath.Join(path, "go.mod"))) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var words scanner.Scanner
		words.Init(token.NewFileSet().AddFile(path, -1, len(source)), source, nil, 0)
		for {
			_, word, text := words.Scan()
			if word == token.EOF {
				return nil
			}
			if word != token.STRING {
				continue
			}
			if literal, err := strconv.Unquote(text); err == nil {
				found[literal] = true
			}
		}
	})
	if err != nil {
		t.Fatalf("read the sources below %s: %v", directory, err)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
