package codec

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Variable is the setting that names the file with the keys.
const Variable = "TENURE_ENCRYPTION_KEYS"

// Error says that what is configured does not fit: the file of keys cannot be used, or has no key for what is to be
// read. It is one line and holds no part of a key.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func problem(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// key is an AES-256 key by its id.
type key struct {
	id   string
	aead cipher.AEAD
}

const keyBytes = 32

// keyIDs stand readable beside everything that they encrypt.
var keyIDs = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Load reads the keys of a file: a line for each, "id:" and 32 random bytes in base64. The first one encrypts, all of
// them decrypt. Empty lines and those that begin with # do not count. Without a file nothing is encrypted, and what is
// encrypted cannot be read. Every error is an *Error.
func Load(file string) (*Codec, error) {
	if file == "" {
		return &Codec{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, problem("read the keys of %s: %v", Variable, err)
	}
	keys, err := parse(text)
	if err != nil {
		return nil, problem("%s (%s): %v", file, Variable, err)
	}
	return &Codec{keys}, nil
}

func parse(text []byte) (keys []key, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, found := strings.Cut(line, ":")
		id = strings.TrimSpace(id)
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		switch {
		case !found || !keyIDs.MatchString(id):
			// The line may be a secret without its id, so it is not shown.
			return nil, fmt.Errorf("line %d does not begin with the id of a key and a colon", n)
		case err != nil || len(secret) != keyBytes:
			return nil, fmt.Errorf("line %d: key %s is not %d bytes in base64; make one with: openssl rand -base64 %d", n, id, keyBytes, keyBytes)
		}
		for _, other := range keys {
			if other.id == id {
				return nil, fmt.Errorf("line %d: key %s stands there twice", n, id)
			}
		}
		k := key{id: id}
		block, err := aes.NewCipher(secret)
		if err == nil {
			k.aead, err = cipher.NewGCMWithRandomNonce(block)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it")
	}
	return keys, nil
}
