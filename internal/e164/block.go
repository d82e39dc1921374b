package e164

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// MaxBlock is how many numbers one block may hold.
const MaxBlock = 100_000

// Block is a run of consecutive numbers, both ends included, in plain E.164.
type Block struct {
	From, To string
	Count    int
}

// Range makes the block from one number to another. Both must be numbers of the same country and length, the second not
// before the first, and no more than MaxBlock numbers between them.
func Range(from, to string) (Block, error) {
	first, err := parse(from)
	if err != nil {
		return Block{}, err
	}
	last, err := parse(to)
	if err != nil {
		return Block{}, err
	}
	a, err := Parse(from)
	if err != nil {
		return Block{}, err
	}
	b, err := Parse(to)
	if err != nil {
		return Block{}, err
	}
	switch {
	case first.GetCountryCode() != last.GetCountryCode():
		return Block{}, fmt.Errorf("%s and %s are numbers of different countries", a, b)
	case len(a) != len(b):
		return Block{}, fmt.Errorf("%s and %s have different lengths", a, b)
	}
	low, high := digits(a), digits(b)
	switch {
	case high < low:
		return Block{}, fmt.Errorf("the range runs backwards: %s comes after %s", a, b)
	case high-low >= MaxBlock:
		return Block{}, fmt.Errorf("%s..%s holds %d numbers; %d are allowed at once", a, b, high-low+1, MaxBlock)
	}
	return Block{From: a, To: b, Count: int(high - low + 1)}, nil
}

// ParseRange reads A..B as Range does; a single number is a block of one.
func ParseRange(s string) (Block, error) {
	from, to, ok := strings.Cut(s, "..")
	if !ok {
		to = from
	}
	return Range(from, to)
}

// Blocks packs plain numbers, whatever their order, into as few blocks as hold just them.
func Blocks(numbers []string) []Block {
	var blocks []Block
	for _, n := range slices.Compact(slices.SortedFunc(slices.Values(numbers), compare)) {
		if last := len(blocks) - 1; last >= 0 && blocks[last].Count < MaxBlock && len(blocks[last].To) == len(n) && digits(blocks[last].To)+1 == digits(n) {
			blocks[last].To = n
			blocks[last].Count++
			continue
		}
		blocks = append(blocks, Block{From: n, To: n, Count: 1})
	}
	return blocks
}

func compare(a, b string) int { return cmp.Compare(digits(a), digits(b)) }

// String is the block as ParseRange reads it.
func (b Block) String() string {
	if b.From == b.To {
		return b.From
	}
	return b.From + ".." + b.To
}

// All yields every number of the block in order, one at a time.
func (b Block) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for n, last := digits(b.From), digits(b.To); b.Count > 0 && n <= last; n++ {
			if !yield("+" + strconv.FormatUint(n, 10)) {
				return
			}
		}
	}
}

// Overlaps reports whether a number belongs to both blocks.
func (b Block) Overlaps(other Block) bool {
	return b.Count > 0 && other.Count > 0 && digits(b.From) <= digits(other.To) && digits(other.From) <= digits(b.To)
}

// digits is the value of a plain number. Country codes never begin with a zero, so no digit is lost.
func digits(number string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(number, "+"), 10, 64)
	return n
}
