// Package layers_test holds the directions between the packages of this module:
// who may import what. It is a test because the compiler only refuses cycles.
package layers_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	gopath "path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "tenure"

// A listed package and what its files import, those of tests left out: a test
// may stand its package beside the one it plays with.
type listed struct {
	ImportPath string
	Imports    []string
}

// A rule concerns the packages of one tree. It lists what they may not import
// or, where that would never be complete, what they may.
type rule struct {
	tree      string
	except    []string // trees inside it that the rule leaves alone
	forbidden []string // trees
	allowed   []string // packages, exactly; everything else is forbidden
	because   string
}

const (
	graphSDK = "github.com/microsoftgraph"
	kiota    = "github.com/microsoft" // the client runtime below the SDK
)

var rules = []rule{
	{
		tree: "tenure/internal/lifecycle",
		allowed: []string{
			"bytes", "cmp", "crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "iter", "maps", "math",
			"regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
			"tenure/internal/lifecycle",
		},
		because: "the rules are pure functions of a snapshot: no I/O, no Temporal, no Graph types",
	},
	{
		tree: "tenure/workflows",
		forbidden: []string{
			"net", "os", "database/sql", graphSDK, kiota,
			"tenure/internal/graph", "tenure/internal/graphsim", "tenure/internal/store",
		},
		because: "workflow code is replayed: it knows the rules and the names of activities, and does nothing itself",
	},
	{
		tree:      "tenure",
		except:    []string{"tenure/internal/graph"},
		forbidden: []string{graphSDK},
		because:   "internal/graph speaks Microsoft Graph for everybody else, in the words of the domain",
	},
	{
		tree:      "tenure/internal/graphsim",
		forbidden: []string{"tenure/internal/graph"},
		because:   "a simulator that shares code with the client it tests proves nothing",
	},
	{
		tree:      "tenure/starter",
		forbidden: []string{"database/sql", "tenure/internal/graph", "tenure/internal/graphsim", "tenure/internal/store"},
		because:   "the command needs a Temporal address and nothing else",
	},
}

// The root package of the SDK compiles the whole of Graph, twice the time of the
// sub-packages that are needed. It is named apart because it is a tree's root.
const graphSDKRoot = "github.com/microsoftgraph/msgraph-sdk-go"

// within reports whether path is the package tree or one below it.
func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func (r rule) concerns(path string) bool {
	return within(path, r.tree) && !slices.ContainsFunc(r.except, func(tree string) bool { return within(path, tree) })
}

func (r rule) permits(path string) bool {
	if r.allowed != nil {
		return slices.Contains(r.allowed, path)
	}
	return !slices.ContainsFunc(r.forbidden, func(tree string) bool { return within(path, tree) })
}

func violations(packages []listed) []string {
	var found []string
	for _, p := range packages {
		for _, imported := range p.Imports {
			for _, r := range rules {
				if r.concerns(p.ImportPath) && !r.permits(imported) {
					found = append(found, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imported, r.because))
				}
			}
			if imported == graphSDKRoot {
				found = append(found, fmt.Sprintf("%s imports %s: use its sub-packages, the root compiles all of Graph", p.ImportPath, imported))
			}
		}
	}
	return found
}

func TestPackagesImportOnlyDownward(t *testing.T) {
	packages := packagesBelow(t, "../..")
	if len(packages) == 0 {
		t.Fatal("no packages found")
	}
	for _, violation := range violations(packages) {
		t.Error(violation)
	}
}

// packagesBelow reads the imports of the module that stands at root. It parses
// the files itself because the cache of go test sees what a test opens, and not
// what `go list` would open for it.
func packagesBelow(t *testing.T, root string) []listed {
	t.Helper()
	imports := map[string]map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && !belongs(path, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		directory, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		importer := gopath.Join(module, filepath.ToSlash(directory))
		if imports[importer] == nil {
			imports[importer] = map[string]bool{}
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[importer][imported] = true
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read the packages of the module: %v", err)
	}
	var packages []listed
	for _, importer := range slices.Sorted(maps.Keys(imports)) {
		packages = append(packages, listed{importer, slices.Sorted(maps.Keys(imports[importer]))})
	}
	return packages
}

// belongs reports whether the go command counts the directory to this module.
func belongs(path, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return false
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err != nil
}

func TestRulesCatchTheirViolations(t *testing.T) {
	tests := []struct {
		importer, imported string
		refused            bool
	}{
		{"tenure/internal/lifecycle", "strings", false},
		{"tenure/internal/lifecycle", "net/http", true},
		{"tenure/internal/lifecycle", "go.temporal.io/sdk/temporal", true},
		{"tenure/internal/lifecycle", "tenure/internal/store", true},
		{"tenure/workflows", "go.temporal.io/sdk/workflow", false},
		{"tenure/workflows", "tenure/internal/lifecycle", false},
		{"tenure/workflows", "net/http", true},
		{"tenure/workflows", "os", true},
		{"tenure/workflows", "database/sql", true},
		{"tenure/workflows/move", "github.com/microsoftgraph/msgraph-sdk-go/users", true},
		{"tenure/activities", "github.com/microsoftgraph/msgraph-sdk-go/models", true},
		{"tenure/internal/graph", "github.com/microsoftgraph/msgraph-sdk-go/users", false},
		{"tenure/internal/graph", "github.com/microsoftgraph/msgraph-sdk-go", true},
		{"tenure/internal/graphsim", "net/http", false},
		{"tenure/internal/graphsim", "tenure/internal/graph", true},
		{"tenure/starter", "tenure/internal/store", true},
		{"tenure/worker", "tenure/internal/store", false},
	}
	for _, test := range tests {
		found := violations([]listed{{ImportPath: test.importer, Imports: []string{test.imported}}})
		if refused := len(found) > 0; refused != test.refused {
			t.Errorf("%s importing %s: refused %v, want %v %q", test.importer, test.imported, refused, test.refused, found)
		}
	}
}
