"""One layer around an application: ids, security headers, limits, metrics, access log.

    setup      setup_middleware: the layer for any framework, in one call
    options    MiddlewareOptions: the parts of the layer; each can be switched off
    classes    the parts as four ASGI middlewares of their own
    asgi, wsgi the layer for either kind of server
    exchange   one request and its answer, for both kinds
    security   SecurityHeaders: security headers for each kind of answer
    limits     RequestLimits: refusals, and headers about quotas
    cors       CORS headers for refusals
    access     AccessLog: a line for each request; slow ones and exceptions
    routes     the route template of a request, by framework
    frameworks installation around FastAPI, Starlette, Flask and Django

Public names are in `ci_ops.service`.
"""
