// Package schemas holds the JSON Schemas of what the commands print with -o json: one file for each kind of document, and
// common.json with what they share. Every object is closed, so that a field that nobody documented is an error.
package schemas

import "embed"

// Files are the schemas.
//
//go:embed *.json
var Files embed.FS
