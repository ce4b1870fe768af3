#!/bin/sh
# Run by the image of PostgreSQL when its volume is new.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres \
  -v app="$(cat /run/secrets/password_app)" \
  -v worker="$(cat /run/secrets/password_worker)" \
  -v owner="$(cat /run/secrets/password_owner)" \
  --file /logins.sql
