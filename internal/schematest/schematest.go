// Package schematest holds what the command prints against the published schemas, for the tests that run it.
package schematest

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tenure/docs/schemas"
)

// compiled are the schemas by the name of their file without its end.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	names, err := fs.Glob(schemas.Files, "*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := schemas.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := compiler.AddResource(address(name), document); err != nil {
			return nil, err
		}
	}
	all := map[string]*jsonschema.Schema{}
	for _, name := range append(names, "list.json#/$defs/item", "users-list.json#/$defs/item", "numbers-list.json#/$defs/item", "audit-list.json#/$defs/item", "numbers-audit.json#/$defs/item", "numbers-summary.json#/$defs/item") {
		schema, err := compiler.Compile(address(name))
		if err != nil {
			return nil, err
		}
		all[strings.Replace(name, ".json", "", 1)] = schema
	}
	return all, nil
})

// address is where a schema stands as far as references between them are concerned.
func address(name string) string { return "schemas:///" + name }

// Validate is an error when a text is not one JSON document of the schema of that name.
func Validate(name, text string) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	schema, ok := all[name]
	if !ok {
		return fmt.Errorf("there is no schema %s", name)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

// lists are the commands that print a list, whose lines with -o jsonl are its items.
var lists = map[string]string{
	"list": "list", "users list": "users-list", "numbers list": "numbers-list", "audit list": "audit-list", "numbers audit": "numbers-audit",
}

// documents are the commands that print one document.
var documents = map[string]string{
	"users show": "users-show", "numbers show": "numbers-show", "doctor": "doctor", "audit verify": "audit-verify",
	"plan onboard": "plan", "plan offboard": "plan", "plan move": "plan", "plan update": "plan",
}

// runs are the commands that follow a run.
var runs = []string{"onboard", "offboard", "move", "update", "apply", "resolve", "cancel", "status"}

// Check fails the test when what `tenure` printed for these arguments is not as the schemas say. Text, and commands without
// a published schema, pass.
func Check(t testing.TB, arguments []string, printed string) {
	t.Helper()
	lines, document := slices.Contains(arguments, "jsonl"), slices.Contains(arguments, "json")
	if (!lines && !document) || !slices.Contains(arguments, "-o") || printed == "" {
		return
	}
	first := arguments[0]
	second := first
	if len(arguments) > 1 {
		second += " " + arguments[1]
	}
	name, items := documents[second], false
	if name == "" {
		name = documents[first]
	}
	for _, command := range []string{second, first} {
		if list, ok := lists[command]; ok && name == "" {
			name, items = list, lines
		}
	}
	if slices.Contains(arguments, "--summary") {
		name = "numbers-summary"
	}
	if slices.Contains(runs, first) {
		name = "report"
		if lines {
			name, items = "event", true
		}
		if strings.HasPrefix(strings.TrimSpace(printed), "{\n  \"reports\"") {
			name = "reports"
		}
	}
	switch {
	case name == "":
		return
	case strings.HasPrefix(strings.Join(strings.Fields(printed), ""), `{"error":`):
		name, items = "error", false
	case slices.Contains(arguments, "--detach"):
		name, items = "started", false
	case items && name != "event":
		name += "#/$defs/item"
	}
	texts := []string{printed}
	if items {
		texts = strings.Split(strings.TrimSpace(printed), "\n")
	}
	for _, text := range texts {
		if err := Validate(name, text); err != nil {
			t.Errorf("tenure %s does not print what docs/schemas/%s says: %v\n%s", strings.Join(arguments, " "), name, err, text)
		}
	}
}
