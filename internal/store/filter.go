package store

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"tenure/internal/lifecycle"
)

// Pages have defaultPage items where a filter's Limit is 0, and never more than largestPage.
const (
	defaultPage = 100
	largestPage = 1000
)

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, largestPage)
}

// conditions builds a WHERE clause. The zero value has none.
type conditions struct {
	parts []string
	args  []any
}

// add adds a condition in which each ? stands for the next argument.
func (c *conditions) add(condition string, args ...any) {
	for _, arg := range args {
		condition = strings.Replace(condition, "?", c.arg(arg), 1)
	}
	c.parts = append(c.parts, condition)
}

// arg adds an argument and returns its placeholder.
func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// equal adds column = value unless the value is empty.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// oneOf adds column IN (values) unless there are none.
func (c *conditions) oneOf(column string, values []string) {
	marks := make([]string, len(values))
	for i, value := range values {
		marks[i] = c.arg(value)
	}
	if len(marks) > 0 {
		c.add(column + " IN (" + strings.Join(marks, ", ") + ")")
	}
}

// at restricts a column of node paths to one node, or to the node and everything below it. Below is one range that an
// index serves ("0" is the character after "/"), less what sorts between the node and its children: a/b+c is not below a/b.
func (c *conditions) at(column, node string, below bool) {
	switch {
	case node == "":
	case below:
		c.add(column+" >= ? AND "+column+" < ? AND ("+column+" = ? OR "+column+" >= ?)", node, node+"0", node, node+"/")
	default:
		c.add(column+" = ?", node)
	}
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// A cursor is the sort key of the last item of a page. Callers pass it back as they got it.

func cursorAfter(key ...string) string {
	// Marshalling strings cannot fail.
	raw, _ := json.Marshal(key)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// cursorKey reads a cursor of n parts; nil for the first page.
func cursorKey(cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	var key []string
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if err != nil || len(key) != n {
		return nil, badCursor()
	}
	return key, nil
}

// cursorNumber reads the part of a cursor that is a number.
func cursorNumber(part string) (int64, error) {
	n, err := strconv.ParseInt(part, 10, 64)
	if err != nil {
		return 0, badCursor()
	}
	return n, nil
}

func badCursor() error {
	return &lifecycle.Refusal{Code: "bad-cursor", Message: "the page to continue from is not one that a list has named", Hint: "start again without it", Invalid: true}
}

// page cuts what was read with one item too many down to the page, and returns the cursor of the next one.
func page[T any](items []T, size int, key func(T) string) (list []T, next string) {
	if len(items) <= size {
		return items, ""
	}
	return items[:size], key(items[size-1])
}
