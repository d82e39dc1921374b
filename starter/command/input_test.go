package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every wrong command line and every wrong file: exit 3, one line (or the list of problems), nothing sent.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	typo := write("typo.yaml", "apiVersion: tenure/v1\nhierachy: {}\n")
	numbers := write("numbers.csv", "number,notes\n+442079460001,ok\n12,short\nabc,\n")
	empty := write("empty.csv", "number\n")
	twice := write("twice.csv", "+442079460001\n+442079460002\n0044 20 7946 0001\n")
	odd := write("odd.csv", "number,node,type\n+442079460001,london,isdn\n")
	var many strings.Builder
	for i := range 50_001 {
		fmt.Fprintf(&many, "+44207%07d\n", 2*i)
	}
	sparse := write("sparse.csv", many.String())

	tests := map[string]struct {
		arguments []string
		says      string
	}{
		"unknown command":        {[]string{"offbord", ada}, `unknown command "offbord" for tenure; did you mean offboard? see: tenure --help`},
		"unknown subcommand":     {[]string{"numbers", "lst"}, `unknown command "lst" for tenure numbers; did you mean list?`},
		"no subcommand":          {[]string{"users"}, "users needs a command: list, place, show, sync"},
		"unknown flag":           {[]string{"list", "--bogus"}, "unknown flag: --bogus; see: tenure list --help"},
		"unknown short flag":     {[]string{"list", "-z"}, "unknown shorthand flag"},
		"flag without value":     {[]string{"list", "--limit"}, "flag needs an argument: --limit"},
		"flag of wrong type":     {[]string{"list", "--limit", "many"}, "invalid argument"},
		"unknown format":         {[]string{"list", "-o", "xml"}, "must be one of text, json, jsonl"},
		"unknown color":          {[]string{"list", "--color", "pink"}, "must be one of auto, always, never"},
		"unknown help":           {[]string{"help", "bogus"}, `there is no command "bogus"`},
		"unknown shell":          {[]string{"completion", "tcsh"}, `there is no completion for "tcsh"`},
		"offboard nobody":        {[]string{"offboard", "--yes"}, "offboard needs USER"},
		"offboard two":           {[]string{"offboard", ada, "bob", "--yes"}, `offboard does not take the argument "bob"`},
		"onboard nobody":         {[]string{"onboard", "--site", "london", "--group", "Phones", "--yes"}, "onboard needs USER"},
		"onboard nowhere":        {[]string{"onboard", ada, "--group", "Phones", "--yes"}, "onboard needs --site NODE; see: tenure onboard --help"},
		"onboard with nothing":   {[]string{"onboard", ada, "--site", "london", "--number", "next", "--yes"}, "onboard needs --group QAG, --profile NAME or --set FIELD=VALUE"},
		"group and profile":      {[]string{"onboard", ada, "--site", "london", "--group", "Phones", "--profile", "sales", "--yes"}, "--group and --profile contradict each other"},
		"onboard malformed":      {[]string{"onboard", ada, "--site", "london", "--group", "Phones", "--number", "020 7946 0001", "--yes"}, "write it like +44 20 7946 0000; --number takes a number, next or none"},
		"onboard unknown word":   {[]string{"onboard", ada, "--site", "london", "--group", "Phones", "--number", "any", "--yes"}, "--number takes a number, next or none"},
		"onboard empty number":   {[]string{"onboard", ada, "--site", "london", "--group", "Phones", "--number", "", "--yes"}, "is not a telephone number"},
		"set without value":      {[]string{"onboard", ada, "--site", "london", "--set", "usageLocation", "--yes"}, "--set usageLocation is not FIELD=VALUE; write it like --set usageLocation=GB"},
		"set without field":      {[]string{"onboard", ada, "--site", "london", "--set", "=GB", "--yes"}, "--set =GB is not FIELD=VALUE"},
		"set twice":              {[]string{"onboard", ada, "--site", "london", "--set", "usageLocation=GB", "--set", "usageLocation=FR", "--yes"}, "--set gives usageLocation twice"},
		"onboard without yes":    {[]string{"onboard", ada, "--site", "london", "--group", "Phones"}, "add --yes"},
		"plan onboard nobody":    {[]string{"plan", "onboard", "--site", "london", "--group", "Phones"}, "plan onboard needs USER"},
		"plan onboard nowhere":   {[]string{"plan", "onboard", ada, "--group", "Phones"}, "plan onboard needs --site NODE; see: tenure plan onboard --help"},
		"plan onboard malformed": {[]string{"plan", "onboard", ada, "--site", "london", "--group", "Phones", "--number", "12"}, "is not a telephone number"},
		"move nobody":            {[]string{"move", "--to", "paris", "--group", "Phones", "--yes"}, "move needs USER"},
		"move to nowhere":        {[]string{"move", ada, "--group", "Phones", "--yes"}, "move needs --to NODE; see: tenure move --help"},
		"move with nothing":      {[]string{"move", ada, "--to", "paris", "--keep-number", "--yes"}, "move needs --group QAG, --profile NAME or --set FIELD=VALUE"},
		"move by both":           {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--profile", "sales", "--yes"}, "--group and --profile contradict each other"},
		"move keeping and not":   {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--keep-number", "--number", "next", "--yes"}, "--keep-number and --number contradict each other"},
		"move nothing somewhere": {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--number-to", "site", "--yes"}, "--number-to needs --keep-number"},
		"move elsewhere":         {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--keep-number", "--number-to", "moon", "--yes"}, "must be one of shared, site"},
		"move malformed":         {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--number", "any", "--yes"}, "--number takes a number, next or none"},
		"move without yes":       {[]string{"move", ada, "--to", "paris", "--group", "Phones", "--keep-number"}, "add --yes"},
		"plan move contradicts":  {[]string{"plan", "move", ada, "--to", "paris", "--group", "Phones", "--keep-number", "--number", "none"}, "--keep-number and --number contradict each other"},
		"plan nobody":            {[]string{"plan", "offboard"}, "plan offboard needs USER"},
		"status of nothing":      {[]string{"status"}, "status needs USER|RUN"},
		"hold for no time":       {[]string{"offboard", ada, "--yes", "--hold-for", "5s"}, "--hold-for 5s is no time for an operator"},
		"hold and roll back":     {[]string{"offboard", ada, "--yes", "--on-failure", "rollback", "--hold-for", "24h"}, "--hold-for and --on-failure rollback contradict each other"},
		"hold for nonsense":      {[]string{"offboard", ada, "--yes", "--hold-for", "long"}, "long"},
		"two decisions":          {[]string{"resolve", ada, "--retry", "--skip", "--yes"}, "--retry and --skip contradict each other"},
		"no decision":            {[]string{"resolve", ada, "--yes"}, "say how to resolve the run"},
		"on failure":             {[]string{"offboard", ada, "--yes", "--on-failure", "panic"}, "must be one of rollback, hold"},
		"request id":             {[]string{"offboard", ada, "--yes", "--request-id", "a b"}, `"a b" cannot be a request id`},
		"empty request id":       {[]string{"offboard", ada, "--yes", "--request-id", ""}, `"" cannot be a request id`},
		"two states":             {[]string{"list", "--held", "--failed"}, "contradict each other"},
		"all and limit":          {[]string{"numbers", "list", "--all", "--limit", "5"}, "--all and --limit contradict each other"},
		"no limit":               {[]string{"users", "list", "--limit", "0"}, "--limit must be at least 1"},
		"below nothing":          {[]string{"numbers", "list", "--below"}, "--below needs --node"},
		"unknown state":          {[]string{"numbers", "list", "--state", "free"}, "must be one of available, used, reserved, cooling, held"},
		"unknown type":           {[]string{"numbers", "list", "--type", "isdn"}, "must be one of directRouting, callingPlan, operatorConnect"},
		"malformed number":       {[]string{"numbers", "show", "12"}, "is not a telephone number"},
		"add nothing":            {[]string{"numbers", "add", "--node", "london", "--type", "callingPlan", "--yes"}, "numbers add needs NUMBER"},
		"add malformed":          {[]string{"numbers", "add", number, "12", "--node", "london", "--type", "callingPlan", "--yes"}, "is not a telephone number"},
		"add backwards":          {[]string{"numbers", "add", "--range", "+442079460009..+442079460001", "--node", "london", "--type", "callingPlan", "--yes"}, "runs backwards"},
		"add twice":              {[]string{"numbers", "add", number, "--range", number, "--node", "london", "--type", "callingPlan", "--yes"}, "not several of them"},
		"add nowhere":            {[]string{"numbers", "add", number, "--type", "callingPlan", "--yes"}, "needs --node"},
		"add untyped":            {[]string{"numbers", "add", number, "--node", "london", "--yes"}, "needs --type"},
		"add without yes":        {[]string{"numbers", "add", number, "--node", "london", "--type", "callingPlan"}, "add --yes"},
		"csv with wrong lines":   {[]string{"numbers", "add", "--csv", numbers, "--node", "london", "--type", "callingPlan", "--yes"}, "numbers.csv:4: "},
		"csv without numbers":    {[]string{"numbers", "add", "--csv", empty, "--node", "london", "--type", "callingPlan", "--yes"}, "has no numbers in it"},
		"csv with duplicates":    {[]string{"numbers", "add", "--csv", twice, "--node", "london", "--type", "callingPlan", "--yes"}, "twice.csv:3: +442079460001 stands on line 1 already"},
		"csv without types":      {[]string{"numbers", "add", "--csv", numbers, "--node", "london", "--yes"}, "has no type"},
		"csv of odd types":       {[]string{"numbers", "add", "--csv", odd, "--yes"}, `odd.csv:2: +442079460001 is of type "isdn"`},
		"csv all wrong, partial": {[]string{"numbers", "add", "--csv", odd, "--partial", "--yes"}, "odd.csv:2: "},
		"partial of no file":     {[]string{"numbers", "add", number, "--partial", "--node", "london", "--type", "callingPlan", "--yes"}, "--partial needs --csv"},
		"overlapping ranges":     {[]string{"numbers", "add", "--range", "+442079460001..+442079460009", "--range", "+442079460009..+442079460012", "--node", "london", "--type", "callingPlan", "--yes"}, "overlaps +442079460001..+442079460009"},
		"a range too long":       {[]string{"numbers", "add", "--range", "+442079400000..+442079500000", "--node", "london", "--type", "callingPlan", "--yes"}, "100000 are allowed"},
		"too much at once":       {[]string{"numbers", "add", "--csv", sparse, "--node", "london", "--type", "callingPlan", "--yes"}, "about 50000 are allowed"},
		"summary of a state":     {[]string{"numbers", "list", "--summary", "--state", "used"}, "--summary and --state contradict each other"},
		"reserve nothing":        {[]string{"numbers", "reserve", "--yes"}, "numbers reserve needs NUMBER..."},
		"reserve malformed":      {[]string{"numbers", "reserve", number, "12", "--yes"}, "is not a telephone number"},
		"reserve without yes":    {[]string{"numbers", "reserve", number}, "add --yes"},
		"reserve for nobody":     {[]string{"numbers", "reserve", number, "--for", "", "--yes"}, "--for needs USER"},
		"reserve for no days":    {[]string{"numbers", "reserve", number, "--days", "0", "--yes"}, "--days 0 is out of range; accepted: 1 to 999"},
		"reserve with a story":   {[]string{"numbers", "reserve", number, "--notes", strings.Repeat("x", 401), "--yes"}, "--notes has 401 bytes"},
		"cool for too long":      {[]string{"numbers", "cool", number, "--days", "1000", "--yes"}, "--days 1000 is out of range; accepted: 1 to 999"},
		"release for days":       {[]string{"numbers", "release", number, "--days", "3", "--yes"}, "unknown flag: --days"},
		"move nowhere":           {[]string{"numbers", "move", number, "--yes"}, "numbers move needs --to NODE"},
		"remove without yes":     {[]string{"numbers", "remove", number}, "add --yes"},
		"audit a number":         {[]string{"numbers", "audit", number}, "does not take the argument"},
		"fix without yes":        {[]string{"numbers", "audit", "--fix"}, "add --yes"},
		"csv that is not there":  {[]string{"numbers", "add", "--csv", "none.csv", "--node", "london", "--type", "callingPlan", "--yes"}, "none.csv"},
		"place at nothing":       {[]string{"users", "place", ada, "--yes"}, "needs --site"},
		"place nobody":           {[]string{"users", "place", "--site", "london", "--yes"}, "which one is missing"},
		"place without yes":      {[]string{"users", "place"}, "add --yes"},
		"cancel without yes":     {[]string{"cancel", ada}, "add --yes"},
		"apply without yes":      {[]string{"catalog", "apply", "testdata/catalog.yaml"}, "add --yes"},
		"catalog with a typo":    {[]string{"catalog", "check", typo}, `typo.yaml:2:1: hierachy: unknown key "hierachy" (did you mean "hierarchy"?)`},
		"diff with a typo":       {[]string{"catalog", "diff", typo}, "typo.yaml:2:1: "},
		"apply with a typo":      {[]string{"catalog", "apply", typo, "--yes"}, "typo.yaml:2:1: "},
		"catalog not there":      {[]string{"catalog", "check", "none.yaml"}, "none.yaml"},
		"version with arguments": {[]string{"version", "x"}, `version does not take the argument "x"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newSeat(t).tenure(append([]string{"--color", "never"}, test.arguments...)...)
			r.exits(t, 3)
			r.says(t, test.says)
			if r.out != "" {
				t.Errorf("stdout: %s", r.out)
			}
			lines := strings.Split(strings.TrimSuffix(r.errout, "\n"), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "tenure: ") {
				t.Errorf("the last line is %q", last)
			}

			asJSON := newSeat(t).tenure(append([]string{"-o", "json"}, test.arguments...)...)
			asJSON.exits(t, 3)
			if test.arguments[len(test.arguments)-1] != "xml" {
				decode[failure](t, asJSON)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Run("no server", func(t *testing.T) {
		s := newSeat(t)
		t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
		r := s.tenure("list", "-o", "json")
		r.exits(t, 4)
		r.says(t, "cannot reach Temporal at 127.0.0.1:1")
		r.says(t, "make dev")
		if doc := decode[failure](t, r); doc.Error.Code != "temporal-unreachable" || !strings.Contains(*doc.Error.Hint, "TEMPORAL_ADDRESS") {
			t.Errorf("got %s", r.out)
		}
	})
	t.Run("no such namespace", func(t *testing.T) {
		s := newSeat(t)
		t.Setenv("TEMPORAL_NAMESPACE", "nowhere")
		r := s.tenure("list")
		r.exits(t, 4)
		r.says(t, "nowhere")
	})
	t.Run("unusable settings", func(t *testing.T) {
		s := newSeat(t)
		t.Setenv("TEMPORAL_PROFILE", "nowhere")
		r := s.tenure("list")
		r.exits(t, 4)
		r.says(t, "TEMPORAL_PROFILE")
	})
}

func TestHelp(t *testing.T) {
	for name, arguments := range map[string][]string{
		"help": {}, "help-onboard": {"onboard", "--help"}, "help-offboard": {"offboard", "--help"}, "help-move": {"move", "--help"}, "help-numbers": {"help", "numbers"}, "help-numbers-list": {"numbers", "list", "--help"},
	} {
		r := newSeat(t).tenure(arguments...)
		r.exits(t, 0)
		golden(t, name, r.out)
		for line := range strings.Lines(r.out) {
			if len([]rune(line)) > 81 && !strings.HasPrefix(line, "  tenure ") {
				t.Errorf("%s: wider than 80 columns: %s", name, line)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := newSeat(t).tenure("completion", shell)
		r.exits(t, 0)
		if !strings.Contains(r.out, "tenure") {
			t.Errorf("no script for %s", shell)
		}
	}
	if r := newSeat(t).tenure("__complete", "numbers", "list", "--state", ""); !strings.Contains(r.out, "cooling") {
		t.Errorf("states are not offered: %s", r.out)
	}
	for _, path := range [][]string{{"onboard"}, {"plan", "onboard"}, {"move"}, {"plan", "move"}} {
		r := newSeat(t).tenure(append(append([]string{"__complete"}, path...), ada, "--number", "")...)
		if !strings.HasPrefix(r.out, "next\nnone\n") {
			t.Errorf("%v: the words for a number are not offered: %s", path, r.out)
		}
	}
	if r := newSeat(t).tenure("__complete", "move", ada, "--number-to", ""); !strings.HasPrefix(r.out, "shared\nsite\n") {
		t.Errorf("the places for a number are not offered: %s", r.out)
	}
}

func TestVersion(t *testing.T) {
	r := newSeat(t).tenure("version")
	r.exits(t, 0)
	if r.out != "tenure dev\n" {
		t.Errorf("got %q", r.out)
	}
}
