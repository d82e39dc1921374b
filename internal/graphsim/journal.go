package graphsim

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// JournalEntry is one Graph request. Parts of a batch have entries of their
// own; the batch around them has one only when it was refused as a whole.
type JournalEntry struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Path in the normal form that faults use.
	Path string `json:"path"`
	// Query as it was sent.
	Query string `json:"query"`
	// Body as JSON; what isn't JSON stands as a string, none is null.
	Body json.RawMessage `json:"body"`
	// Status as the client saw it; 0 when the connection was cut.
	Status int `json:"status"`
	// Write says whether the request asked for a change.
	Write bool `json:"write"`
	// Committed says whether a write was accepted, also when it altered nothing
	// and when its answer was lost.
	Committed bool   `json:"committed"`
	RequestID string `json:"requestId"`
	// Fault is the id of the fault that hit the request.
	Fault *string `json:"fault"`
}

const journalLimit = 100_000

// journal is a ring of the last requests.
type journal struct {
	mu      sync.Mutex
	seq     uint64
	entries []JournalEntry
	oldest  int
}

func (j *journal) add(entry JournalEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	entry.Seq = j.seq
	if len(j.entries) < journalLimit {
		j.entries = append(j.entries, entry)
		return
	}
	j.entries[j.oldest] = entry
	j.oldest = (j.oldest + 1) % journalLimit
}

func (j *journal) list() []JournalEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]JournalEntry, 0, len(j.entries))
	list = append(list, j.entries[j.oldest:]...)
	return append(list, j.entries[:j.oldest]...)
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.oldest = nil, 0
}

func journalBody(body []byte) json.RawMessage {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		return compact.Bytes()
	}
	quoted, _ := json.Marshal(string(body))
	return quoted
}
