package graphsim

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"github.com/google/uuid"
)

// randomness makes ids and chances that repeat from one seed.
type randomness struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newRandomness(seed uint64) *randomness {
	return &randomness{source: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

func (r *randomness) guid() string {
	var id uuid.UUID
	r.mu.Lock()
	binary.BigEndian.PutUint64(id[:8], r.source.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.source.Uint64())
	r.mu.Unlock()
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// chance is in [0,1).
func (r *randomness) chance() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Float64()
}

var idSpace = uuid.MustParse("6f1d2c5e-8f3a-4d53-9c1b-2a7f0f3f9b11")

var tenantID = stableID("tenant", "contoso")

// stableID gives what has no id of its own in a state the same id every time.
func stableID(kind, name string) string {
	return uuid.NewSHA1(idSpace, []byte(kind+":"+name)).String()
}
