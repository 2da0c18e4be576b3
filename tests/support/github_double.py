"""A local server that speaks the part of GitHub's REST API that our calls use.

In a test: `with GitHubDouble("org/app") as github: … github.url …`. On its own:
`python -m tests.support.github_double --repository org/app` prints its address
and serves until it is stopped; GET /_double then shows what it holds and POST
/_double/fail takes the arguments of `fail`.

Source: GitHub REST API 2022-11-28, deployments, deployment statuses, commit
statuses, workflow runs and jobs.
"""

from __future__ import annotations

import argparse
import re
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlencode

from tests.support.github_http import Answer, Fault, Recorded, Server, handler_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEPLOYMENT_STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
COMMIT_STATES = {"error", "failure", "pending", "success"}
MAX_DESCRIPTION = 140
SECONDARY_LIMIT = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
MESSAGES = {
    202: "Auto-merged main into topic on deployment.",
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict: Commit status checks failed for main.",
    429: SECONDARY_LIMIT,
}


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "message": message or MESSAGES[status],
            "documentation_url": "https://docs.github.com/rest",
            **more,
        }


def invalid(field_name: str, message: str) -> Refused:
    """GitHub's answer to a field that it does not accept."""
    error = {"resource": "DeploymentStatus", "code": "custom", "field": field_name, "message": message}
    return Refused(422, "Validation Failed", errors=[error])


class GitHubDouble:
    """One repository on a GitHub of its own; everything it holds may be looked at and set."""

    def __init__(self, repository: str = "org/app", *, token: str = "", port: int = 0) -> None:
        self.repository = repository
        self.token = token
        """The only token that is let in; empty lets any in that is sent."""
        self.permissions = {
            "deployments": "write",
            "statuses": "write",
            "actions": "read",
            "contents": "read",
        }
        self.requests: list[Recorded] = []
        self.deployments: list[dict[str, Any]] = []
        """Oldest first, each with its `statuses`, oldest first."""
        self.commit_statuses: list[dict[str, Any]] = []
        self.runs: dict[int, str] = {}
        """Status of each workflow run: queued, in_progress, completed."""
        self.jobs: dict[int, str] = {}
        self.refs: dict[str, str] = {"main": "0" * 40}
        self.missing_refs: set[str] = set()
        self.is_behind = False
        """True makes a deployment with `auto_merge` a 202."""
        self.checks_fail = False
        """True makes a deployment without `required_contexts` a 409."""
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._server = Server(("127.0.0.1", port), handler_for(self.answer))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    def fail(self, status: int = 0, **options: Any) -> None:
        """Let the next requests go wrong; the options are the fields of Fault."""
        with self._lock:
            self._faults.append(Fault(status=status, **options))

    def heal(self) -> None:
        """Let every request go well from here on."""
        with self._lock:
            self._faults.clear()

    def writes(self) -> list[Recorded]:
        """The requests that wanted to change something."""
        return [each for each in self.requests if each.method != "GET"]

    def states(self) -> list[list[str]]:
        """The states of every deployment, both oldest first."""
        return [[each["state"] for each in deployment["statuses"]] for deployment in self.deployments]

    def _fault_for(self, request: Recorded) -> Fault | None:
        for fault in self._faults:
            if (
                fault.times > 0
                and fault.method in {"", request.method}
                and re.search(fault.path, request.path)
            ):
                fault.times -= 1
                return fault
        return None

    def answer(self, request: Recorded) -> Answer:
        """What GitHub would say, or what a fault makes of it."""
        if (own := _control(self, request)) is not None:
            return own
        with self._lock:
            self.requests.append(request)
            fault = self._fault_for(request)
        if fault is None:
            return self._route(request)
        if fault.hold_seconds:
            self._closing.wait(fault.hold_seconds)
        if fault.after or not fault.status:
            usual = self._route(request)
        if not fault.status:
            return usual
        body = fault.text or {"message": fault.message or MESSAGES.get(fault.status, "Server Error")}
        return fault.status, body, fault.headers

    def _route(self, request: Recorded) -> Answer:
        try:
            with self._lock:
                self._let_in(request)
                for method, pattern, permission, handle in _ROUTES:
                    found = re.fullmatch(pattern.replace("REPO", f"/repos/{self.repository}"), request.path)
                    if found and method == request.method:
                        self._check_permission(permission)
                        return handle(self, request, *map(unquote, found.groups()))
        except Refused as refused:
            return refused.status, refused.body, {}
        return 404, {"message": MESSAGES[404]}, {}

    def _let_in(self, request: Recorded) -> None:
        _, _, sent = request.headers.get("authorization", "").partition(" ")
        if not sent or (self.token and sent != self.token):
            raise Refused(401)

    def _check_permission(self, permission: str) -> None:
        name, _, level = permission.partition(": ")
        if self.permissions.get(name) not in {level, "write"}:
            raise Refused(403)

    def _api(self, path: str) -> str:
        return f"{self.url}/repos/{self.repository}/{path}"

    def show_repository(self, _request: Recorded) -> Answer:
        return 200, {"id": 1, "full_name": self.repository, "url": f"{self.url}/repos/{self.repository}"}, {}

    def create_deployment(self, request: Recorded) -> Answer:
        wanted = request.body
        ref = wanted["ref"]
        if ref in self.missing_refs:
            raise Refused(422, f"No ref found for: {ref}")
        if wanted.get("auto_merge", True) and self.is_behind:
            return 202, {"message": MESSAGES[202]}, {}
        if wanted.get("required_contexts") is None and self.checks_fail:
            raise Refused(409)
        refuse_long_letters(wanted.get("description"))
        number = 1000 + len(self.deployments)
        environment = wanted.get("environment", "production")
        deployment = {
            "url": self._api(f"deployments/{number}"),
            "id": number,
            "sha": ref if re.fullmatch("[0-9a-f]{40}", ref) else self.refs[ref],
            "ref": ref,
            "task": wanted.get("task", "deploy"),
            "payload": wanted.get("payload", {}),
            "environment": environment,
            "original_environment": environment,
            "description": wanted.get("description"),
            "transient_environment": wanted.get("transient_environment", False),
            "production_environment": wanted.get("production_environment", environment == "production"),
            "created_at": now(),
            "updated_at": now(),
            "statuses_url": self._api(f"deployments/{number}/statuses"),
            "statuses": [],
        }
        self.deployments.append(deployment)
        return 201, shown(deployment), {}

    def list_deployments(self, request: Recorded) -> Answer:
        filters = {
            key: request.query[key] for key in ("sha", "ref", "task", "environment") if key in request.query
        }
        listed = [
            shown(each)
            for each in reversed(self.deployments)
            if all(each[key] == value for key, value in filters.items())
        ]
        return self._page(request, listed)

    def show_deployment(self, _request: Recorded, number: str) -> Answer:
        return 200, shown(self._deployment(number)), {}

    def list_statuses(self, request: Recorded, number: str) -> Answer:
        return self._page(request, self._deployment(number)["statuses"][::-1])

    def create_status(self, request: Recorded, number: str) -> Answer:
        deployment, wanted = self._deployment(number), request.body
        if wanted.get("state") not in DEPLOYMENT_STATES:
            raise invalid("state", "state is not included in the list")
        if len(wanted.get("description") or "") > MAX_DESCRIPTION:
            raise invalid("description", "description is too long (maximum is 140 characters)")
        refuse_long_letters(wanted.get("description"))
        for name in ("environment_url", "target_url", "log_url"):
            if wanted.get(name) and not wanted[name].startswith(("http://", "https://")):
                raise invalid(name, f"{name} must use http(s) scheme")
        self.add_status(deployment, **wanted)
        if wanted["state"] == "success" and wanted.get("auto_inactive", True):
            self._deactivate_before(deployment)
        return 201, deployment["statuses"][-1], {}

    def add_status(
        self, deployment: dict[str, Any], *, state: str, description: str = "", **more: Any
    ) -> None:
        """Add a status as GitHub or somebody else would."""
        number = 5000 + sum(len(each["statuses"]) for each in self.deployments)
        log_url = more.get("log_url") or more.get("target_url") or ""
        deployment["statuses"].append(
            {
                "url": f"{deployment['statuses_url']}/{number}",
                "id": number,
                "state": state,
                "description": description,
                "environment": deployment["environment"],
                "environment_url": more.get("environment_url", ""),
                "log_url": log_url,
                "target_url": log_url,
                "created_at": now(),
                "updated_at": now(),
            }
        )

    def _deactivate_before(self, deployment: dict[str, Any]) -> None:
        for each in self.deployments[: self.deployments.index(deployment)]:
            lasting = not each["transient_environment"] and not each["production_environment"]
            succeeded = each["statuses"] and each["statuses"][-1]["state"] == "success"
            if lasting and succeeded and each["environment"] == deployment["environment"]:
                self.add_status(each, state="inactive")

    def create_commit_status(self, request: Recorded, sha: str) -> Answer:
        wanted = {"target_url": None, "description": None, "context": "default", **request.body, "sha": sha}
        if wanted.get("state") not in COMMIT_STATES:
            raise invalid("state", "state is not included in the list")
        if len(wanted["description"] or "") > MAX_DESCRIPTION:
            raise invalid("description", "description is too long (maximum is 140 characters)")
        refuse_long_letters(wanted["description"])
        if wanted["target_url"] and not wanted["target_url"].startswith(("http://", "https://")):
            raise invalid("target_url", "target_url must use http(s) scheme")
        self.commit_statuses.append(wanted)
        return 201, {**wanted, "id": len(self.commit_statuses), "url": self._api(f"statuses/{sha}")}, {}

    def show_run(self, _request: Recorded, number: str) -> Answer:
        return self._progress("runs", self.runs, number)

    def show_job(self, _request: Recorded, number: str) -> Answer:
        return self._progress("jobs", self.jobs, number)

    def _progress(self, kind: str, known: dict[int, str], number: str) -> Answer:
        if int(number) not in known:
            raise Refused(404)
        return (
            200,
            {"id": int(number), "status": known[int(number)], "url": self._api(f"actions/{kind}/{number}")},
            {},
        )

    def _deployment(self, number: str) -> dict[str, Any]:
        for each in self.deployments:
            if each["id"] == int(number):
                return each
        raise Refused(404)

    def _page(self, request: Recorded, listed: list[Any]) -> Answer:
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        last = max(1, -(-len(listed) // size))
        links = []
        for relation, number in (("next", page + 1), ("last", last)):
            if page < last:
                query = urlencode({**request.query, "page": number})
                links.append(f'<{self.url}{request.path}?{query}>; rel="{relation}"')
        return 200, listed[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}


def now() -> str:
    """The time as GitHub writes it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown(deployment: dict[str, Any]) -> dict[str, Any]:
    """A deployment as the API shows it: its statuses are another resource."""
    return {key: value for key, value in deployment.items() if key != "statuses"}


def refuse_long_letters(text: str | None) -> None:
    """Refuse what GitHub's database cannot keep in a description."""
    if any(ord(letter) > 0xFFFF for letter in text or ""):
        raise invalid("description", "description doesn't accept 4-byte Unicode")


_ROUTES: tuple[tuple[str, str, str, Callable[..., Answer]], ...] = (
    ("GET", "REPO", "contents: read", GitHubDouble.show_repository),
    ("POST", "REPO/deployments", "deployments: write", GitHubDouble.create_deployment),
    ("GET", "REPO/deployments", "deployments: read", GitHubDouble.list_deployments),
    ("GET", r"REPO/deployments/(\d+)", "deployments: read", GitHubDouble.show_deployment),
    ("POST", r"REPO/deployments/(\d+)/statuses", "deployments: write", GitHubDouble.create_status),
    ("GET", r"REPO/deployments/(\d+)/statuses", "deployments: read", GitHubDouble.list_statuses),
    ("POST", r"REPO/statuses/([^/]+)", "statuses: write", GitHubDouble.create_commit_status),
    ("GET", r"REPO/actions/runs/(\d+)", "actions: read", GitHubDouble.show_run),
    ("GET", r"REPO/actions/jobs/(\d+)", "actions: read", GitHubDouble.show_job),
)


def _control(double: GitHubDouble, request: Recorded) -> Answer | None:
    """The double's own doors, for those in another process; None for GitHub's."""
    if request.path == "/_double":
        held = {
            "deployments": double.deployments,
            "commit_statuses": double.commit_statuses,
            "requests": [asdict(each) for each in double.requests],
        }
        return 200, held, {}
    if request.path == "/_double/fail":
        double.fail(**request.body)
        return 200, {}, {}
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repository", default="org/app")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args(arguments)
    double = GitHubDouble(options.repository, port=options.port)
    print(double.url, flush=True)  # noqa: T201 - whoever started it waits for this line
    double.serve()


if __name__ == "__main__":
    main()
