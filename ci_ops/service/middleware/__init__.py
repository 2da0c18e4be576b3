"""One layer around an application.

Ids, security headers, limits, metrics, access log.

    setup      setup_middleware: the layer for any framework, in one call
    options    MiddlewareOptions: what the layer does; each part can be switched off
    classes    the parts as four ASGI middlewares of their own
    asgi, wsgi the layer for either kind of server
    exchange   one request and its answer, as both kinds see it
    security   SecurityHeaders: what browsers are told
    limits     RequestLimits: who is refused, and what clients are told about it
    access     AccessLog: a line for each request; slow ones and exceptions
    routes     the template of the route that took a request, by framework
    frameworks how the layer gets around FastAPI, Starlette, Flask and Django

Public names are in `ci_ops.service`.
"""
