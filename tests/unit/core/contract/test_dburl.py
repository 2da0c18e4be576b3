import pytest

from ci_ops.core.contract.dburl import database_kind, libpq_url


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgres://db/shop", "postgresql"),
        ("postgresql+asyncpg://db/shop", "postgresql"),
        ("MySQL+pymysql://db/shop", "mysql"),
        ("sqlite:///shop.db", "sqlite"),
        ("host=db dbname=shop", ""),
        ("", ""),
    ],
)
def test_the_kind_of_a_database_is_its_scheme_without_the_driver(url: str, kind: str) -> None:
    assert database_kind(url) == kind


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgres://u:p@db:5432/shop", "postgresql://u:p@db:5432/shop"),
        ("postgresql+asyncpg://u:p%40@db/shop?ssl=true", "postgresql://u:p%40@db/shop?sslmode=require"),
        ("postgresql://db/shop?ssl=verify-full&pgbouncer=true", "postgresql://db/shop?sslmode=verify-full"),
        ("postgresql://db/shop?schema=public", "postgresql://db/shop"),
        (
            "postgresql:///shop?host=/var/run&connect_timeout=3",
            "postgresql:///shop?host=%2Fvar%2Frun&connect_timeout=3",
        ),
    ],
)
def test_drivers_and_their_parameters_are_taken_out(url: str, plain: str) -> None:
    assert libpq_url(url) == plain


@pytest.mark.parametrize("url", ["mysql://reader:hunter2hunter2@db/shop", "hunter2hunter2"])
def test_another_database_is_refused_without_showing_its_address(url: str) -> None:
    with pytest.raises(ValueError, match="not a") as caught:
        libpq_url(url)
    assert "hunter2" not in str(caught.value)
