// Package examples holds a catalog to start from.
package examples

import _ "embed"

// Catalog is examples/catalog.yaml: one customer with three sites, as `tenure-worker dev` applies it.
//
//go:embed catalog.yaml
var Catalog []byte
