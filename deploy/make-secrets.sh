#!/bin/sh
# Makes the secrets that docker-compose.yml reads, in deploy/secrets/. What is there already stays as it is.
# Other users of this machine cannot get into the folder. The files in it can be read, because every container has a user
# of its own and gets only the files that it is given.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets

hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
ring() { printf 'k%s:%s' "$(date +%Y%m%d)" "$(head -c 32 /dev/urandom | base64 | tr -d '\n')"; }
keep() { # name value
  [ -s "$1" ] && return
  printf '%s\n' "$2" > "$1"
  echo "made deploy/secrets/$1"
}

keep postgres_password "$(hex 24)"
keep baton_db_password "$(hex 24)"
keep temporal_db_password "$(hex 24)"
keep database_url "postgres://baton:$(cat baton_db_password)@postgres:5432/baton"
keep operator_key "op_$(hex 24)"
keep metrics_key "mt_$(hex 24)"
keep secret_keys "$(ring)"
keep payload_keys "$(ring)"
keep grafana_password "$(hex 12)"
chmod 444 ./*
