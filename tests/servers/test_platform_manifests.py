"""The Kubernetes manifests of templates/, judged by the dry run of a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.parts import ROOT

if TYPE_CHECKING:
    from tests.support.control_plane import ApiServer

FOLDER = ROOT / "templates" / "platforms" / "kubernetes"
KUSTOMIZATION = "kustomization"  # read by kubectl alone, never by a server
MANIFESTS = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != KUSTOMIZATION)
NAMESPACE = "restricted"
STRICT_NAMESPACE = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted # for pods
    pod-security.kubernetes.io/warn: restricted # for what makes pods
"""
RIGHTS = ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")


@pytest.fixture(scope="session")
def server(api_server: ApiServer) -> ApiServer:
    """The server with a namespace that takes only pods of the strictest Pod Security."""
    made = api_server.create(STRICT_NAMESPACE, is_kept=True)
    assert (made.status, made.warnings) == (201, ()), made.sentence
    return api_server


def manifest(name: str, *changed: tuple[str, str]) -> str:
    """The file as it is, but for the first place of what a test spoils."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    for before, after in changed:
        assert before in text
        text = text.replace(before, after, 1)
    return text


def pod(text: str) -> str:
    """One pod as the controller of this workload would create it."""
    template = yaml.safe_load(text)["spec"]["template"]
    metadata = {**template["metadata"], "name": "judged"}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_server_takes_the_manifest_and_warns_of_nothing(server: ApiServer, name: str) -> None:
    answer = server.create(manifest(name), namespace=NAMESPACE)
    assert (answer.status, answer.sentence, answer.warnings) == (201, "", ())


@pytest.mark.parametrize("name", ["deployment", "migrate-job"])
def test_the_strictest_pod_security_admits_its_pods(server: ApiServer, name: str) -> None:
    answer = server.create(pod(manifest(name)), namespace=NAMESPACE)
    assert (answer.status, answer.sentence, answer.warnings) == (201, "", ())


def test_a_dry_run_leaves_nothing_behind(server: ApiServer) -> None:
    assert server.create(manifest("deployment"), namespace=NAMESPACE).status == 201
    kept = server.ask("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")
    assert (kept.status, kept.body["items"]) == (200, [])


@pytest.mark.parametrize(
    ("spoilt", "status", "sentence"),
    [
        (
            ("terminationGracePeriodSeconds:", "terminationGracePeriod:"),
            400,
            'unknown field "spec.template.spec.terminationGracePeriod"',
        ),
        (("replicas: 3", "replicas: 3\n  replicas: 4"), 400, 'key "replicas" already set'),
        (
            ("replicas: 3", "replicas: three"),
            400,
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas",
        ),
        (("cpu: 100m", "cpu: 100 millis"), 400, "quantities must match"),
        (("matchLabels: {app.", "matchLabels: {other."), 422, "`selector` does not match template `labels`"),
    ],
    ids=["misspelt", "twice", "type", "quantity", "selector"],
)
def test_a_spoilt_manifest_is_refused_with_the_reason(
    server: ApiServer, spoilt: tuple[str, str], status: int, sentence: str
) -> None:
    answer = server.create(manifest("deployment", spoilt), namespace=NAMESPACE)
    assert answer.status == status
    assert sentence in answer.sentence


@pytest.mark.parametrize(
    ("spoilt", "warning"),
    [
        (RIGHTS, "allowPrivilegeEscalation"),
        (("containers:", "nodeSelector: {beta.kubernetes.io/os: linux}\n      containers:"), "deprecated"),
        (("{name: SERVER,", "{name: APP,"), "hides previous definition"),
    ],
    ids=["rights", "deprecated", "twice"],
)
def test_what_a_server_warns_of_is_seen(server: ApiServer, spoilt: tuple[str, str], warning: str) -> None:
    answer = server.create(manifest("deployment", spoilt), namespace=NAMESPACE)
    assert answer.status == 201
    (said,) = answer.warnings
    assert warning in said


def test_a_pod_with_more_rights_is_not_admitted(server: ApiServer) -> None:
    answer = server.create(pod(manifest("deployment", RIGHTS)), namespace=NAMESPACE)
    assert answer.status == 403
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation' in answer.sentence
