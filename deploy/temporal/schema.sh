#!/bin/sh
# Brings Temporal's two databases to the schema of the server that follows. Runs
# at every start: each call leaves alone what is there already.
set -eu

schema=/etc/temporal/schema/postgresql/v12

prepare() {
	temporal-sql-tool --database "$1" create-database
	temporal-sql-tool --database "$1" setup-schema --version 0.0
	temporal-sql-tool --database "$1" update-schema --schema-dir "$schema/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
