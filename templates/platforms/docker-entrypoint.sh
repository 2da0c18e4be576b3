#!/bin/sh
# What a container, or Render, starts: `web` serves, `migrate` brings the database up to date, anything else is run.
#   APP     module:name of the application, such as shop.asgi:app
#   SERVER  asgi (uvicorn) or wsgi (gunicorn)
# `exec` puts the server in the place of the shell: SIGTERM reaches it, and it can drain.
set -eu

port="${API_PORT:-${PORT:-8000}}"
host="${API_HOST:-0.0.0.0}"
workers="${API_WORKERS:-4}"

serve() {
  app="${APP:?is not set: module:name of the application}"
  case "${SERVER:-asgi}" in
    asgi)
      exec python -m uvicorn "$app" --host "$host" --port "$port" --workers "$workers" \
        --no-access-log --no-server-header --timeout-graceful-shutdown 10
      ;;
    wsgi)
      # Longer than the kit's drain of 10 s and the 10 s that requests in flight get.
      exec python -m gunicorn "$app" --bind "$host:$port" --workers "$workers" --threads 4 --graceful-timeout 30
      ;;
    *)
      echo "SERVER is asgi or wsgi, not $SERVER" >&2
      exit 2
      ;;
  esac
}

migrate() {
  if [ -f alembic.ini ]; then
    exec python -m alembic upgrade head
  elif [ -f manage.py ]; then
    exec python manage.py migrate --noinput
  fi
  echo "there is neither an alembic.ini nor a manage.py here" >&2
  exit 2
}

case "${1:-web}" in
  web) serve ;;
  migrate) migrate ;;
  *) exec "$@" ;;
esac
