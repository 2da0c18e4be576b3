"""Graceful degradation: features that work worse than they should, since when and why.

    @graceful_degradation.answers("recommendations", lambda user: [])
    def recommend(user): ...

Health shows every degraded feature as a warning: the service answers, but not
with everything it has.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.error_text import describe_error
from ci_ops.service._process.functions import Kind, kind_of
from ci_ops.service._process.locked import Locked

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("ci_ops.service.resilience")
P = ParamSpec("P")
R = TypeVar("R")

MAX_FEATURES = 1000
MAX_REASON_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class DegradedFeature:
    """One degraded feature."""

    name: str
    reason: str
    """Redacted, and cut to 200 characters."""
    since_at: datetime
    """When it was first marked, and not the last time."""
    times: int = 1
    """How often it was marked since then."""
    expires: float | None = None
    """On the registry's clock; None until somebody marks it as recovered."""


class GracefulDegradation(Locked):
    """The degraded features of this process; at most a thousand of them.

    A mark past that number is logged and not kept: the names are the
    application's own, so only a name with something variable in it gets there.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._now = now
        super().__init__()
        self._features: dict[str, DegradedFeature] = {}
        self._listeners: list[Callable[[DegradedFeature, bool], object]] = []

    def listen(self, listener: Callable[[DegradedFeature, bool], object]) -> None:
        """Call `listener(feature, is_degraded)` when a feature degrades and when it recovers."""
        self._listeners.append(listener)

    def mark_degraded(self, feature: str, reason: str, *, for_seconds: float | None = None) -> None:
        """Mark a feature as degraded; with a time limit it recovers by itself."""
        if for_seconds is not None and not for_seconds > 0:
            raise ValueError("a feature is degraded for a time that is more than none")
        expires = None if for_seconds is None else self._clock() + for_seconds
        shown = redact_patterns(reason)[:MAX_REASON_LENGTH]
        with self._lock:
            recovered = self._drop_expired()
            known = self._features.get(feature)
            if known is not None:
                marked = replace(known, reason=shown, times=known.times + 1, expires=expires)
            else:
                marked = DegradedFeature(name=feature, reason=shown, since_at=self._now(), expires=expires)
            has_room = known is not None or len(self._features) < MAX_FEATURES
            if has_room:
                self._features[feature] = marked
        self._tell(recovered, is_degraded=False)
        if not has_room:
            log.error("more than %d features are degraded: %r is not kept", MAX_FEATURES, feature)
        elif known is None:
            log.warning("%s is degraded: %s", feature, shown)
            self._tell([marked], is_degraded=True)

    def mark_recovered(self, feature: str) -> bool:
        """Mark a feature as recovered; False when it was not degraded."""
        with self._lock:
            recovered = self._drop_expired()
            was_degraded = feature in self._features
            if was_degraded:
                recovered.append(self._features.pop(feature))
        self._tell(recovered, is_degraded=False)
        return was_degraded

    def is_degraded(self, feature: str) -> bool:
        """Return True while the feature is marked and its time is not over."""
        if feature in self._features:
            self.degraded_features()  # lets go of those whose time is over
        return feature in self._features

    def degraded_features(self) -> tuple[DegradedFeature, ...]:
        """Return every degraded feature, longest degraded first."""
        with self._lock:
            recovered = self._drop_expired()
            features = tuple(self._features.values())
        self._tell(recovered, is_degraded=False)
        return features

    def get_status(self) -> dict[str, Any]:
        """Return the registry as JSON-ready values: `degraded` and the features by name."""
        features = self.degraded_features()
        return {
            "degraded": bool(features),
            "features": {
                feature.name: {
                    "reason": feature.reason,
                    "since": feature.since_at.isoformat(timespec="seconds"),
                    "times": feature.times,
                }
                for feature in features
            },
        }

    def answers(
        self,
        feature: str,
        fallback: Callable[..., Any],
        *,
        on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function: an exception marks the feature as degraded, and `fallback(*args)` answers.

        The next call that succeeds marks the feature as recovered.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            kind = kind_of(function)
            if kind.is_iterated:
                raise TypeError("a generator cannot have a fallback: it may have answered in part")
            build = self._async if kind is Kind.ASYNC else self._plain
            return cast("Callable[P, R]", functools.wraps(function)(build(feature, function, fallback, on)))

        return decorate

    def _plain(
        self, feature: str, function: Callable[..., Any], fallback: Callable[..., Any], on: Any
    ) -> Callable[..., Any]:
        def answered(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except on as error:
                self._mark_failed(feature, error)
            else:
                if feature in self._features:
                    self.mark_recovered(feature)
                return result
            return fallback(*args, **kwargs)

        return answered

    def _async(
        self, feature: str, function: Callable[..., Any], fallback: Callable[..., Any], on: Any
    ) -> Callable[..., Any]:
        async def answered(*args: Any, **kwargs: Any) -> Any:
            try:
                result = await function(*args, **kwargs)
            except on as error:
                self._mark_failed(feature, error)
            else:
                if feature in self._features:
                    self.mark_recovered(feature)
                return result
            answer = fallback(*args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

        return answered

    def _mark_failed(self, feature: str, error: BaseException) -> None:
        self.mark_degraded(feature, describe_error(error))

    def _drop_expired(self) -> list[DegradedFeature]:
        if not self._features:
            return []
        now = self._clock()
        over = [
            known for known in self._features.values() if known.expires is not None and known.expires <= now
        ]
        for known in over:
            del self._features[known.name]
        return over

    def _tell(self, features: list[DegradedFeature], *, is_degraded: bool) -> None:
        """Notify the listeners outside the lock, so that they may use the registry."""
        for feature in features:
            if not is_degraded:
                log.info("%s has recovered", feature.name)
            for listener in tuple(self._listeners):
                try:
                    listener(feature, is_degraded)
                except Exception:
                    log.exception("a listener of the degraded features failed")


graceful_degradation = GracefulDegradation()
"""The registry that health shows."""
