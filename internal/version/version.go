// Package version holds the version that the binaries print.
package version

// Version is set by the linker (see the Makefile and the Dockerfile); a plain
// `go build` leaves "dev".
var Version = "dev"
