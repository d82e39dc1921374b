package codec_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"tenure/internal/codec"
)

// line is the line of a key whose bytes are all the same.
func line(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), 32)))
}

func load(t *testing.T, lines ...string) *codec.Codec {
	t.Helper()
	c, err := codec.Load(write(t, strings.Join(lines, "\n")))
	require.NoError(t, err)
	return c
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func payload(t *testing.T, value any) *common.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return p
}

func TestEncryptsAndDecrypts(t *testing.T) {
	c := load(t, "# the keys", "", " "+line("a", 'x')+" ")
	for name, value := range map[string]any{"text": "ada@contoso.com", "nothing": nil, "bytes": []byte{0, 1}, "structure": map[string]any{"number": "+442079460001"}} {
		t.Run(name, func(t *testing.T) {
			plain := payload(t, value)
			sealed, err := c.Encode([]*common.Payload{plain, plain})
			require.NoError(t, err)
			for _, p := range sealed {
				assert.Equal(t, map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte("a")}, p.Metadata)
				if len(plain.Data) > 2 {
					assert.NotContains(t, string(p.Data), string(plain.Data))
				}
			}
			assert.NotEqual(t, sealed[0].Data, sealed[1].Data, "the same twice must not look the same")
			opened, err := c.Decode(sealed)
			require.NoError(t, err)
			for _, p := range opened {
				assert.True(t, proto.Equal(plain, p))
			}
		})
	}
}

func TestRotation(t *testing.T) {
	a, b := line("a", 'x'), line("b", 'y')
	sealed, err := load(t, a).Encode([]*common.Payload{payload(t, "ada")})
	require.NoError(t, err)
	both := load(t, b, a)
	opened, err := both.Decode(sealed)
	require.NoError(t, err)
	assert.JSONEq(t, `"ada"`, string(opened[0].Data))
	again, err := both.Encode(opened)
	require.NoError(t, err)
	assert.Equal(t, "b", string(again[0].Metadata["encryption-key-id"]))

	for name, c := range map[string]struct {
		keys *codec.Codec
		says string
	}{
		"key is gone":       {load(t, b), `encrypted with key "a", which is not among those of TENURE_ENCRYPTION_KEYS`},
		"no key at all":     {&codec.Codec{}, `encrypted with key "a" and no key is configured; set TENURE_ENCRYPTION_KEYS`},
		"another of the id": {load(t, line("a", 'z')), `key "a" of TENURE_ENCRYPTION_KEYS does not fit`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.keys.Decode(sealed)
			var e *codec.Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Message, c.says)
		})
	}
}

// The id is authenticated: what one key sealed cannot be passed off as another's, even where they are equal.
func TestIDIsBound(t *testing.T) {
	c := load(t, line("a", 'x'), line("b", 'x'))
	sealed, err := c.Encode([]*common.Payload{payload(t, "ada")})
	require.NoError(t, err)
	sealed[0].Metadata["encryption-key-id"] = []byte("b")
	_, err = c.Decode(sealed)
	assert.ErrorContains(t, err, `key "b" of TENURE_ENCRYPTION_KEYS does not fit`)
}

func TestAlteredPayload(t *testing.T) {
	c := load(t, line("a", 'x'))
	for name, alter := range map[string]func(*common.Payload){
		"one bit": func(p *common.Payload) { p.Data[len(p.Data)-1] ^= 1 },
		"cut":     func(p *common.Payload) { p.Data = p.Data[:5] },
		"empty":   func(p *common.Payload) { p.Data = nil },
	} {
		t.Run(name, func(t *testing.T) {
			sealed, err := c.Encode([]*common.Payload{payload(t, "ada")})
			require.NoError(t, err)
			alter(sealed[0])
			_, err = c.Decode(sealed)
			assert.ErrorContains(t, err, "does not fit")
		})
	}
}

// A key can be introduced while runs are under way: what is not encrypted passes.
func TestPlainPayloadsPass(t *testing.T) {
	plain := []*common.Payload{payload(t, "ada")}
	opened, err := load(t, line("a", 'x')).Decode(plain)
	require.NoError(t, err)
	assert.Equal(t, plain, opened)
	var none codec.Codec
	unsealed, err := none.Encode(plain)
	require.NoError(t, err)
	assert.Equal(t, plain, unsealed)
	assert.False(t, none.Enabled())
}

func TestKeysThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":           {"# nothing\n\n", "there is no key in it"},
		"no id":           {"\nc2VjcmV0", "line 2 does not begin with the id of a key and a colon"},
		"empty id":        {line("", 'x'), "line 1 does not begin with the id"},
		"id with a space": {line("a b", 'x'), "line 1 does not begin with the id"},
		"not base64":      {"a:s3cr3t!", "line 1: key a is not 32 bytes in base64"},
		"too short":       {"a:" + base64.StdEncoding.EncodeToString([]byte("s3cr3t")), "line 1: key a is not 32 bytes in base64"},
		"twice":           {line("a", 'x') + "\n" + line("a", 'y'), "line 2: key a stands there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, c.text)
			_, err := codec.Load(file)
			var e *codec.Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Message, c.says)
			assert.Contains(t, e.Message, file)
			assert.NotContains(t, e.Message, "\n")
			for _, secret := range []string{"s3cr3t", "c2VjcmV0", "eHh4eHh4"} {
				assert.NotContains(t, e.Message, secret)
			}
		})
	}
	_, err := codec.Load("/nowhere/keys")
	var e *codec.Error
	require.ErrorAs(t, err, &e)
	assert.Contains(t, e.Message, "/nowhere/keys")
}

func TestFailures(t *testing.T) {
	cause := temporal.NewApplicationError("ada has +442079460001", "BusinessRule", map[string]string{"hint": "ask bob"})
	sealed := load(t, line("a", 'x')).Failures().ErrorToFailure(cause)
	assert.NotContains(t, sealed.String(), "442079460001")
	assert.NotContains(t, sealed.String(), "bob")

	var app *temporal.ApplicationError
	require.ErrorAs(t, load(t, line("a", 'x')).Failures().FailureToError(proto.CloneOf(sealed)), &app)
	assert.Equal(t, "ada has +442079460001", app.Message())
	var details map[string]string
	require.NoError(t, app.Details(&details))
	assert.Equal(t, "ask bob", details["hint"])

	stranger := load(t, line("b", 'y'))
	var e *codec.Error
	require.ErrorAs(t, stranger.Failures().FailureToError(proto.CloneOf(sealed)), &e)
	assert.PanicsWithError(t, e.Message, func() { _ = stranger.WorkerFailures().FailureToError(proto.CloneOf(sealed)) }, "no workflow may take it for the failure of a step")
	assert.NoError(t, stranger.WorkerFailures().FailureToError(nil))

	open := (&codec.Codec{}).Failures().ErrorToFailure(errors.New("ada"))
	assert.Equal(t, "ada", open.GetMessage(), "without a key everything is as it was")
}
