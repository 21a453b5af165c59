#!/usr/bin/env bash
# Starts PostgreSQL in the scratch folder of one contestant, then the contestant, and stops it
# when that has ended: postgres.sh PORT COMMAND…
set -euo pipefail
port=$1
shift
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
data=$PEER_SCRATCH/postgres
as=()
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root
  chown postgres "$PEER_SCRATCH"
  as=(runuser -u postgres --)
fi
"${as[@]}" "$bin/initdb" -D "$data" -A trust -U postgres >&2
"${as[@]}" "$bin/pg_ctl" -D "$data" -w -l "$PEER_SCRATCH/postgres.log" \
  -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=''" start >&2
trap '"${as[@]}" "$bin/pg_ctl" -D "$data" -m fast stop >&2' EXIT
export PEER_DATABASE="postgres://postgres@127.0.0.1:$port/postgres"
"$@"
