package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// nearest is the accepted word that was probably meant, or empty: one that differs in case only, or by a slip or two.
func nearest(word string, accepted []string) string {
	best, distance := "", 3
	for _, a := range accepted {
		d := editDistance(strings.ToLower(word), strings.ToLower(a))
		// Short words are all near each other, so a third of the length is the most that counts as a slip.
		if d < distance && d*3 <= max(len(a), 3) {
			best, distance = a, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(y)]
}

// meant is " (did you mean …?)" where a near word exists.
func meant(word string, accepted []string) string {
	if n := nearest(word, accepted); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}

// listed is the accepted words in a fixed order, or "none".
func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// listedSorted is for words whose order in the file says nothing.
func listedSorted(words []string) string {
	return listed(slices.Sorted(slices.Values(words)))
}
