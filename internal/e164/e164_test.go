package e164_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/e164"
)

func TestParse(t *testing.T) {
	for written, want := range map[string]string{
		"+442079460000":                "+442079460000",
		"+44 20 7946 0000":             "+442079460000",
		`\+442079460000`:               "+442079460000",
		"tel:+442079460000":            "+442079460000",
		"TEL: +44 20 7946 0000":        "+442079460000",
		"00442079460000":               "+442079460000",
		"+44 (0)20 7946 0000":          "+442079460000",
		"+44.20.7946-0000":             "+442079460000",
		"\u00a0+44\u00a020 7946 0000 ": "+442079460000",
		"+1 (800) 555-0100":            "+18005550100", // fictional, and accepted
		"+1 212 555 0199":              "+12125550199",
		"+39 06 1234 5678":             "+390612345678", // Italy keeps its zero
		"+33 1 99 00 12 34":            "+33199001234",
	} {
		got, err := e164.Parse(written)
		require.NoError(t, err, written)
		assert.Equal(t, want, got, written)
	}
}

func TestParseRefuses(t *testing.T) {
	for written, says := range map[string]string{
		"":                       "country code",
		"+":                      "no digits",
		"00":                     "no digits",
		"02079460000":            "write it like +44 20 7946 0000",
		"442079460000":           "country code",
		"+44 20 7946 000O":       `contains 'O'`,
		"+44 20 7946 0000 x12":   `contains 'x'`,
		"+44+20":                 `contains '+'`,
		"++442079460000":         `contains '+'`,
		"+44":                    "not a telephone number",
		"+4420":                  "too few digits",
		"+1 555 0100":            "too few digits", // a local number
		"+44207946000000":        "too many digits",
		"+9990000000":            "no country code",
		"+٤٤٢٠٧٩٤٦٠٠٠٠":          "contains",
		"next":                   `contains 'n'`,
		"+442079460000,+4420794": "contains ','",
	} {
		got, err := e164.Parse(written)
		require.Error(t, err, written)
		assert.ErrorContains(t, err, says, written)
		assert.Empty(t, got)
	}
}

func TestRange(t *testing.T) {
	b, err := e164.Range("+44 20 7946 0098", `\+442079460101`)
	require.NoError(t, err)
	assert.Equal(t, e164.Block{From: "+442079460098", To: "+442079460101", Count: 4}, b)
	assert.Equal(t, []string{"+442079460098", "+442079460099", "+442079460100", "+442079460101"}, slices.Collect(b.All()))
	assert.Equal(t, "+442079460098..+442079460101", b.String())
	for range b.All() {
		break // stopping early is allowed
	}

	b, err = e164.Range("+442079400000", "+442079499999")
	require.NoError(t, err, "100,000 are allowed")
	assert.Equal(t, e164.MaxBlock, b.Count)

	b, err = e164.ParseRange("+18005550100")
	require.NoError(t, err)
	assert.Equal(t, e164.Block{From: "+18005550100", To: "+18005550100", Count: 1}, b)
	assert.Equal(t, "+18005550100", b.String())
	b, err = e164.ParseRange("+1 800 555 0100 .. +1 800 555 0109")
	require.NoError(t, err)
	assert.Equal(t, 10, b.Count)

	assert.Empty(t, slices.Collect(e164.Block{}.All()))
}

func TestRangeRefuses(t *testing.T) {
	for written, says := range map[string]string{
		"+442079460019..+442079460000":                "backwards",
		"+442079400000..+442079500000":                "holds 100001 numbers; 100000 are allowed",
		"+442079460000..+18005550100":                 "different countries",
		"+49301234567..+493012345678":                 "different lengths",
		"+442079460000..":                             "country code",
		"..+442079460000":                             "country code",
		"+442079460000..+442079460001..+442079460002": "not a telephone number",
		"": "country code",
	} {
		_, err := e164.ParseRange(written)
		assert.ErrorContains(t, err, says, written)
	}
}

func TestOverlaps(t *testing.T) {
	block := func(s string) e164.Block {
		b, err := e164.ParseRange(s)
		require.NoError(t, err)
		return b
	}
	middle := block("+442079460010..+442079460019")
	for other, want := range map[string]bool{
		"+442079460000..+442079460009": false,
		"+442079460000..+442079460010": true,
		"+442079460012..+442079460013": true,
		"+442079460000..+442079460099": true,
		"+442079460019..+442079460020": true,
		"+442079460020":                false,
	} {
		assert.Equal(t, want, middle.Overlaps(block(other)), other)
		assert.Equal(t, want, block(other).Overlaps(middle), other)
	}
	assert.False(t, middle.Overlaps(e164.Block{}))
}

func TestBlocks(t *testing.T) {
	assert.Equal(t, []e164.Block{
		{From: "+18005550100", To: "+18005550101", Count: 2},
		{From: "+442079460009", To: "+442079460011", Count: 3},
		{From: "+442079460013", To: "+442079460013", Count: 1},
	}, e164.Blocks([]string{"+442079460011", "+442079460013", "+18005550101", "+442079460009", "+442079460010", "+442079460009", "+18005550100"}))
	assert.Empty(t, e164.Blocks(nil))

	b, err := e164.Range("+442079400000", "+442079499999")
	require.NoError(t, err)
	assert.Equal(t, []int{e164.MaxBlock, 1}, counts(e164.Blocks(append(slices.Collect(b.All()), "+442079500000"))))
}

func counts(blocks []e164.Block) (all []int) {
	for _, b := range blocks {
		all = append(all, b.Count)
	}
	return all
}

var plain = regexp.MustCompile(`^\+[1-9][0-9]{3,14}$`)

// FuzzParse: what is accepted is plain E.164, and reading it again changes nothing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"+442079460000", `\+44 20 7946 0000`, "tel:+1-800-555-0100", "0044 20", "+39 06 1", "+4", "next", "+442079460000..+442079460019"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := e164.ParseRange(s); err == nil && (b.Count < 1 || b.Count > e164.MaxBlock) {
			t.Fatalf("%q has %d numbers", s, b.Count)
		}
		got, err := e164.Parse(s)
		if err != nil {
			return
		}
		if !plain.MatchString(got) {
			t.Fatalf("%q gives %q", s, got)
		}
		if again, err := e164.Parse(got); err != nil || again != got {
			t.Fatalf("%q gives %q, which gives %q, %v", s, got, again, err)
		}
	})
}
