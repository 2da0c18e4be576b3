"""The vocabulary of health documents."""

from __future__ import annotations

from ci_ops.core.health.status import Status, status_of

_WORDS = {
    "error": Status.FAIL,  # the draft's alias of fail; elsewhere in the project it means "could not ask"
    "out_of_service": Status.FAIL,
}
_COMPONENT_WORDS = {
    "connected": Status.PASS,
    "available": Status.PASS,
    "reachable": Status.PASS,
    "disconnected": Status.FAIL,
    "unavailable": Status.FAIL,
    "unreachable": Status.FAIL,
}


def health_status(word: object) -> Status:
    """Return the meaning of a service's overall word; error for an unknown one.

    pass, ok, up, healthy → pass; warn, degraded → warn; fail, error, down, unhealthy,
    out_of_service → fail; skip is kept. Booleans are not accepted.
    """
    if not isinstance(word, str):
        return Status.ERROR
    folded = word.strip().casefold()
    if folded in {"true", "false"}:
        return Status.ERROR
    return _WORDS.get(folded) or status_of(folded) or Status.ERROR


def component_status(word: object) -> Status:
    """Return the meaning of a component's word.

    A health word, a boolean, or connected, unreachable and so on.
    """
    if isinstance(word, bool):
        return Status.PASS if word else Status.FAIL
    if isinstance(word, str) and (known := _COMPONENT_WORDS.get(word.strip().casefold())):
        return known
    return health_status(word)


def health_word(status: Status) -> str:
    """Return the word for a health document: pass, warn or fail; a skip becomes warn.

    Source: draft-inadarei-api-health-check-06 section 3.1.
    """
    if status is Status.PASS:
        return "pass"
    return "warn" if status in {Status.WARN, Status.SKIP} else "fail"


def http_status_of(status: Status) -> int:
    """Return 200 for pass, warn and skip; 503 for fail and error.

    Source: draft-inadarei-api-health-check-06 section 3.1 (fail is 4xx-5xx, warn 2xx-3xx).
    """
    return 503 if health_word(status) == "fail" else 200
