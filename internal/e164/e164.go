// Package e164 reads telephone numbers in the forms that people and Microsoft write them, and gives them back as plain
// E.164: a plus sign and digits. Everything in this program stores, compares and prints that one form.
package e164

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// maxDigits is the longest international number that ITU-T E.164 allows.
const maxDigits = 15

// Parse returns the plain form of a number written with its country code: +44 20 7946 0000, 0044…, tel:+44… or \+44….
// Spaces, dots, hyphens and parentheses are ignored. A number that the numbering plan of its country cannot hold is an
// error; one that merely nobody has been given is not, because fictional and newly opened ranges must work.
func Parse(s string) (string, error) {
	n, err := parse(s)
	if err != nil {
		return "", err
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

func parse(s string) (*phonenumbers.PhoneNumber, error) {
	digits, err := digitsOf(s)
	if err != nil {
		return nil, err
	}
	n, err := phonenumbers.Parse("+"+digits, "")
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return nil, fmt.Errorf("%q is not a telephone number: no country code begins like that", s)
	case err != nil:
		return nil, fmt.Errorf("%q is not a telephone number: %w", s, err)
	}
	switch phonenumbers.IsPossibleNumberWithReason(n) {
	case phonenumbers.IS_POSSIBLE:
	case phonenumbers.TOO_LONG:
		return nil, fmt.Errorf("%q is not a telephone number: it has too many digits for country code +%d", s, n.GetCountryCode())
	case phonenumbers.TOO_SHORT, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return nil, fmt.Errorf("%q is not a telephone number: it has too few digits for country code +%d", s, n.GetCountryCode())
	default:
		return nil, fmt.Errorf("%q is not a telephone number: country code +%d has none of that length", s, n.GetCountryCode())
	}
	if len(phonenumbers.Format(n, phonenumbers.E164)) > maxDigits+1 {
		return nil, fmt.Errorf("%q is not a telephone number: it has more than %d digits", s, maxDigits)
	}
	return n, nil
}

// digitsOf strips the prefix and the punctuation and leaves the country code and what follows it.
func digitsOf(s string) (string, error) {
	text := strings.TrimSpace(s)
	if len(text) >= 4 && strings.EqualFold(text[:4], "tel:") {
		text = strings.TrimSpace(text[4:])
	}
	text = strings.TrimPrefix(text, `\`)
	plus := strings.HasPrefix(text, "+")
	text = strings.TrimPrefix(text, "+")
	var digits strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case strings.ContainsRune(" .-()\t\u00a0\u2010\u2011\u2013", r):
		default:
			return "", fmt.Errorf("%q is not a telephone number: it contains %q", s, r)
		}
	}
	d := digits.String()
	if !plus {
		if !strings.HasPrefix(d, "00") {
			return "", fmt.Errorf("%q is not a telephone number with its country code; write it like +44 20 7946 0000", s)
		}
		d = d[2:]
	}
	if d == "" {
		return "", fmt.Errorf("%q is not a telephone number: it has no digits", s)
	}
	return d, nil
}
