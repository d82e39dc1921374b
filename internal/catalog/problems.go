package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a catalog file.
type Problem struct {
	// File is the name that Parse was given; Line and Column count from 1.
	File         string `json:"file"`
	Line, Column int
	// Path leads to the value: quickAddGroups[0].m365User. It is empty for the file as a whole.
	Path string `json:"path"`
	// Message says what is wrong and what would be accepted.
	Message string `json:"message"`
}

// String is the problem on one line: file:line:column: path: message.
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, p.Path, p.Message)
}

// Problems is the error of Parse: everything that is wrong, in the order of the file.
type Problems struct {
	List []Problem
}

// Error has one line for each problem.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts by place in the file and drops repetitions, which aliases cause.
func inOrder(list []Problem) []Problem {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(list)
}
