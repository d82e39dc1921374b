package contract

import "time"

// CheckWorker asks a worker how it is set up.
const CheckWorker = "CheckWorker"

// DirectorySyncSchedule is the id of the schedule that reads the directory from time to time.
const DirectorySyncSchedule = "tenure-directory-sync"

// WorkerCheckRequest asks whichever worker comes first.
type WorkerCheckRequest struct{}

// WorkerCheck is what a worker says about itself and its store.
type WorkerCheck struct {
	Version string `json:"version"`
	// At is the worker's clock at some moment between question and answer.
	At time.Time `json:"at"`
	// Schema is the version of the store's schema and KnownSchema the one that the worker is made for.
	Schema      int64 `json:"schema"`
	KnownSchema int64 `json:"knownSchema"`
	// Catalog is the revision in force, nil before the first one; CatalogProblem says why the worker cannot read it.
	Catalog        *CatalogRevision `json:"catalog"`
	CatalogProblem *string          `json:"catalogProblem"`
	// Tenants are those of the catalog in force.
	Tenants []string `json:"tenants"`
	// Keys are the ids of the worker's encryption keys, the one that encrypts first.
	Keys []string `json:"keys"`
	// Clocks are those of the tenants that the worker has heard from.
	Clocks []TenantClock `json:"clocks"`
}

// CatalogRevision says which catalog is in force, and since when.
type CatalogRevision struct {
	Number    int64     `json:"number"`
	AppliedAt time.Time `json:"appliedAt"`
	By        *string   `json:"by"`
}

// TenantClock is how far Microsoft's clock is ahead of the worker's, negative when it is behind.
type TenantClock struct {
	Tenant string        `json:"tenant"`
	Ahead  time.Duration `json:"aheadNanoseconds"`
}
