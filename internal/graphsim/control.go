package graphsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const controlPrefix = "/_sim"

// serveControl answers what steers the simulation. It asks for no token: it
// isn't a part of the tenant.
func (t *Tenant) serveControl(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, controlPrefix), "/")
	var answer any
	status := http.StatusOK
	var err error
	switch call {
	case "GET /state":
		answer = t.State()
	case "PUT /state":
		status, err = http.StatusNoContent, t.putState(r.Body)
	case "GET /journal":
		answer = map[string]any{"requests": t.Journal()}
	case "DELETE /journal":
		status = http.StatusNoContent
		t.ClearJournal()
	case "GET /faults":
		answer = map[string]any{"faults": t.Faults()}
	case "POST /faults":
		status = http.StatusCreated
		answer, err = t.postFaults(r.Body)
	case "DELETE /faults":
		status = http.StatusNoContent
		t.ClearFaults()
	case "GET /permissions":
		answer = map[string]any{"roles": t.Permissions()}
	case "PUT /permissions":
		answer, err = t.putPermissions(r.Body)
	case "GET /settings":
		answer = t.Settings()
	case "PATCH /settings":
		answer, err = t.patchSettings(r.Body)
	case "GET /token":
		answer = t.Token()
	default:
		writeControl(w, http.StatusNotFound, controlError("UnknownCall", fmt.Sprintf("no control call %s %s", r.Method, r.URL.Path)))
		return
	}
	if err != nil {
		writeControl(w, http.StatusBadRequest, controlError("InvalidRequest", err.Error()))
		return
	}
	writeControl(w, status, answer)
}

func writeControl(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func controlError(code, message string) any {
	return map[string]any{"error": map[string]any{"code": code, "message": message}}
}

func (t *Tenant) putState(body io.Reader) error {
	var state State
	if err := json.NewDecoder(body).Decode(&state); err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	return t.SetState(state)
}

// decodeStrictly refuses fields that don't exist: a misspelt setting or fault
// would otherwise be a test that tests nothing.
func decodeStrictly(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// postFaults takes one fault or a list of them.
func (t *Tenant) postFaults(body io.Reader) (any, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		var faults []Fault
		if err := decodeStrictly(raw, &faults); err != nil {
			return nil, fmt.Errorf("reading the faults: %w", err)
		}
		for _, fault := range faults {
			if err := fault.check(); err != nil {
				return nil, err
			}
		}
		for i, fault := range faults {
			faults[i] = t.AddFault(fault)
		}
		return map[string]any{"faults": faults}, nil
	}
	fault := Fault{Probability: 1}
	if err := decodeStrictly(raw, &fault); err != nil {
		return nil, fmt.Errorf("reading the fault: %w", err)
	}
	if err := fault.check(); err != nil {
		return nil, err
	}
	return t.AddFault(fault), nil
}

func (f Fault) check() error {
	switch {
	case f.Probability < 0 || f.Probability > 1:
		return errors.New("probability lies between 0 and 1")
	case f.ClaimsChallenge && (f.Status != 0 || f.Body != "" || f.Reset):
		return errors.New("claimsChallenge is an answer of its own: no status, body or reset beside it")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not an answer", f.Status)
	case f.LatencyMs < 0 || f.RetryAfter < 0:
		return errors.New("latencyMs and retryAfter are not negative")
	}
	return nil
}

func (t *Tenant) putPermissions(body io.Reader) (any, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var given struct {
		Roles *[]string `json:"roles"`
	}
	if err := decodeStrictly(raw, &given); err != nil {
		return nil, fmt.Errorf("reading the permissions: %w", err)
	}
	if given.Roles == nil {
		return nil, errors.New("roles are missing")
	}
	t.SetPermissions(*given.Roles...)
	return map[string]any{"roles": t.Permissions()}, nil
}

func (t *Tenant) patchSettings(body io.Reader) (any, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	settings := t.Settings()
	if err := decodeStrictly(raw, &settings); err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	for _, n := range []int{
		settings.LatencyMs, settings.ReadLagMs, settings.TokenSeconds, settings.GroupLicensingDelayMs, settings.NumberOperationMs, settings.TeamsProvisioningMs,
	} {
		if n < 0 {
			return nil, errors.New("a setting is not negative")
		}
	}
	t.SetSettings(settings)
	return settings, nil
}
