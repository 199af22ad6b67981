#!/bin/sh
# Creates Temporal's two databases and brings their schemas up to this release. May run again at any time.
set -eu

SQL_PASSWORD=$(cat /run/secrets/postgres-password)
export SQL_PASSWORD

schemas=/etc/temporal/schema/postgresql/v12

prepare() {
  database=$1
  versions=$2
  temporal-sql-tool --db "$database" create
  # A database that was never set up has no version to update from; an update that failed otherwise fails here as well.
  if ! temporal-sql-tool --db "$database" update-schema -d "$versions"; then
    temporal-sql-tool --db "$database" setup-schema -v 0.0
    temporal-sql-tool --db "$database" update-schema -d "$versions"
  fi
}

prepare temporal "$schemas/temporal/versioned"
prepare temporal_visibility "$schemas/visibility/versioned"
echo 'The schemas are up to date.'
