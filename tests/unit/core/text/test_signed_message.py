import pytest

from ci_ops.core.text.signed_message import sign, signing_key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_the_one_of_the_specifications_own_vector() -> None:
    """Source: standard-webhooks/standard-webhooks libraries/python/tests/test_webhooks.py."""
    signature = sign(
        signing_key(SECRET),
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_äöü"])
def test_a_secret_of_another_form_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="a webhook secret is base64") as caught:
        signing_key(secret)
    assert "not base64" not in str(caught.value)
