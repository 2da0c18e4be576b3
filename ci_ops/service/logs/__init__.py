"""Logs as one JSON object per line, from the standard library's logging.

    context    what belongs to every line of a request or an operation
    trace      request ids and W3C trace context, in and out
    encode     any value as JSON: bounded, redacted, never failing
    formatter  JsonFormatter: the kit's own names, or those of ECS
    record     log records made without a walk up the stack
    events     StructuredLogger and its five types of event
    setup      set_up_logging: handlers, the security log, the servers' own loggers
    structlog  a processor and a renderer for applications that use structlog

Public names are in `ci_ops.service`.
"""
