from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.env_vars import EnvVars
from ci_ops.core.contract.presets import PRESETS
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = EnvVars(required=("SECRET_KEY", "DATABASE_URL"), forbidden=("API_TOKEN",))

ROOT = Path(__file__).resolve().parents[3]
KEY = "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7qW9eR1tY3u"
DATABASE = "postgresql://shop:9fK2xqq81@db:5432/shop"


def look(
    check: EnvVars, root: Path = Path("/nonexistent"), environment: str = "production", **env: Any
) -> Result:
    return the_result(check, a_subject(root, environment=environment), a_world(**env))


def test_variables_that_are_set_as_asked_pass_and_are_named_without_their_values() -> None:
    check = EnvVars(required=("SECRET_KEY", "DATABASE_URL"), forbidden=("DEBUG",), patterns={"PORT": r"\d+"})
    result = look(check, SECRET_KEY=KEY, DATABASE_URL=DATABASE, PORT="8000")
    assert (result.status, result.measured) == (Status.PASS, 4)
    assert result.facts["set"] == ["DATABASE_URL", "PORT", "SECRET_KEY"]


@pytest.mark.reports("env-vars/missing")
def test_a_missing_variable_and_one_of_blanks_fail() -> None:
    result = look(EnvVars(required=("A", "B", "C")), A="1", B="  ")
    assert [finding.subject for finding in result.findings] == ["B", "C"]
    assert rules_of(result) == ["missing", "missing"]


def test_the_service_s_own_variables_count_where_they_are_given() -> None:
    subject = a_subject(env={"A": "1"})
    assert the_result(EnvVars(required=("A",)), subject, a_world()).status is Status.PASS
    assert the_result(EnvVars(required=("B",)), subject, a_world(B="1")).status is Status.FAIL


@pytest.mark.parametrize(
    ("value", "status"), [("1", Status.FAIL), ("text", Status.FAIL), ("False", Status.WARN)]
)
@pytest.mark.reports("env-vars/forbidden")
def test_a_forbidden_variable_fails_in_production_and_warns_when_it_means_off(
    value: str, status: Status
) -> None:
    result = look(EnvVars(forbidden=("DEBUG",)), DEBUG=value)
    assert (result.status, rules_of(result)) == (status, ["forbidden"])
    assert look(EnvVars(forbidden=("DEBUG",)), environment="staging", DEBUG=value).status is Status.PASS


@pytest.mark.reports("env-vars/pattern")
def test_a_value_has_to_match_its_pattern_as_a_whole() -> None:
    check = EnvVars(patterns={"PORT": r"\d+"})
    assert look(check, PORT="80x").findings[0].observed == "a value of 3 characters"
    assert rules_of(look(check, PORT="80x")) == ["pattern"]
    assert look(check).status is Status.PASS


def test_a_broken_pattern_is_refused_when_the_check_is_made() -> None:
    with pytest.raises(ValueError, match=r"^patterns: PORT: this is no regular expression"):
        EnvVars(patterns={"PORT": "("})


@pytest.mark.reports("env-vars/placeholder")
def test_placeholders_fail_unless_nobody_asked_for_them() -> None:
    assert rules_of(look(EnvVars(required=("SECRET_KEY",)), SECRET_KEY="changeme")) == ["placeholder"]
    assert (
        look(EnvVars(required=("SECRET_KEY",), placeholders=False), SECRET_KEY="changeme").status
        is Status.PASS
    )


def test_names_of_the_example_file_are_required_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("DEBUG=1\nSECRET_KEY=example-of-a-key\n#OPTIONAL=\nPORT=8000\n")
    check = EnvVars(from_example=".env.example", forbidden=("DEBUG",))
    result = look(check, tmp_path, PORT="8000")
    assert [(each.rule, str(each.location)) for each in result.findings] == [
        ("env-vars/missing", ".env.example:2")
    ]
    copied = look(check, tmp_path, PORT="8000", SECRET_KEY="example-of-a-key")
    assert rules_of(copied) == ["placeholder"]
    assert copied.findings[0].observed == "the example file's value"


@pytest.mark.reports("env-vars/absent")
def test_a_machine_without_any_of_the_variables_is_a_warning_where_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("SECRET_KEY=\nDATABASE_URL=\n")
    detected = EnvVars.detect(tmp_path)
    assert detected == EnvVars(from_example=".env.example", when_absent="warn")
    result = look(detected, tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["absent"], 2)
    assert look(detected, tmp_path, SECRET_KEY=KEY).status is Status.FAIL
    assert look(EnvVars(from_example=".env.example"), tmp_path).status is Status.FAIL


def test_it_applies_where_an_example_file_is(tmp_path: Path) -> None:
    assert EnvVars.detect(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
@pytest.mark.reports("env-vars/unreadable")
def test_an_example_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / ".env.example").write_bytes(content)
    result = look(EnvVars(from_example=".env.example"), tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)


@pytest.mark.reports("env-vars/nothing-asked")
def test_a_check_that_names_no_variable_is_an_error() -> None:
    result = look(EnvVars())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["nothing-asked"])


GOOD: dict[str, dict[str, Any]] = {
    "django": {"SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///shop.db", "ALLOWED_HOSTS": "shop.example.com"},
    "api": {
        "SECRET_KEY": KEY,
        "DATABASE_URL": "postgresql+asyncpg://shop:9fK2xqq81@db/shop",
        "API_PORT": "8000",
    },
    "bot": {"BOT_TOKEN": "123456789:" + "AAbb-_12" * 5, "ADMIN_IDS": "1, 22"},
    "render-flask": {
        "DATABASE_URL": DATABASE,
        "PORT": "5000",
        "FLASK_ENV": "production",
        "OPENAI_API_KEY": f"sk-{KEY}",
        "TWILIO_ACCOUNT_SID": "AC" + "0f" * 16,
        "TWILIO_AUTH_TOKEN": "0f" * 16,
        "RENDER_DEPLOY_HOOK_SECRET": KEY,
    },
}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_passes_on_a_good_environment_and_fails_on_an_empty_one(name: Any) -> None:
    check = EnvVars(presets=(name,))
    assert look(check, **GOOD[name]).findings == ()
    assert len(look(check).findings) == sum(each.must_be_set for each in PRESETS[name].contract.variables)


@pytest.mark.parametrize(
    ("preset", "name", "value", "rule"),
    [
        ("django", "SECRET_KEY", "q8W3eR5tY7uI9oP1", "weak"),
        ("django", "SECRET_KEY", "abab" * 20, "weak"),
        ("django", "ALLOWED_HOSTS", "*", "pattern"),
        ("django", "DEBUG", "True", "forbidden"),
        ("api", "SECRET_KEY", "q8W3eR5tY7uI9oP1", "weak"),
        ("api", "DATABASE_URL", "mysql://shop:9fK2xqq81@db/shop", "pattern"),
        ("api", "API_PORT", "eight", "pattern"),
        ("bot", "BOT_TOKEN", "no-token-at-all", "pattern"),
        ("bot", "ADMIN_IDS", "me", "pattern"),
        ("render-flask", "FLASK_ENV", "development", "pattern"),
        ("render-flask", "TWILIO_ACCOUNT_SID", "your_sid", "pattern"),
    ],
)
def test_presets_know_what_goes_wrong(preset: Any, name: str, value: str, rule: str) -> None:
    result = look(EnvVars(presets=(preset,)), **{**GOOD[preset], name: value})
    assert rule in rules_of(result)
    assert result.findings[0].subject == name


def test_presets_add_up_and_the_user_s_own_pattern_wins() -> None:
    check = EnvVars(presets=("api", "bot"), patterns={"DATABASE_URL": "sqlite:.*"})
    env = {**GOOD["api"], **GOOD["bot"], "DATABASE_URL": "sqlite:///x"}
    assert look(check, **env).status is Status.PASS


@pytest.mark.reports("env-vars/weak")
def test_no_value_ever_stands_in_a_result() -> None:
    values: dict[str, Any] = {
        "SECRET_KEY": "Kx9-short",
        "DATABASE_URL": "mysql://u:Kx9-pass@db/x",
        "DEBUG": "Kx9-debug",
        "API_PORT": "Kx9",
    }
    result = look(EnvVars(presets=("api",)), **values)
    assert len(result.findings) >= 4
    assert "Kx9" not in json.dumps(result.to_json())


@pytest.mark.reports("env-vars/misspelt")
def test_a_misspelt_name_is_pointed_out() -> None:
    result = look(EnvVars(required=("DATABASE_URL",)), DATABSE_URL=DATABASE)
    assert result.findings[0].sentence == "DATABASE_URL is not set, but DATABSE_URL is."
    hidden = look(EnvVars(presets=("api",)), **GOOD["api"], DB_POOL_SIEZ="5")
    assert (hidden.status, rules_of(hidden)) == (Status.WARN, ["misspelt"])


def test_what_another_preset_declares_is_not_misspelt() -> None:
    check = EnvVars(required=("BOT_TOKENS",), presets=("bot",))
    assert look(check, **GOOD["bot"], BOT_TOKENS="a,b").findings == ()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop_settings.py").write_text(
        "from ci_ops.core.contract.variables import Contract, Variable\n"
        "contract = Contract(Variable('SHOP_KEY', secret=True, min_length=32), "
        "Variable('SHOP_PORT', kind='int', default=8000))\n"
    )
    return tmp_path


def test_the_application_s_own_declaration_is_held_to(shop: Path) -> None:
    check = EnvVars(app="shop_settings:contract", python=sys.executable)
    more = {"PYTHONPATH": str(ROOT)}
    assert look(check, shop, SHOP_KEY=KEY, **more).status is Status.PASS
    bad = look(check, shop, SHOP_KEY="short", SHOP_PORT="eight", **more)
    assert (bad.status, rules_of(bad)) == (Status.FAIL, ["weak", "pattern"])
    assert bad.facts["set"] == ["SHOP_KEY", "SHOP_PORT"]
    both = EnvVars(app="shop_settings:contract", python=sys.executable, presets=("bot",))
    assert [each.subject for each in look(both, shop, SHOP_KEY=KEY, **more).findings] == ["BOT_TOKEN"]


@pytest.mark.reports("env-vars/declaration")
def test_a_declaration_that_cannot_be_read_is_an_error_with_its_reason(shop: Path) -> None:
    check = EnvVars(app="shop_settings:nothing", python=sys.executable)
    result = look(check, shop, PYTHONPATH=str(ROOT))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["declaration"], 0)
    assert result.findings[0].sentence == "shop_settings has no nothing."
    assert "imported by" in result.findings[0].advice


def test_the_declaration_is_asked_with_the_service_s_own_variables(shop: Path) -> None:
    (shop / "shop_settings.py").write_text(
        "import os\nfrom ci_ops.core.contract.variables import Contract, Variable\n"
        "contract = Contract(Variable(os.environ['NAME_OF_IT']))\n"
    )
    check = EnvVars(app="shop_settings:contract", python=sys.executable)
    subject = a_subject(shop, env={"NAME_OF_IT": "SHOP_KEY", "SHOP_KEY": KEY})
    assert the_result(check, subject, a_world(PYTHONPATH=str(ROOT))).status is Status.PASS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_example_file_of_any_editor_names_its_first_variable(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env.example").write_bytes("DATABASE_URL=\r\nMAIL_HOST=x\r\n".encode(encoding))
    result = look(EnvVars(from_example=".env.example"), tmp_path, MAIL_HOST="mail.internal")
    assert [(each.rule, each.subject) for each in result.findings] == [("env-vars/missing", "DATABASE_URL")]


@pytest.mark.reports("env-vars/unread-line")
def test_a_line_that_is_no_variable_is_a_warning_with_its_place(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("MAIL_HOST=x\nset OTHER=1\n")
    result = look(EnvVars(from_example=".env.example"), tmp_path, MAIL_HOST="mail.internal")
    assert (result.status, rules_of(result)) == (Status.WARN, ["unread-line"])
    assert str(result.findings[0].location) == ".env.example:2"


SETTINGS = """\
from pydantic_settings import BaseSettings, SettingsConfigDict

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    database_url: str
    port: int = 8000

settings = Settings()
"""


@pytest.mark.parametrize("name", ["Settings", "settings"])
def test_settings_that_are_filled_at_import_name_what_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    check = EnvVars(app=f"shop_settings:{name}", python=sys.executable)
    missing = look(check, tmp_path, PYTHONPATH=str(ROOT))
    assert [(each.rule, each.subject) for each in missing.findings] == [
        ("env-vars/missing", "SHOP_DATABASE_URL")
    ]
    bad = look(check, tmp_path, PYTHONPATH=str(ROOT), SHOP_DATABASE_URL="sqlite://", SHOP_PORT="eight")
    assert rules_of(bad) == ["pattern"]
    good = look(check, tmp_path, PYTHONPATH=str(ROOT), SHOP_DATABASE_URL="sqlite://")
    assert good.status is Status.PASS


def test_settings_that_refuse_for_a_reason_of_their_own_are_no_pass(tmp_path: Path) -> None:
    refusing = SETTINGS.replace(
        "port: int = 8000", "port: int = 8000\n    def model_post_init(self, _): raise OSError"
    )
    (tmp_path / "shop_settings.py").write_text(refusing)
    check = EnvVars(app="shop_settings:Settings", python=sys.executable)
    result = look(check, tmp_path, PYTHONPATH=str(ROOT), SHOP_DATABASE_URL="sqlite://")
    assert (result.status, rules_of(result)) == (Status.ERROR, ["declaration"])


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "import os; os.environ['SHOP_KEY']",
            "raises KeyError in shop_settings.py, line 1; SHOP_KEY is not set.",
        ),
        ("raise RuntimeError('set SHOP_KEY and SHOP_DSN')", "line 1; SHOP_KEY, SHOP_DSN are not set."),
        (
            "raise RuntimeError('OTHER_VALUE of OTHER_NAME')",
            "raises RuntimeError in shop_settings.py, line 1.",
        ),
    ],
)
def test_an_application_that_does_not_start_names_the_variables_and_no_value(
    tmp_path: Path, line: str, sentence: str
) -> None:
    (tmp_path / "shop_settings.py").write_text(f"{line}\n")
    check = EnvVars(app="shop_settings:contract", python=sys.executable)
    result = look(check, tmp_path, PYTHONPATH=str(ROOT), OTHER_NAME="x OTHER_VALUE y")
    assert result.sentence.endswith(sentence)
