from __future__ import annotations

import hashlib
import hmac

import pytest

from ci_ops.core.text.probe_signature import is_signed_probe, probe_key, sign_probe

KEY = b"a key of sixteen and more"
AT = 1_800_000_045.0  # 45 s into a minute


def by_hand(minute: int, method: str = "GET", path: str = "/orders") -> str:
    """As the documentation describes it."""
    return hmac.new(KEY, f"{method}\n{path}\n{minute}".encode(), hashlib.sha256).hexdigest()


def test_the_signature_covers_method_path_and_minute() -> None:
    minute = int(AT) // 60
    assert sign_probe(KEY, "GET", b"/orders", at_seconds=AT) == by_hand(minute)
    assert is_signed_probe(KEY, by_hand(minute), "GET", b"/orders", at_seconds=AT)
    for other in (by_hand(minute, "POST"), by_hand(minute, path="/"), by_hand(minute)[:-1] + "g", "", "\xff"):
        assert not is_signed_probe(KEY, other, "GET", b"/orders", at_seconds=AT)
    assert not is_signed_probe(b"another key", by_hand(minute), "GET", b"/orders", at_seconds=AT)


@pytest.mark.parametrize(("age", "accepted"), [(-1, False), (0, True), (1, True), (2, False), (60, False)])
def test_a_signature_can_be_replayed_for_one_window_at_most(age: int, *, accepted: bool) -> None:
    signature = by_hand(int(AT) // 60 - age)
    assert is_signed_probe(KEY, signature, "GET", b"/orders", at_seconds=AT) is accepted


@pytest.mark.parametrize("skew", [-29.0, -1.0, 0.0, 1.0, 30.0])
@pytest.mark.parametrize("second", [0.0, 29.9, 30.0, 59.9])
def test_clocks_may_differ_by_half_a_minute(skew: float, second: float) -> None:
    now = AT - 45.0 + second
    signature = sign_probe(KEY, "GET", b"/", at_seconds=now + skew)
    assert is_signed_probe(KEY, signature, "GET", b"/", at_seconds=now)


def test_no_path_is_the_root() -> None:
    assert sign_probe(KEY, "get", b"", at_seconds=AT) == by_hand(int(AT) // 60, path="/")


def test_a_short_key_is_refused_without_being_shown() -> None:
    assert probe_key(" sixteen letters!\n") == b"sixteen letters!"
    with pytest.raises(ValueError, match="at least 16 characters") as caught:
        probe_key("short-key")
    assert "short-key" not in str(caught.value)
