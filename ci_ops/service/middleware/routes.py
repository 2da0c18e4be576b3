"""The route template of a request, as frameworks leave it behind.

Nothing is matched a second time. A template may be a metric's label, because
a client cannot invent one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.health.model import RESERVED_GROUPS
from ci_ops.service.metrics.requests import UNMATCHED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_HEALTH_NAMES = frozenset({"live", "ready", "check", *RESERVED_GROUPS})


def asgi_route(scope: Mapping[str, Any]) -> str:
    """Return the template in a scope after the call; empty without one."""
    route = scope.get("route")
    if route is None:
        return _from_endpoint(scope) if "endpoint" in scope else ""
    path: str = getattr(route, "path", "")
    if "app_root_path" not in scope:
        return path
    # A route below a mount knows its own part; a mount itself took what no route of ours did.
    prefix = _mounted_at(scope)
    return prefix if hasattr(route, "app") and hasattr(route, "routes") else prefix + path


def _mounted_at(scope: Mapping[str, Any]) -> str:
    """Return the innermost mount below the server's own prefix, with names for its parameters."""
    root = str(scope["root_path"]).removeprefix(scope["app_root_path"])
    return _named(root, scope.get("path_params") or {})[0]


def _from_endpoint(scope: Mapping[str, Any]) -> str:
    """Return the template of a route that FastAPI does not provide, made of the path and its parameters."""
    if "app_root_path" in scope:
        return _mounted_at(scope)
    parameters = scope.get("path_params") or {}
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    template, found = _named(path, parameters)
    return template if found == len(parameters) else ""  # a value that stands there in another form stays out


def _named(path: str, parameters: Mapping[str, Any]) -> tuple[str, int]:
    """Return a path with names in place of the values of parameters, and how many different ones were found."""
    names = {str(value): name for name, value in reversed(tuple(parameters.items()))}
    parts = path.split("/")
    named = "/".join(f"{{{names[part]}}}" if part in names else part for part in parts)
    return named, len(names.keys() & set(parts))


def health_route(path: str, roots: Collection[str]) -> str:
    """Return the route label of a path that may be a health route.

    Health routes are the roots, and the known names right below one of them.
    """
    path = path.rstrip("/")
    head, _, name = path.rpartition("/")
    return path if path in roots or (head in roots and name in _HEALTH_NAMES) else UNMATCHED
