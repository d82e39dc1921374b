package schematest_test

import (
	"strings"
	"testing"

	"tenure/internal/schematest"
)

const failure = `{"error": {"code": "usage", "message": "wrong", "hint": null}}`

func TestSchemasAreClosed(t *testing.T) {
	if err := schematest.Validate("error", failure); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another field": strings.Replace(failure, `"hint"`, `"since": 1, "hint"`, 1),
		"a field less":  strings.Replace(failure, `, "hint": null`, "", 1),
		"another type":  strings.Replace(failure, `"usage"`, `3`, 1),
		"an empty code": strings.Replace(failure, `"usage"`, `""`, 1),
		"two documents": failure + failure,
	} {
		if schematest.Validate("error", text) == nil {
			t.Errorf("%s passes", name)
		}
	}
	number := `{"number":"+442079460001","node":"acme","state":"used","type":"directRouting","vendor":null,"user":null,"reservedFor":null,"reservedUntil":null,"coolingUntil":null,"notes":null}`
	if err := schematest.Validate("numbers-list#/$defs/item", number); err != nil {
		t.Error(err)
	}
	if schematest.Validate("numbers-list#/$defs/item", strings.Replace(number, `"notes"`, `"secret":1,"notes"`, 1)) == nil {
		t.Error("a field that is not documented passes")
	}
}

// recorder takes what Check says of a test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestCheckKnowsWhatACommandPrints(t *testing.T) {
	step := `{"at":"2026-03-01T09:00:00Z","event":"step","step":{"name":"join/set-role","outcome":"done","reason":null,"summary":"","detail":{},"startedAt":null,"closedAt":null}}`
	for arguments, row := range map[string]struct {
		printed string
		fails   bool
	}{
		"offboard ada --yes -o json":          {failure, false},
		"offboard ada -o jsonl":               {step + "\n" + step, false},
		"offboard ada -o json ":               {"{}", true},
		"status ada -o jsonl":                 {step + "\n{}", true},
		"status ada bob -o json":              {"{\n  \"reports\": []\n}", false},
		"offboard ada --yes --detach -o json": {`{"workflowId":"w","runId":"r"}`, false},
		"list -o json":                        {`{"runs":[],"next":null}`, false},
		"list -o json --all":                  {`{"runs":null,"next":null}`, true},
		"audit list -o jsonl":                 {"{}", true},
		"users show ada -o json":              {"{}", true},
		"doctor -o json":                      {"{}", true},
		"users show ada":                      {"anything", false},
		"catalog show -o json":                {"{}", false},
	} {
		r := &recorder{TB: t}
		schematest.Check(r, strings.Fields(arguments), row.printed)
		if r.failed != row.fails {
			t.Errorf("%s: failed %v", arguments, r.failed)
		}
	}
}
