#!/bin/sh
# Usage: code_server.sh HOST PORT. The code server of this project, from the repository's folder
# with its virtual environment on the PATH. Runs that its predecessor took with it are closed in the
# background once it answers, for the daemon to retry them.
set -eu
started=$(date +%s)
(python instance/close_lost_runs.py docre "$2" "$started" &)
exec dagster code-server start --host "$1" --port "$2" \
  --module-name docre_assets.definitions --location-name docre
