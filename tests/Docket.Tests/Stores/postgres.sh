#!/bin/sh
# Starts a PostgreSQL server in a temporary directory and writes its connection string to the output. Then obeys the lines of its
# input, each answered by a line: start, stop, kill (all its processes at once), promote, limit BYTES (of a file, from the next
# start on). At the end of the input, which comes also when its parent is killed, the server is stopped and its directory deleted.
# usage: postgres.sh [--standby-of DIRECTORY] [NAME=VALUE…]   settings as in postgresql.conf
set -eu
trap '' INT HUP
trap 'exit 1' TERM
primary=
[ "${1-}" != --standby-of ] || { primary=$2; shift 2; }

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr | head -n 1)
[ -z "$bin" ] || PATH=$bin:$PATH
command -v initdb >/dev/null || { echo 'no PostgreSQL'; exit 1; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/docket-pg-XXXXXX")
cd "$dir"
as=
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root
  user=postgres
  id -u postgres >/dev/null 2>&1 || user=nobody
  chown "$user" .
  as="setpriv --reuid=$user --clear-groups --"
fi

end() {
  $as pg_ctl -D "$dir/data" -m immediate stop >/dev/null 2>&1 || :
  cd /
  rm -rf "$dir"
}
trap end EXIT

start() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do # after a kill, processes that still end may hold the memory
    $as pg_ctl -D data -l log -w start >>pg_ctl.log 2>&1 </dev/null && return
    sleep 0.5
  done
  return 1
}

if [ -n "$primary" ]; then
  $as pg_basebackup -h "$primary" -U docket -D data -R -c fast --no-sync >>pg_ctl.log 2>&1
else
  # The order of text is not that of bytes, as on most servers.
  $as initdb -D data -U docket -A trust -E UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US --no-sync >>pg_ctl.log 2>&1 || { cat pg_ctl.log >&2; exit 1; }
fi
for setting in "unix_socket_directories='$dir'" "listen_addresses=''" "$@"; do echo "$setting"; done >>data/postgresql.conf
start || { cat pg_ctl.log log >&2; exit 1; }
echo "Host=$dir;Username=docket;Database=postgres"

while read -r line; do
  case $line in
    start) start ;;
    stop) $as pg_ctl -D data -m fast -w stop >>pg_ctl.log 2>&1 ;;
    limit\ *) prlimit --pid $$ --fsize="${line#limit }:" ;;
    kill)
      main=$(head -n 1 data/postmaster.pid)
      kill -9 "$main" $(grep -sl "^PPid:.$main\$" /proc/[0-9]*/status | cut -d/ -f3) || : ;;
    promote) $as pg_ctl -D data -w promote >>pg_ctl.log 2>&1 ;;
  esac && echo done || echo failed
done
