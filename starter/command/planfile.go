package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tenure/internal/lifecycle"
)

// planFile is a saved plan: the document of `tenure plan -o json` and a checksum over it.
type planFile struct {
	lifecycle.Plan
	Checksum string `json:"checksum"`
}

// checksum covers everything in the plan, however the file is indented.
func checksum(plan lifecycle.Plan) (string, error) {
	raw, err := json.Marshal(plan)
	if err != nil {
		return "", fmt.Errorf("encode the plan: %w", err)
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// savePlan writes a plan to a file that only its owner can read: it holds names and numbers.
func savePlan(file string, plan lifecycle.Plan) error {
	sum, err := checksum(plan)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(planFile{plan, sum}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o600); err != nil {
		return usage("name a file that can be written", "the plan cannot be saved: %s", cause(err))
	}
	return nil
}

// loadPlan reads a saved plan and refuses one that was altered.
func loadPlan(file string) (plan lifecycle.Plan, request lifecycle.Request, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return plan, request, usage("save one with: tenure plan … --out FILE", "the plan %s cannot be read: %s", file, cause(err))
	}
	var saved planFile
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&saved); err != nil || decoder.More() || saved.Checksum == "" {
		return plan, request, usage("save one with: tenure plan … --out FILE", "%s is not a saved plan", file)
	}
	sum, err := checksum(saved.Plan)
	if err != nil {
		return plan, request, err
	}
	if sum != saved.Checksum || json.Unmarshal(saved.Request, &request) != nil {
		return plan, request, &Failure{Exit: exitUsage, Code: "altered-plan", Message: "the plan " + file + " was altered after it was saved", Hint: "make a new one with: tenure plan … --out FILE"}
	}
	return saved.Plan, request, nil
}

// cause is what the system says, without the path, which the message names already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
