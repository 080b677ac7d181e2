#!/bin/bash
# Runs once, when the data folder of PostgreSQL is new: a role and databases for Baton, and a role and databases for Temporal.
# Neither can read the other's.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=baton="$(cat /run/secrets/baton_db_password)" \
  --set=temporal="$(cat /run/secrets/temporal_db_password)" <<'SQL'
create role baton login password :'baton';
create role temporal login password :'temporal';
create database baton owner baton;
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect on database baton, temporal, temporal_visibility from public;
SQL
