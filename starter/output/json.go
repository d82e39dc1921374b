package output

import (
	"encoding/json"
	"io"
)

// Format is what -o asks for.
type Format string

// The formats of architecture.md §5.1.
const (
	TextFormat  Format = "text"
	JSONFormat  Format = "json"
	LinesFormat Format = "jsonl"
)

// Formats are the accepted values.
func Formats() []string {
	return []string{string(TextFormat), string(JSONFormat), string(LinesFormat)}
}

// JSON writes one document: over several lines for -o json, on one for -o jsonl.
func JSON(w io.Writer, format Format, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if format == JSONFormat {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(value)
}

// Items writes a list as -o jsonl wants it, one item a line.
func Items[T any](w io.Writer, items []T) error {
	for _, item := range items {
		if err := JSON(w, LinesFormat, item); err != nil {
			return err
		}
	}
	return nil
}
