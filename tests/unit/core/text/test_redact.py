"""Text that holds a secret loses it, and text that cannot hold one costs next to nothing."""

import base64
import html
import json
import shlex
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ci_ops.core.text import redact, token_shapes
from ci_ops.core.text.redact import Redactor, redact_patterns

PIECES = st.sampled_from(
    [
        "password",
        "PASSWD",
        "toKen",
        "api_key",
        "ap\u0131-key",
        "\u017fecret",
        "=",
        ":",
        "://",
        "@",
        " ",
        "x",
        "\u212a",
        "?sig=",
        "&code=",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ]
)


def _searched_everywhere(text: str) -> str:
    for pattern in (redact._URL_PASSWORD, redact._IN_QUERY, redact._ASSIGNED, token_shapes.token_pattern()):
        text = pattern.sub(lambda found: f"{found.groupdict().get('head', '')}***", text)
    return text


@given(st.lists(PIECES, max_size=12).map("".join))
def test_looking_for_words_first_hides_exactly_the_same(text: str) -> None:
    assert redact_patterns(text) == _searched_everywhere(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://app:hunter2@db/shop", "postgresql://app:***@db/shop"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("API-KEY = abc", "API-KEY = ***"),
        ("\u017fecret=abc", "\u017fecret=***"),
        ("status: 200, id=7", "status: 200, id=7"),
        ("nothing to see", "nothing to see"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redact_patterns(text) == shown


def test_a_path_is_no_assignment() -> None:
    assert redact_patterns("/etc/passwd: Permission denied") == "/etc/passwd: Permission denied"
    assert redact_patterns("passwd: abcdefgh") == "passwd: ***"


def test_each_long_line_of_a_secret_is_hidden_and_short_ones_are_not() -> None:
    hide = redact.Redactor(["first-long-line\nab\nsecond-long-line"])
    assert hide("first-long-line ab second-long-line") == "*** ab ***"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _url_base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": _base64,
    "base64 without padding": lambda text: _base64(text).rstrip("="),
    "base64 for addresses": _url_base64,
    "basic credentials": lambda text: _base64(f"user:{text}"),
    "basic credentials of another length": lambda text: _base64(f"deploy:{text}"),
    "in the middle of base64": lambda text: _url_base64(f"a user:{text}, and more"),
    "percent": lambda text: quote(text, safe=""),
    "percent with plus": quote_plus,
    "percent in lower case": lambda text: quote(text, safe="/").replace("%2F", "%2f").replace("%3D", "%3d"),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps({"key": text})),
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON for a page": lambda text: json.dumps(text)[1:-1].replace("/", "\\/").replace("<", "\\u003c"),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in text),
    "HTML by hexadecimal numbers": lambda text: "".join(
        c if c.isalnum() else f"&#x{ord(c):X};" for c in text
    ),
    "repr": lambda text: repr(text)[1:-1],
    "bytes": lambda text: repr(text.encode())[2:-1],
    "shell": shlex.quote,
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
}
VALUES = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=8
)


ODD = "p/a+s=s w&o<r>d'\"\\%\u00e4\U0001f600"


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "value", [ODD, "correct-horse-battery-staple", "/9j8Base64KeyStartsWithSlash77", "%%\\\\''--==  &&"]
)
def test_a_secret_is_hidden_in_every_usual_spelling(spelling: str, value: str) -> None:
    written = SPELLINGS[spelling](value)
    shown = Redactor([value])(f"<<{written}>>")
    before, _, after = shown.partition("***")
    assert value not in shown
    assert before.startswith("<<")
    assert after.endswith(">>")
    # Beside the user's name, base64 shows at most the bits that it shares with the secret.
    around = {
        "basic credentials": 8,
        "basic credentials of another length": 11,
        "in the middle of base64": 24,
    }
    rest = len(before) + len(after) - 4
    assert rest <= around.get(spelling, 17 if spelling == "JSON in JSON" else 2)


@given(spelling=st.sampled_from(sorted(SPELLINGS)), value=VALUES)
def test_any_secret_is_hidden_in_any_spelling(spelling: str, value: str) -> None:
    value = value.strip().strip("'\"")
    assume(len(value) >= 8 and value.strip("*") and value.lower() not in redact.SETTINGS)
    written = SPELLINGS[spelling](value)
    shown = Redactor([value])(f"<<{written}>>")
    assert "***" in shown
    assert value not in shown
    assert written not in shown


@pytest.mark.parametrize("value", ["hunter2", "s3cr3t", "word", "abc", "/ab", "p@ss"])
def test_a_short_secret_is_hidden_where_it_stands_alone(value: str) -> None:
    hide = Redactor([value])
    for text in ("login with {} refused", "pw={}", "'{}'", "{}\n", "a_{}_b", '{{"k": "{}"}}', "({})"):
        assert value not in hide(text.format(value))
    assert hide("swordfish, abcdef, hunter22, s3cr3ts") == "swordfish, abcdef, hunter22, s3cr3ts"


def test_blanks_and_quotes_around_a_secret_do_not_keep_it_from_being_known() -> None:
    for written in ("hunter2-hunter2\n", " hunter2-hunter2\t", '"hunter2-hunter2"', "'hunter2-hunter2'\r\n"):
        assert Redactor([written])("it says hunter2-hunter2") == "it says ***"


def test_settings_and_what_every_text_holds_are_no_secrets() -> None:
    hide = Redactor(["true", "1", "no", "", "***", "Default"])
    assert hide("true 1 no *** default") == "true 1 no *** default"


def test_where_two_secrets_overlap_nothing_of_either_is_left() -> None:
    hide = Redactor(["ABCDEFGHIJ", "GHIJKLMNOP", "CDEF-part-of-more"])
    assert hide("<ABCDEFGHIJKLMNOP>") == "<***>"
    assert hide("<ABCDEFGHIJ><GHIJKLMNOP>") == "<***><***>"


def test_a_sentence_of_ours_keeps_its_words_and_loses_the_secret() -> None:
    hide = Redactor(["production", "8000", "password", "hunter2", "correct-horse-battery-staple"])
    ours = "deployment to production failed: exit code 1 of `curl :8000`; give the token: write, set password"
    assert hide.own(ours) == ours
    assert hide("to production at :8000") == "to *** at :***"
    assert hide.own("it says hunter2, correct-horse-battery-staple") == "it says ***, ***"
    assert (
        hide.own("https://u:pw@host/?sig=abc API_TOKEN=abcdef") == "https://u:***@host/?sig=*** API_TOKEN=***"
    )


@pytest.mark.parametrize(
    "text",
    [
        "token: ${{ github.token }}",
        "password=${DB_PASSWORD}",
        "Authorization: Bearer ${API_TOKEN}",
        "secret: <your secret>",
    ],
)
def test_a_reference_to_a_secret_is_no_secret(text: str) -> None:
    assert redact_patterns(text) == text


TOKENS = {
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "11AA" * 12,
    "GitLab": "glpat-" + "x" * 20,
    "Slack": "xoxb-" + "1234567890-abcdef",
    "Slack webhook": "hooks.slack.com/services/T0/B0/" + "x" * 24,
    "JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "dBjftJeZ4CVP",
    "Stripe": "sk_live_" + "4eC39HqLyjWDarjtT1",
    "Google": "AIza" + "x" * 35,
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "place", ["{}", '{{"{}": 1}}', "Location: https://x.example/cb#{}", "a {} b", "<a href='{}'>"]
)
def test_well_known_tokens_are_hidden_whoever_shows_them(kind: str, place: str) -> None:
    secret = TOKENS[kind].rpartition("/")[2]
    shown = redact_patterns(place.format(TOKENS[kind]))
    assert secret not in shown
    assert "***" in shown


@pytest.mark.parametrize("end", ["-----END RSA PRIVATE KEY-----\nafter", ""])
def test_a_private_key_is_hidden_also_where_its_end_was_cut_off(end: str) -> None:
    body = "Proc-Type: 4,ENCRYPTED\n\nMIIEowIBAAKCAQEA+/=\n" * 3
    shown = redact_patterns(f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}{end}")
    assert shown == ("before\n***\nafter" if end else "before\n***")


PIECES_WITHOUT_END = (
    *("-----BEGIN PRIVATE KEY-----", "eyJabcdefgh-", "\\", "&amp;", "%25", "sk-ant-", "http://", "?sig="),
    *("token", "x" * 64, "a:", "-" * 49 + " "),
)


@pytest.mark.parametrize("piece", PIECES_WITHOUT_END)
def test_hostile_texts_take_no_quadratic_time(piece: str) -> None:
    hide = Redactor(["p/a+s=s&w%o<r>d" * 4, "\\" * 40 + "x", "-" * 50])

    def seconds(size: int) -> float:
        started = time.process_time()
        hide(piece * (size // len(piece)))
        return time.process_time() - started

    assert seconds(320_000) < 8 * 8 * max(seconds(40_000), 0.01)


def test_a_word_stays_in_a_sentence_of_ours_where_the_reader_has_it_anyway() -> None:
    hide = redact.Redactor(["swordfish", "production", "shop", "4711"], is_own_word="production".__eq__)
    hide.publish("the shop-api of staging")
    sentence = "swordfish ships shop to production on 4711."
    assert hide.own(sentence) == "*** ships shop to production on 4711."
    assert hide(sentence) == "*** ships *** to *** on ***."
