"""A deployment that fills the disk of its host ends whole, with its report, and makes room again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_ops.core.delivery.record import State
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, Shop
from tests.support.small_disk import fill, small_disk

GREEDY = f"if [ $DEPLOYMENT_REVISION = {TWO} ]; then head -c 9000000 /dev/zero > filler; fi"
LIVE = 'cp "$SHOP/next" "$SHOP/revision"'


@pytest.fixture
def srv(tmp_path: Path) -> Iterator[Path]:
    """The disk that the releases are on."""
    with small_disk(tmp_path / "srv", size="2m") as folder:
        yield folder


@pytest.fixture
def shop(tmp_path: Path, srv: Path, service: Service) -> Shop:
    target = f"{{type: releases, path: {srv}, fetch: 'true', build: '{GREEDY}', reload: '{LIVE}'}}"
    head, _, tail = CONFIG.partition("  target:\n")
    config = f"{head}  target: {target}\n{tail[tail.index('verify:') :]}"
    return Shop(project=tmp_path / "project", service=service, config=config)


def deploy(shop: Shop, revision: str) -> tuple[str, int]:
    (shop.service.folder / "next").write_text(revision)
    report = shop.deploy(revision)
    return report.verdict, report.exit_code


def test_it_fails_makes_room_and_the_next_one_works(shop: Shop, srv: Path) -> None:
    assert deploy(shop, ONE) == ("ok", 0)
    assert deploy(shop, TWO) == ("deploy-failed", 5)
    assert len(list((srv / "releases").iterdir())) == 1
    assert shop.history[0].state is State.ROLLED_BACK
    assert deploy(shop, THREE) == ("ok", 0)


def test_a_rollback_works_on_a_full_disk(shop: Shop, srv: Path) -> None:
    deploy(shop, ONE)
    deploy(shop, THREE)
    fill(srv)
    (shop.service.folder / "next").write_text(ONE)
    report = shop.rollback()
    assert (report.verdict, shop.service.revision) == ("ok", ONE)
    assert shop.history[0].state is State.VERIFIED
