#!/bin/sh
# Start the workers that do not run, and have the others load the current release.
set -eu
for name in web-1 web-2; do
  pid="$SHOP/run/$name.pid"
  if [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; then
    kill -HUP "$(cat "$pid")"
  else
    "$SHOP_PYTHON" -m gunicorn --daemon --chdir "$SHOP/current" --pid "$pid" \
      --bind "127.0.0.1:$SHOP_PORT" --reuse-port --workers 1 --threads 4 --graceful-timeout 5 \
      --error-logfile "$SHOP/run/$name.log" app:application
  fi
done
