#!/bin/sh
# Makes the cluster at the first start, from the same variables as the official image.
set -eu

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres: "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?the official image refuses to start without it, too}"
    user=${POSTGRES_USER:-postgres}
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    eval "initdb --username='$user' --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS:-}"
    rm /tmp/password
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    # Nobody but us reaches it before it is whole.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/tmp" -w start
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        createdb --host=/tmp --username="$user" --maintenance-db=postgres "${POSTGRES_DB:-$user}"
    fi
    pg_ctl -D "$PGDATA" -m fast -w stop
fi

program=$1
shift
exec "$program" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql "$@"
