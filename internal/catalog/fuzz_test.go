package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
)

func TestHostileCatalogsAreRefused(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("apiVersion: tenure/v1\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 12 {
		fmt.Fprintf(&bomb, "x%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d, ", i), 9), i)
	}
	for name, test := range map[string]struct{ text, want string }{
		"aliases that multiply":    {bomb.String(), "expands to more than 1000000 values"},
		"brackets without end":     {strings.Repeat("[", 500_000), "nested more than 64 deep"},
		"braces without end":       {strings.Repeat("{a: ", 200_000), "nested more than 64 deep"},
		"dashes without end":       {strings.Repeat("- ", 200_000), "nested more than 64 deep"},
		"question marks":           {strings.Repeat("? ", 200_000), "nested more than 64 deep"},
		"tags without end":         {strings.Repeat("!a ", 200_000), "nested more than 64 deep"},
		"steps without end":        {steps(200), "nested more than 64 deep"},
		"too large":                {strings.Repeat("#", 3<<20), "2097152 are allowed"},
		"an expression too large":  {edited(t, "usageLocation: ${site.defaults.usageLocation}", "usageLocation: ${"+strings.Repeat("user.city+", 2000)+"user.city}"), "cannot be read"},
		"an expression too nested": {edited(t, "usageLocation: ${site.defaults.usageLocation}", "usageLocation: ${"+strings.Repeat("(", 300)+"user.city"+strings.Repeat(")", 300)+"}"), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Parse("c", []byte(test.text))
			require.ErrorContains(t, err, test.want)
			assert.Less(t, len(err.Error()), 100_000)
		})
	}
}

func steps(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestAliasesStandForTheirAnchors(t *testing.T) {
	c := parse(t, edited(t, "policies: {TenantDialPlan: UK-Dialplan", "policies: &uk {TenantDialPlan: UK-Dialplan", "defaults: {usageLocation: US}", "defaults: {usageLocation: US, policies: *uk}"))
	plan, _ := node(t, c, "newyork").Defaults().Policies["TenantDialPlan"].Value()
	assert.Equal(t, "UK-Dialplan", plan)
}

func TestLineEndingsAndByteOrderMark(t *testing.T) {
	want := parse(t, read(t, contract))
	assert.Empty(t, catalog.Diff(want, parse(t, strings.ReplaceAll(read(t, contract), "\n", "\r\n"))))
	assert.Empty(t, catalog.Diff(want, parse(t, "\ufeff"+read(t, contract))))
}

// FuzzParse: whatever the text, Parse returns a catalog or problems with a place, and what it accepts can be shown.
func FuzzParse(f *testing.F) {
	f.Add(read(f, contract))
	f.Add(read(f, "../../examples/catalog.yaml"))
	f.Add(read(f, "../../examples/licenses-elsewhere.yaml"))
	for _, test := range bad {
		if test.edits != nil {
			f.Add(edited(f, test.edits...))
		} else {
			f.Add(test.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.Parse("f", []byte(text))
		if err != nil {
			var problems *catalog.Problems
			if !errors.As(err, &problems) || len(problems.List) == 0 || c != nil {
				t.Fatalf("not a list of problems: %v", err)
			}
			for _, p := range problems.List {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || p.File != "f" {
					t.Fatalf("a problem without a place: %+v", p)
				}
			}
			return
		}
		if d := catalog.Diff(c, c); len(d) != 0 {
			t.Fatalf("differs from itself: %v", d)
		}
		for _, kind := range catalog.Kinds() {
			if _, err := c.Show(kind, ""); err != nil {
				t.Fatal(err)
			}
		}
	})
}
