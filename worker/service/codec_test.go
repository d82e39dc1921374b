package service_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"tenure/internal/codec"
	"tenure/worker/service"
)

const ui = "https://temporal.contoso.example"

// codecServer is one with a key, and what it would be asked to decrypt.
func codecServer(t *testing.T) (server *httptest.Server, sealed string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte("a:"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 32)))), 0o600))
	keys, err := codec.Load(file)
	require.NoError(t, err)
	handler, err := service.CodecServer{Token: "s3cret", UIs: []string{ui + "/"}}.Handler(keys)
	require.NoError(t, err)
	server = httptest.NewServer(handler)
	t.Cleanup(server.Close)
	payload, err := keys.Data().ToPayload("ada@contoso.com")
	require.NoError(t, err)
	raw, err := protojson.Marshal(&common.Payloads{Payloads: []*common.Payload{payload}})
	require.NoError(t, err)
	return server, string(raw)
}

func call(t *testing.T, method, url, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

func TestCodecServerDecryptsForItsUI(t *testing.T) {
	server, sealed := codecServer(t)
	answer, body := call(t, http.MethodPost, server.URL+"/decode", sealed, map[string]string{"Authorization": "Bearer s3cret", "Origin": ui, "Content-Type": "application/json", "X-Namespace": "default"})
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	var opened common.Payloads
	require.NoError(t, protojson.Unmarshal([]byte(body), &opened))
	var text string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(opened.Payloads[0], &text))
	assert.Equal(t, "ada@contoso.com", text)
	assert.Equal(t, ui, answer.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", answer.Header.Get("Access-Control-Allow-Credentials"))

	answer, encoded := call(t, http.MethodPost, server.URL+"/encode", body, map[string]string{"Authorization": "bearer s3cret"})
	assert.Equal(t, http.StatusOK, answer.StatusCode, encoded)
	assert.NotContains(t, encoded, base64.StdEncoding.EncodeToString([]byte(`"ada@contoso.com"`)))
}

func TestCodecServerRefuses(t *testing.T) {
	server, sealed := codecServer(t)
	token := map[string]string{"Authorization": "Bearer s3cret"}
	for name, c := range map[string]struct {
		method, path, body string
		headers            map[string]string
		status             int
	}{
		"no token":         {"POST", "/decode", sealed, nil, http.StatusUnauthorized},
		"wrong token":      {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cres"}, http.StatusUnauthorized},
		"longer token":     {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cret0"}, http.StatusUnauthorized},
		"empty token":      {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer "}, http.StatusUnauthorized},
		"other scheme":     {"POST", "/decode", sealed, map[string]string{"Authorization": "Basic s3cret"}, http.StatusUnauthorized},
		"no token encode":  {"POST", "/encode", sealed, nil, http.StatusUnauthorized},
		"other origin":     {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cret", "Origin": "https://evil.example"}, http.StatusForbidden},
		"null origin":      {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cret", "Origin": "null"}, http.StatusForbidden},
		"longer origin":    {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cret", "Origin": ui + ".evil.example"}, http.StatusForbidden},
		"http origin":      {"POST", "/decode", sealed, map[string]string{"Authorization": "Bearer s3cret", "Origin": strings.Replace(ui, "https", "http", 1)}, http.StatusForbidden},
		"other path":       {"POST", "/else/decode", sealed, token, http.StatusNotFound},
		"reading":          {"GET", "/decode", "", token, http.StatusNotFound},
		"not JSON":         {"POST", "/decode", "{", token, http.StatusBadRequest},
		"other key":        {"POST", "/decode", strings.Replace(sealed, `"YQ=="`, `"Yg=="`, 1), token, http.StatusBadRequest},
		"more than enough": {"POST", "/decode", `{"payloads":[{"data":"` + strings.Repeat("A", 33<<20) + `"}]}`, token, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := call(t, c.method, server.URL+c.path, c.body, c.headers)
			assert.Equal(t, c.status, answer.StatusCode, body)
			assert.NotContains(t, body, "ada")
			assert.NotContains(t, body, "s3cret")
			if c.status == http.StatusForbidden {
				assert.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

// A browser asks first, without the token, whether a page may call.
func TestCodecServerAnswersPreflights(t *testing.T) {
	server, _ := codecServer(t)
	ask := func(origin, headers string) *http.Response {
		answer, body := call(t, http.MethodOptions, server.URL+"/decode", "", map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers,
		})
		assert.Empty(t, body)
		return answer
	}
	answer := ask(ui, "authorization,content-type,x-namespace")
	assert.Equal(t, http.StatusNoContent, answer.StatusCode)
	assert.Equal(t, ui, answer.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", answer.Header.Get("Access-Control-Allow-Credentials"))
	assert.Equal(t, "POST", answer.Header.Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "authorization,content-type,x-namespace", answer.Header.Get("Access-Control-Allow-Headers"))
	assert.Contains(t, strings.Join(answer.Header.Values("Vary"), ","), "Origin", "what is allowed one origin must not be remembered for another")

	assert.Empty(t, ask("https://evil.example", "authorization").Header.Get("Access-Control-Allow-Origin"))
	assert.Empty(t, ask(ui, "authorization,x-else").Header.Get("Access-Control-Allow-Origin"))
}

func TestCodecServerNeedsAUI(t *testing.T) {
	for _, uis := range [][]string{nil, {"temporal.contoso.example"}, {"://"}} {
		_, err := service.CodecServer{Token: "s3cret", UIs: uis}.Handler(&codec.Codec{})
		assert.ErrorContains(t, err, "TENURE_TEMPORAL_UI")
	}
}
