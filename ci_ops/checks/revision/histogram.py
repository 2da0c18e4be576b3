"""A histogram of the revisions on many connections, and its faults."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.checks._http.ask import unanswered
from ci_ops.checks._http.compare import gate_fault
from ci_ops.checks._http.freshness import age_seconds, cache_sign
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.checks.revision.spelling import commits_in, is_commit, is_dirty, is_known, same_revision, short
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.checks.revision.source import Source
    from ci_ops.core.ports.world import World
    from ci_ops.core.subject import Subject

ONE_CLIENT = "behind a load balancer with client affinity (ip_hash) they reach one instance"
"""What connections of one client to one address cannot tell apart."""
_PLURALS = {"instance": "instances", "address": "addresses"}
_NO_ANSWER = "no answer"
_UNKNOWN = "unknown"


class Histogram:
    """A histogram of revisions, with the faults it shows."""

    def __init__(
        self, subject: Subject, world: World, source: Source, *, are_instances: bool = False
    ) -> None:
        """`are_instances` says that each address is one instance, not a load balancer."""
        self._are_instances = are_instances
        self._subject = subject
        self._world = world
        self._source = source
        self._name = safe_url(source.url)
        self._counts: Counter[str] = Counter()
        self._revisions: set[str] = set()
        self._stale: dict[str, set[str]] = {}
        self._has_shipped = False
        self._by_address: dict[str, Counter[str]] = {}
        self._fresh = 0
        self._faults: dict[str, Fault] = {}

    def take(self, address: str, answer: Response | HttpError) -> None:
        """Count the response of one connection."""
        if isinstance(answer, Response):
            self._fresh += answer.is_fresh
        if isinstance(answer, HttpError):
            where = f" at {address}" if address else ""
            fault = unanswered(self._world, answer, subject=self._name, where=where)
            self._count(address, _NO_ANSWER, fault)
        elif (gate := gate_fault(self._world, answer, self._name)) is not None:
            self._count(address, "a gate", gate)
        elif answer.status >= 500:
            self._count(address, f"status {answer.status}", no_revision(self._world, self._name, answer))
        else:
            self._take_revision(address, self._source.read(answer))
            age, sign = age_seconds(answer), cache_sign(answer)
            if age or sign:
                self._faults["aged"] = _aged(self._name, f"Age: {age}" if age else sign)

    def _take_revision(self, address: str, revision: str) -> None:
        text = evidence(self._world, revision, 100)
        if not is_known(revision):
            self._count(address, _UNKNOWN, missing(self._name, text or "nothing"))
            return
        self._revisions.add(_plain(text))
        if same_revision(revision, self._subject.revision):
            self._has_shipped = True
        elif is_commit(self._subject.revision) and not (commits_in(revision) or is_dirty(revision)):
            self._count(address, short(text), names_no_commit(self._name, text))
            return
        else:
            self._stale.setdefault(revision, set()).add(address)
        self._count(address, short(text))

    def _count(self, address: str, label: str, fault: Fault | None = None) -> None:
        self._counts[label] += 1
        self._by_address.setdefault(address, Counter())[label] += 1
        if fault is not None:
            self._faults[label] = fault

    @property
    def answered(self) -> int:
        """The number of connections with a response."""
        return self._counts.total() - self._counts[_NO_ANSWER]

    @property
    def summary(self) -> str:
        """The histogram as text: `7 x abc1234, 1 x def5678`."""
        return ", ".join(f"{count} x {label}" for label, count in self._counts.most_common() if count)

    @property
    def sentence(self) -> str:
        """Return the sentence for a passed check, with the limits of its proof.

        A load balancer that hashes the client's address routes all connections of one client to one
        instance.
        """
        revision = short(self._subject.revision)
        if len(self._by_address) > 1 or self._are_instances:
            kind = "instance" if self._are_instances else "address"
            places = (
                f"1 {kind}" if len(self._by_address) == 1 else f"{len(self._by_address)} {_PLURALS[kind]}"
            )
            return f"All {self.answered} new connections to {places} see {revision}."
        return f"All {self.answered} new connections see {revision}; {ONE_CLIENT}."

    @property
    def facts(self) -> dict[str, Any]:
        """The histogram and its source, for people and machines."""
        return {
            "url": self._name,
            "read_from": self._source.path or self._source.header or "releaseId",
            "expected": short(self._subject.revision),
            "seen": self.summary,
            "revisions": sorted(self._revisions),
            "histogram": {label: count for label, count in self._counts.most_common() if count},
            "addresses": {
                address: dict(counts.most_common()) for address, counts in self._by_address.items() if address
            },
            "freshness": self._freshness,
        }

    @property
    def _freshness(self) -> str:
        """What the echo of our nonces proves: no answer that repeats its own came from a cache."""
        if not self._fresh:
            return "unknown: no answer repeats the nonce of its request"
        if self._fresh == self.answered:
            return "proven: every answer repeats the nonce of its request"
        return f"proven for {self._fresh} of {self.answered} answers, which repeat the nonce of their request"

    def faults(self) -> Iterable[Fault]:
        """Return every fault in the observations."""
        return [*([self._stale_fault()] if self._stale else []), *self._faults.values()]

    def _stale_fault(self) -> Fault:
        expected = short(self._subject.revision)
        labels = ", ".join(sorted({short(evidence(self._world, each, 40)) for each in self._stale}))
        sentence = f"{self._name} is served by {labels}, not by {expected}."
        if self._has_shipped:
            sentence = f"{self._name} is still served by {labels} beside {expected}."
        if any(same_revision(each, self._subject.previous_revision) for each in self._stale):
            sentence += " That is the previous release: it still answers."
        places = sorted({each for addresses in self._stale.values() for each in addresses if each})
        return Fault(
            rule="stale",
            severity=Status.FAIL,
            sentence=sentence,
            expected=f"{expected} on every connection",
            observed=self.summary + (f" (stale at {', '.join(places)})" if places else ""),
            subject=self._name,
            transient=True,
        )


def _plain(revision: str) -> str:
    """Return the digits of the one commit that the revision names; the revision itself if ambiguous."""
    commits = commits_in(revision)
    return commits[0] if len(commits) == 1 and not is_dirty(revision) else revision


def no_revision(world: World, name: str, answer: Response) -> Fault:
    """Return the fault for a response without a revision: from a gate, broken, or without that field."""
    gate = gate_fault(world, answer, name)
    if gate is not None:
        return gate
    if answer.status < 500:
        return missing(name, f"{answer.status} without a revision")
    return Fault(
        rule="status",
        severity=Status.FAIL,
        sentence=f"{safe_url(answer.url)} answers {answer.status}.",
        expected="an answer with the service's revision",
        observed=str(answer.status),
        subject=name,
        transient=True,
    )


def missing(name: str, observed: str) -> Fault:
    """Return the fault for a missing revision, transient while an earlier release may still answer."""
    return Fault(
        rule="missing",
        severity=Status.ERROR,
        sentence=f"{name} does not report the service's revision.",
        expected="a commit of at least seven digits",
        observed=observed,
        subject=name,
        transient=True,
    )


def names_no_commit(name: str, revision: str) -> Fault:
    """Return the fault for a revision that cannot be compared with a commit, such as `v1.4.0`."""
    return replace(
        missing(name, revision),
        sentence=f"{name} reports {short(revision)}, which names no commit to compare with.",
    )


def _aged(name: str, observed: str) -> Fault:
    return Fault(
        rule="aged",
        severity=Status.FAIL,
        sentence=f"{name} is answered from a cache.",
        expected="an answer of the service itself",
        observed=observed,
        subject=name,
        transient=True,
    )
