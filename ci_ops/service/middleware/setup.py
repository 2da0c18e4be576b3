"""setup_middleware: the whole layer around an application, in one call.

setup_middleware(app)                                   # FastAPI, Starlette, Flask
application = setup_middleware(get_wsgi_application())  # Django, any WSGI or ASGI
"""

from __future__ import annotations

from typing import Any

from ci_ops.service.middleware.frameworks import install
from ci_ops.service.middleware.options import MiddlewareOptions


def setup_middleware(app: Any, options: MiddlewareOptions | None = None) -> Any:
    """Put ids, security headers, limits, metrics and the access log around an application.

    FastAPI, Starlette and Flask applications are changed and returned; of any
    other the result has to be served in its place. Call it after everything
    else that is put around the application: the layer has to be the outermost.
    """
    return install(app, MiddlewareOptions() if options is None else options)
