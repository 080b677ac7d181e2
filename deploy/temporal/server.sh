#!/bin/sh
# The server reads its password from the environment only: it is put there here, where no inspection of the container sees it.
set -eu

POSTGRES_PWD="$(cat /run/secrets/temporal_db_password)"
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
