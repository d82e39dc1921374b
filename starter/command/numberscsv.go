package command

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tenure/internal/e164"
)

// The columns of a file of numbers.
const (
	numberColumn = "number"
	nodeColumn   = "node"
	typeColumn   = "type"
)

// readNumbers reads a CSV file of numbers, one a line; node and kind are for lines that say nothing of their own. Lists come
// in the order of the file. problems name the line that each is on, and such lines are in no list.
func readNumbers(file, node, kind string) (lists []numberList, problems []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	defer f.Close()
	reader := csv.NewReader(f)
	reader.FieldsPerRecord = -1
	reader.TrimLeadingSpace = true

	type target struct{ node, kind string }
	var order []target
	numbers := map[target][]string{}
	lines := map[string]int{}
	columns := map[string]int{numberColumn: 0}
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, &Failure{Exit: exitUsage, Code: "unreadable-file", Message: file + ": " + err.Error()}
		}
		record[0] = strings.TrimPrefix(record[0], "\ufeff")
		if first {
			if heading := headingOf(record); heading != nil {
				columns = heading
				continue
			}
		}
		cell := func(column, otherwise string) string {
			i, ok := columns[column]
			if !ok || i >= len(record) || strings.TrimSpace(record[i]) == "" {
				return otherwise
			}
			return strings.TrimSpace(record[i])
		}
		text := cell(numberColumn, "")
		if text == "" {
			continue
		}
		line, _ := reader.FieldPos(0)
		problem := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s:%d: ", file, line)+fmt.Sprintf(format, args...))
		}
		to := target{cell(nodeColumn, node), cell(typeColumn, kind)}
		number, err := e164.Parse(text)
		switch {
		case err != nil:
			problem("%v", err)
		case lines[number] > 0:
			problem("%s stands on line %d already", number, lines[number])
		case to.node == "":
			problem("%s has no node; add a column node, or --node NODE", number)
		case to.kind == "":
			problem("%s has no type; add a column type, or --type TYPE", number)
		case !slices.Contains(numberTypes, to.kind):
			problem("%s is of type %q; accepted: %s", number, to.kind, strings.Join(numberTypes, ", "))
		default:
			lines[number] = line
			if numbers[to] == nil {
				order = append(order, to)
			}
			numbers[to] = append(numbers[to], number)
		}
	}
	if len(numbers) == 0 && len(problems) == 0 {
		return nil, nil, &Failure{Exit: exitUsage, Code: "no-numbers", Message: file + " has no numbers in it"}
	}
	for _, to := range order {
		lists = append(lists, numberList{to.node, to.kind, e164.Blocks(numbers[to])})
	}
	return lists, problems, nil
}

// headingOf is where the columns stand; nil when the line is no heading.
func headingOf(record []string) map[string]int {
	columns := map[string]int{}
	for i, name := range record {
		columns[strings.ToLower(strings.TrimSpace(name))] = i
	}
	if _, ok := columns[numberColumn]; !ok {
		return nil
	}
	return columns
}
