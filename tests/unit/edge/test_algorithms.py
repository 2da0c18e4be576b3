"""Algorithms that no library signs with any more; the others are read from certificates in test_der.py."""

from __future__ import annotations

import pytest

from ci_ops.edge.algorithms import key_of, signature_hash


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("06092a864886f70d0101050500", "SHA-1"),
        ("06092a864886f70d0101040500", "MD5"),
        ("06072a8648ce3d0401", "SHA-1"),
        ("06092a864886f70d01010a3000", "SHA-1"),  # RSASSA-PSS without parameters means SHA-1
        ("06032a0304", ""),
    ],
)
def test_the_hash_of_an_old_or_unknown_signature(identifier: str, expected: str) -> None:
    assert signature_hash(bytes.fromhex(identifier)) == expected


def test_a_kind_of_key_that_is_not_known_has_neither_name_nor_length() -> None:
    assert key_of(bytes.fromhex("300506032a0304" + "03020000")) == ("", 0)


@pytest.mark.parametrize("data", ["", "30020500", "0500"])
def test_what_is_no_algorithm_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"certificate|DER"):
        signature_hash(bytes.fromhex(data))
