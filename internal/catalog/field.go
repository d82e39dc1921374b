package catalog

// FieldState tells the three things that a catalog can say about a value.
type FieldState int

// The states of a Field.
const (
	// Absent: the catalog does not mention it; it is left untouched, or inherited.
	Absent FieldState = iota
	// Cleared: the catalog says null; it is cleared.
	Cleared
	// Given: the catalog gives a value to set.
	Given
)

// Field is a three-valued field of the catalog. Its zero value is Absent.
type Field[T any] struct {
	state FieldState
	value T
}

// Give makes a field that sets a value.
func Give[T any](value T) Field[T] { return Field[T]{state: Given, value: value} }

// Clear makes a field that clears.
func Clear[T any]() Field[T] { return Field[T]{state: Cleared} }

// State returns which of the three it is.
func (f Field[T]) State() FieldState { return f.state }

// Value returns the value to set; ok is false when the field is absent or clears.
func (f Field[T]) Value() (value T, ok bool) { return f.value, f.state == Given }
