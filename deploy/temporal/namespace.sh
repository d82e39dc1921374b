#!/bin/sh
# Creates the namespace named by TEMPORAL_NAMESPACE and the search attributes that
# every run carries. Runs at every start: what exists is left alone.
set -eu

# The server's caches take a moment to learn of a new namespace.
patiently() {
	for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		"$@" && return 0
		sleep 2
	done
	return 1
}

patiently temporal operator cluster health
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE"

for attribute in TenureOperation TenureTenant TenureNode TenureState TenureRequest TenureBatch; do
	patiently temporal operator search-attribute create --name "$attribute" --type Keyword
done
