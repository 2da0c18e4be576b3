import base64
import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment.signatures import RepeatedMessageError, SignatureError, SignatureVerifier

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""Source: standard-webhooks/standard-webhooks libraries/python/tests/test_webhooks.py."""
BODY = b'{"test": 2432232314}'
NOW = 1614265330.0


class Wall:
    """A clock on the wall that a test sets."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def verifier(wall: Wall) -> SignatureVerifier:
    return SignatureVerifier(Secret(SECRET), now=wall)


def test_the_specifications_own_vector_is_right(verifier: SignatureVerifier) -> None:
    assert verifier.verify(VECTOR, BODY) == VECTOR["webhook-id"]


def test_what_is_signed_here_is_verified_here(verifier: SignatureVerifier) -> None:
    headers = verifier.sign(b"body")

    assert verifier.verify({name.title(): value for name, value in headers.items()}, b"body")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"webhook-id": ""}, "not signed"),
        ({"webhook-timestamp": ""}, "not signed"),
        ({"webhook-signature": " "}, "not signed"),
        ({"webhook-timestamp": "yesterday"}, "cannot be read"),
        ({"webhook-timestamp": "٣"}, "cannot be read"),
        ({"webhook-timestamp": "9" * 5000}, "too old, or of the future"),
        ({"webhook-id": "x" * 300}, "cannot be read"),
        ({"webhook-id": "msg_another"}, "wrong"),
        ({"webhook-timestamp": "1614265331"}, "wrong"),
        ({"webhook-signature": "v1,AAAA"}, "wrong"),
        ({"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "wrong"),
        ({"webhook-signature": "v1,\udcff"}, "wrong"),
        ({"webhook-signature": "v1,x " * 10 + VECTOR["webhook-signature"]}, "wrong"),
    ],
)
def test_a_request_that_is_not_signed_as_it_should_be_is_refused(
    verifier: SignatureVerifier, change: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SignatureError, match=sentence):
        verifier.verify({**VECTOR, **change}, BODY)


def test_another_body_has_another_signature(verifier: SignatureVerifier) -> None:
    with pytest.raises(SignatureError, match="wrong"):
        verifier.verify(VECTOR, BODY + b" ")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_holds_for_five_minutes(verifier: SignatureVerifier, wall: Wall, seconds: float) -> None:
    wall.now = NOW + seconds
    with pytest.raises(SignatureError, match="too old"):
        verifier.verify(VECTOR, BODY)

    wall.now = NOW + seconds / 302 * 300
    assert verifier.verify(VECTOR, BODY)


def test_a_message_is_taken_once_as_long_as_its_signature_holds(
    verifier: SignatureVerifier, wall: Wall
) -> None:
    wall.now = NOW - 299  # sent by somebody whose clock is ahead
    verifier.verify(VECTOR, BODY)

    for seconds in (0, 299):
        wall.now = NOW + seconds
        with pytest.raises(RepeatedMessageError):
            verifier.verify(VECTOR, BODY)


def test_a_message_that_came_to_nothing_may_come_again(verifier: SignatureVerifier) -> None:
    verifier.forget(verifier.verify(VECTOR, BODY))

    assert verifier.verify(VECTOR, BODY)


def test_while_a_secret_is_replaced_both_hold_and_the_first_one_signs(wall: Wall) -> None:
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    both = SignatureVerifier(new, SECRET, now=wall)

    assert both.verify(VECTOR, BODY)
    assert SignatureVerifier(new, now=wall).verify(both.sign(b""), b"")
    header = f"v1,{'A' * 43}= {VECTOR['webhook-signature']}"
    assert SignatureVerifier(SECRET, now=wall).verify({**VECTOR, "webhook-signature": header}, BODY)


def test_a_secret_of_plain_text_and_one_of_bare_base64_both_work(wall: Wall) -> None:
    plain = SignatureVerifier("a plain secret, of words", now=wall)
    assert plain.verify(plain.sign(b"x"), b"x")

    bare = SignatureVerifier(SECRET.removeprefix("whsec_"), now=wall)
    assert bare.verify(VECTOR, BODY)


@pytest.mark.parametrize("secrets", [(), ("short",), (SECRET, "short"), ("whsec_not base64 at all",)])
def test_a_secret_that_cannot_protect_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="secret"):
        SignatureVerifier(*secrets)


def test_fresh_ids_are_never_forgotten_to_make_room(wall: Wall) -> None:
    verifier = SignatureVerifier(SECRET, max_ids=3, now=wall)
    taken = [verifier.sign(b"") for _ in range(3)]
    for headers in taken:
        verifier.verify(headers, b"")

    with pytest.raises(SignatureError, match="too many messages"):
        verifier.verify(verifier.sign(b""), b"")
    with pytest.raises(RepeatedMessageError):
        verifier.verify(taken[0], b"")

    wall.now += 601
    assert verifier.verify(verifier.sign(b""), b"")


def test_of_many_threads_with_one_message_one_gets_through(verifier: SignatureVerifier) -> None:
    taken: list[str] = []
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        with contextlib.suppress(RepeatedMessageError):
            taken.append(verifier.verify(VECTOR, BODY))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert taken == [VECTOR["webhook-id"]]


@given(st.dictionaries(st.sampled_from([*VECTOR, "Other"]), st.text()), st.binary(max_size=40))
def test_hostile_headers_are_refused_and_never_crash(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureError):
        SignatureVerifier(SECRET).verify(headers, body)
