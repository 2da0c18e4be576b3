#!/bin/bash
# State: django-health-check 4.8.0 with Django 5.2.19, CPython 3.11; a HealthCheckView with one check that fails, asked in
#   each of its formats.
# Guess, written down before: a failing check is HTTP 500 in every format; no checks are 200 (right).
# Behaviour: 500 as HTML, JSON and text; **200 as OpenMetrics, RSS and Atom**, by `?format=` and by the Accept header alike:
#   there the verdict is in the body alone. A check whose `run` returns False instead of raising is "OK" and 200; so is a
#   view with no checks, whose OpenMetrics say "1", healthy.
# Why it matters: a probe or load balancer that judges by the status is green when its URL has `?format=openmetrics`, or when
#   something on the way sets Accept (a scraper that is used as the health check, too); a list of checks that an
#   environment variable left empty is healthy.
# Output seen: "html 500, json 500, text 500, openmetrics 200, rss 200, atom 200; Accept 200; returns False 200; no checks 200, overall 1".
# Exits 0 while it is so, 1 when one of the answers changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check django-health-check==4.8.0 django==5.2.19
cd "$box"
cat >shop.py <<'P'
import dataclasses, sys
import django
from django.conf import settings

sys.modules["shop"] = sys.modules[__name__]
settings.configure(
    SECRET_KEY=50 * "x", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["health_check"], ROOT_URLCONF="shop", LOGGING_CONFIG=None,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
from django.test import Client
from django.urls import path
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable
from health_check.views import HealthCheckView

@dataclasses.dataclass
class Raises(HealthCheck):
    def run(self):
        raise ServiceUnavailable("no database")

@dataclasses.dataclass
class ReturnsFalse(HealthCheck):
    def run(self):
        return False

urlpatterns = [
    path("raises", HealthCheckView.as_view(checks=[Raises])),
    path("false", HealthCheckView.as_view(checks=[ReturnsFalse])),
    path("none", HealthCheckView.as_view(checks=[])),
]
ask = Client().get
formats = [f"{name} {ask(f'/raises?format={name}').status_code}" for name in ("json", "text", "openmetrics", "rss", "atom")]
accept = ask("/raises", headers={"Accept": "application/openmetrics-text"}).status_code
empty = ask("/none?format=openmetrics")
overall = [line for line in empty.content.decode().splitlines() if line.startswith("django_health_check_overall_status ")]
print(
    f"html {ask('/raises').status_code}, {', '.join(formats)}; Accept {accept}; returns False {ask('/false').status_code}; "
    f"no checks {empty.status_code}, overall {overall[0].split()[1]}"
)
P
seen=$(venv/bin/python shop.py 2>err) || { cat err >&2; exit 1; }
echo "$seen"
[ "$seen" = "html 500, json 500, text 500, openmetrics 200, rss 200, atom 200; Accept 200; returns False 200; no checks 200, overall 1" ] ||
  { echo "changed: see the answers above" >&2; exit 1; }
