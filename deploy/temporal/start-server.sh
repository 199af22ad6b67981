#!/bin/sh
# Starts the server of the image; its configuration takes the database's password from the environment alone.
set -eu

POSTGRES_PWD=$(cat /run/secrets/postgres-password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
