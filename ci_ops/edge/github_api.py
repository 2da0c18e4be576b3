"""Calls to GitHub's REST API, with a deadline, retries and explained errors.

Bounded in time, asked again, explained.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ci_ops.core.background import in_background
from ci_ops.core.deadline import Deadline, Ticking, ask_until
from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.errors import Interrupted
from ci_ops.core.text.lines import one_line
from ci_ops.core.text.retry_after import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from github import Github, GithubException
    from github.Repository import Repository

    from ci_ops.core.ports.clock import Clock
    from ci_ops.core.text.redact import Redactor
    from ci_ops.core.text.secret import Secret

TRY_SECONDS = 4.0
"""For one try, however it hangs."""
TOTAL_SECONDS = 10.0
"""For all tries of one question: a deployment does not wait longer for its bookkeeping."""
STOPPING_SECONDS = 4.0
"""For all tries once we were asked to stop: the state must be written within 5 s."""
MIN_TRY_SECONDS = 0.5
PER_PAGE = 100
MAX_MESSAGE = 200
_LIMITED_SECONDS = 60.0
"""Source: GitHub Docs, rate limits: without Retry-After wait at least one minute."""
_TOKEN = re.compile(r"[\x21-\x7e]+")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Try(Generic[T]):
    """One try: its value, or why there is none."""

    value: T | None = None
    error: LedgerError | None = None
    is_settled: bool = True
    wait_seconds: float | None = None


class GitHubApi:
    """One repository through PyGithub, with PyGithub's own waits and retries switched off."""

    def __init__(
        self,
        *,
        repository: str,
        token: Secret,
        api_url: str,
        clock: Clock,
        waits: Callable[[], Iterator[float]],
        redact: Redactor,
    ) -> None:
        self.repository = repository
        self._token = token.reveal().strip()
        self._api_url = api_url.rstrip("/")
        self._clock = clock
        self._waits = waits
        self._redact = redact
        self._redact.add(self._token)
        self._client: Github | None = None

    def ask(self, question: Callable[[Repository], T], *, doing: str, permission: str) -> T:
        """Return the call's value. Raises LedgerError with what failed and why.

        The call may be repeated, so it must check before it creates. `doing` completes "could not
        …"; `permission` is the permission that it needs.
        """
        is_stopping = self._is_stopping()
        clock = _Undisturbed(self._clock) if is_stopping else self._clock
        deadline = Deadline.after(STOPPING_SECONDS if is_stopping else TOTAL_SECONDS, clock)

        def once() -> _Try[T]:
            seconds = max(MIN_TRY_SECONDS, deadline.within(TRY_SECONDS))
            return self._try(question, seconds, _Explain(self.repository, doing, permission, self._words))

        last, _ = ask_until(once, deadline=deadline, clock=clock, waits=self._waits())
        if last.error is not None:
            raise last.error
        return last.value  # type: ignore[return-value] # no error: the value is the question's own

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _is_stopping(self) -> bool:
        try:
            self._clock.sleep(0.0)
        except Interrupted:
            return True
        return False

    def _try(self, question: Callable[[Repository], T], seconds: float, explain: _Explain) -> _Try[T]:
        from github import GithubException  # noqa: PLC0415 - a quarter of a second, for those who need it

        try:
            repository = self._lazy_repository()
            asking = in_background(lambda: question(repository), name="github")
            return _Try(value=asking.result(seconds))
        except LedgerError as error:
            return _Try(error=error)
        except GithubException as answer:
            return self._refused(answer, explain)
        except TimeoutError:
            # A socket's time limit starts anew with every byte and does not count the resolver:
            # a thread that is left behind is the only limit that always holds, with its connection.
            self._client = None
            return _Try(
                error=explain.error("unreachable", f"no answer within {seconds:.0f} s"), is_settled=False
            )
        except OSError as problem:
            return _Try(error=explain.error("unreachable", type(problem).__name__), is_settled=False)
        except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as problem:
            # What PyGithub raises over an answer that is not GitHub's, such as a proxy's page.
            return _Try(
                error=explain.error("foreign", f"the answer was not GitHub's ({type(problem).__name__})")
            )

    def _refused(self, answer: GithubException, explain: _Explain) -> _Try[T]:
        headers = {str(name).lower(): str(value) for name, value in (answer.headers or {}).items()}
        if _is_limit(answer, headers):
            wait = self._limit_seconds(headers)
            limited = explain.error("limited", f"rate limit, to be retried in {wait:.0f} s")
            return _Try(error=limited, is_settled=False, wait_seconds=wait)
        error = explain.refusal(answer)
        return _Try(error=error, is_settled=answer.status < 500)

    def _limit_seconds(self, headers: Mapping[str, str]) -> float:
        """Return how long GitHub's rate limit requires to wait."""
        if "retry-after" in headers:
            asked = parse_retry_after(headers["retry-after"], now=self._clock.now())
            return _LIMITED_SECONDS if asked is None else asked
        reset = headers.get("x-ratelimit-reset", "")
        if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
            return max(0.0, float(reset) - self._clock.now().timestamp())
        return _LIMITED_SECONDS

    def _lazy_repository(self) -> Repository:
        from github import Auth, Github  # noqa: PLC0415 - a quarter of a second, for those who need it

        if self._client is None:
            if not _TOKEN.fullmatch(self._token):
                raise LedgerError(
                    "the GitHub token is empty or has characters that no token has",
                    kind="credentials",
                    hint="Check the secret that holds it: nothing but the token may be in it, on one line.",
                )
            self._client = Github(
                auth=Auth.Token(self._token),
                base_url=self._api_url,
                timeout=int(TRY_SECONDS),
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
                per_page=PER_PAGE,
                lazy=True,
                user_agent="ci-ops",
            )
        return self._client.get_repo(self.repository)

    def _words(self, text: str) -> str:
        """Return GitHub's message, safe to show."""
        return self._redact(one_line(text))[:MAX_MESSAGE]


@dataclass(frozen=True, slots=True)
class _Explain:
    """A factory of errors with what was attempted, and what to do."""

    repository: str
    doing: str
    permission: str
    words: Callable[[str], str]

    def error(self, kind: str, why: str, hint: str = "", permission: str = "") -> LedgerError:
        """Return an error of that kind."""
        what = f"could not {self.doing}: {why}"
        where = f"GitHub repository {self.repository}"
        return LedgerError(what, kind=kind, where=where, hint=hint, permission=permission)

    def refusal(self, answer: GithubException) -> LedgerError:
        """Return the error for a request that GitHub refused."""
        message = answer.data.get("message") if isinstance(answer.data, dict) else None
        words = f"{answer.status} {self.words(message) if isinstance(message, str) else ''}".strip()
        if answer.status == 401:
            hint = "Give the input `token` the job's token, `${{ github.token }}`, or another that has not expired."
            return self.error("credentials", f"the token is not accepted ({words})", hint)
        if answer.status == 403:
            hint = (
                f"Add `{self.permission}` to the job's `permissions:`; "
                "on pull requests from forks the token can only read."
            )
            return self.error(
                "permission", f"the token lacks `{self.permission}` ({words})", hint, self.permission
            )
        if answer.status == 404:
            hint = f"Check the repository's name, and that the token may see it and has `{self.permission}`."
            return self.error("missing", f"nothing found ({words})", hint)
        if answer.status == 409:
            hint = "A merge conflict, or required checks that failed or still run, stand in the way of this commit."
            return self.error("conflict", f"GitHub refused ({words})", hint)
        if answer.status >= 500:
            return self.error("unavailable", f"GitHub itself failed ({words})", "Run again later.")
        return self.error("refused", f"GitHub refused ({words})", _hint_of_refusal(words))


def _hint_of_refusal(words: str) -> str:
    return "Push the commit before it is deployed." if "No ref found" in words else ""


def _is_limit(answer: GithubException, headers: Mapping[str, str]) -> bool:
    from github import RateLimitExceededException  # noqa: PLC0415 - loaded already

    if answer.status == 429 or isinstance(answer, RateLimitExceededException):
        return True
    return answer.status == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0")


@dataclass(frozen=True, slots=True)
class _Undisturbed:
    """A clock whose waits ignore stop requests, for the final status of a run."""

    clock: Ticking

    def monotonic(self) -> float:
        """Return the inner clock's time."""
        return self.clock.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Sleep without being interrupted."""
        threading.Event().wait(seconds)
