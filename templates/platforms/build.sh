#!/bin/sh
# Render's build command: packages, and the static files of a Django project.
set -eu

python -m pip install --disable-pip-version-check --requirement requirements.txt
if [ -f manage.py ]; then
  python manage.py collectstatic --noinput
fi
