from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service.limits.client import MAX_HEADER_LENGTH, MAX_HOPS, Client, ClientResolver
from ci_ops.service.limits.networks import NetworkSet, is_private, neighbourhood, read_address

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def address(resolver: ClientResolver, peer: str | None, forwarded: str = "") -> str:
    return resolver.resolve(peer, forwarded).address


def test_nobody_is_believed_when_nothing_is_configured() -> None:
    client = ClientResolver().resolve("9.9.9.9", "198.51.100.1")
    assert client == Client(address="9.9.9.9", key="9.9.9.9", is_peer=True, is_suspect=False)


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:DB8:0:0::7%eth0", "2001:db8::7"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, nonsense", "10.0.0.1"),
        ("198.51.100.1, nonsense, 10.2.2.2", "10.2.2.2"),
        ("unknown", "10.0.0.1"),
        (" , ,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("<script>, 198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_header_of_a_trusted_proxy_is_read_from_the_right(forwarded: str, expected: str) -> None:
    assert address(ClientResolver(PROXIES), "10.0.0.1", forwarded) == expected


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=6), st.ip_addresses(v=4).map(str))
def test_no_client_can_choose_its_address_however_much_it_sends(sent: list[str], real: str) -> None:
    resolver = ClientResolver(["10.0.0.0/8"])
    if real.startswith("10."):
        real = "9" + real[2:]
    assert address(resolver, "10.0.0.1", ", ".join([*sent, real, "10.3.3.3"])) == real


def test_a_header_of_somebody_else_is_not_read() -> None:
    resolver = ClientResolver(PROXIES)
    assert address(resolver, "9.9.9.9", "198.51.100.1") == "9.9.9.9"
    assert resolver.diagnosis == ""


def test_a_huge_header_costs_little_and_decides_by_its_end() -> None:
    resolver = ClientResolver(PROXIES)
    flood = "6.6.6.6," * 50_000
    assert address(resolver, "10.0.0.1", flood + "198.51.100.1") == "198.51.100.1"
    assert address(resolver, "10.0.0.1", "1" * 100_000) == "10.0.0.1"
    cut = "123.45.67.89" + ",10.1.1.1" * ((MAX_HEADER_LENGTH - 5) // 9)
    assert address(resolver, "10.0.0.1", cut) == "10.1.1.1"
    many = "198.51.100.1" + ",10.1.1.1" * MAX_HOPS
    assert address(resolver, "10.0.0.1", many) == "10.1.1.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("for=198.51.100.1;proto=https;by=10.1.1.1", "198.51.100.1"),
        ('For="[2001:db8::7]:4711"', "2001:db8::7"),
        ("for=6.6.6.6, for=198.51.100.1 ; host=a, for=10.5.5.5", "198.51.100.1"),
        ('host="a, for=6.6.6.6";for=198.51.100.1', "198.51.100.1"),
        ("for=_hidden", "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ('for="unclosed', "10.0.0.1"),
        ('host="a;for=6.6.6.6";for=198.51.100.1', "198.51.100.1"),
        (r'host="a\";for=6.6.6.6";for=198.51.100.1', "198.51.100.1"),
        (r'host="a\\";for=198.51.100.1', "198.51.100.1"),
        ('for="6.6.6.6, for=198.51.100.1', "198.51.100.1"),
        (r"for=\"\"\", for=198.51.100.1", "198.51.100.1"),
        ('for=6.6.6.6, for="[2001:db8::7]:4711";proto=https', "2001:db8::7"),
        ('"' * 2000 + ', for="198.51.100.1:80"', "198.51.100.1"),
        ('by=10.1.1.1;secret="for=6.6.6.6"', "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_the_same_way(forwarded: str, expected: str) -> None:
    assert address(ClientResolver(PROXIES, header="Forwarded"), "10.0.0.1", forwarded) == expected


@given(
    st.text(st.sampled_from('",;=\\ for[]:1.x'), max_size=60),
    st.sampled_from(
        ["for=198.51.100.1", 'by=x;for="198.51.100.1:80"', 'host="a,b";For=198.51.100.1;proto=https']
    ),
)
def test_no_client_can_hide_what_a_proxy_adds_to_the_standard_header(sent: str, added: str) -> None:
    resolver = ClientResolver(PROXIES, header="Forwarded")
    assert address(resolver, "10.0.0.1", f"{sent}, {added}") == "198.51.100.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 172.16.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (2, "", "203.0.113.9"),
        (1, "nonsense", "203.0.113.9"),
    ],
)
def test_where_addresses_are_not_known_the_hops_are_counted(hops: int, forwarded: str, expected: str) -> None:
    resolver = ClientResolver(hops=hops)
    assert address(resolver, "203.0.113.9", forwarded) == expected
    assert resolver.is_trusted("203.0.113.9")


def test_the_header_of_a_platform_needs_the_platforms_networks() -> None:
    resolver = ClientResolver(["173.245.48.0/20"], header="CF-Connecting-IP")
    scope = {
        "client": ("173.245.48.9", 1),
        "headers": [(b"x-forwarded-for", b"6.6.6.6"), (b"cf-connecting-ip", b"198.51.100.1")],
    }
    assert resolver.from_asgi(scope).address == "198.51.100.1"
    with pytest.raises(ValueError, match="can be sent by any client"):
        ClientResolver(header="cf-connecting-ip")
    with pytest.raises(ValueError, match="can be sent by any client"):
        ClientResolver(header="cf-connecting-ip", hops=1)


def test_a_local_socket_is_trusted_only_by_name() -> None:
    assert address(ClientResolver(["unix"]), None, "198.51.100.1") == "198.51.100.1"
    assert address(ClientResolver(["unix"]), "", "") == "unix"
    assert address(ClientResolver(), None, "198.51.100.1") == "unix"
    assert ClientResolver(["unix"]).is_trusted(None)
    assert not ClientResolver(PROXIES).is_trusted(None)


@pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "::1", "100.64.0.1", None])
def test_a_forgotten_proxy_is_noticed_and_said(peer: str | None) -> None:
    resolver = ClientResolver(["192.0.2.0/24"])
    assert not resolver.resolve(peer).is_suspect
    assert resolver.diagnosis == ""
    assert resolver.resolve(peer, "198.51.100.1").is_suspect
    assert "with x-forwarded-for, but that address is not a trusted proxy" in resolver.diagnosis
    assert resolver.resolve(peer, "198.51.100.2").is_suspect


@pytest.mark.parametrize(
    ("forwarded", "key"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("9.9.9.9, 10.0.0.7", "9.9.9.9"),
        ("10.1.1.1, 10.0.0.7", "10.1.1.1"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("nonsense", "172.17.0.1"),
    ],
)
def test_clients_of_a_forgotten_proxy_are_told_apart_and_take_nobodys_quota(forwarded: str, key: str) -> None:
    client = ClientResolver().resolve("172.17.0.1", forwarded)
    assert client == Client(address="172.17.0.1", key=f"by-header:{key}", is_peer=True, is_suspect=True)


def test_only_the_header_with_dashes_counts_in_asgi_and_repeated_lines_are_one() -> None:
    resolver = ClientResolver(PROXIES)
    scope = {
        "client": ("10.0.0.1", 4711),
        "headers": [
            (b"x_forwarded_for", b"6.6.6.6"),
            (b"x-forwarded-for", b"6.6.6.6, 198.51.100.1"),
            (b"x-forwarded-for", b"10.2.2.2"),
        ],
    }
    assert resolver.from_asgi(scope).address == "198.51.100.1"
    assert resolver.from_asgi({"client": None, "headers": []}).address == "unix"
    assert resolver.from_asgi({"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", b"\xff")]}).is_peer


def test_wsgi_requests_are_read_the_same_way() -> None:
    resolver = ClientResolver(PROXIES)
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.1"}
    assert resolver.from_wsgi(environ).address == "198.51.100.1"
    assert resolver.from_wsgi({}).address == "unix"


def test_a_peer_that_is_no_address_is_kept_as_it_is() -> None:
    assert ClientResolver().resolve("testclient").key == "testclient"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"trusted": ["*"]}, "lets each client choose"),
        ({"trusted": PROXIES, "hops": 1}, "not both"),
        ({"hops": -1}, "0 to 32"),
        ({"hops": 99}, "0 to 32"),
        ({"trusted": ["10.0.0.0/99"]}, "10.0.0.0/99"),
    ],
)
def test_a_trust_that_would_be_a_hole_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ClientResolver(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "key", "around"),
    [
        ("198.51.100.7", "198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::1", "0:0:0:0::/64", "0:0:0::/48"),
        ("testclient", "testclient", "testclient"),
        ("a:b", "a:b", "a:b"),
        ("ada@example.com", "ada@example.com", "ada@example.com"),
    ],
)
def test_addresses_are_counted_by_client_and_crowded_by_neighbourhood(
    text: str, key: str, around: str
) -> None:
    assert ClientResolver().resolve(text).key == key
    assert neighbourhood(key) == around
    assert neighbourhood(f"ip:{key}") == f"ip:{around}"
    assert neighbourhood(f"user:{key}").startswith(f"user:{key[:3]}")


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ('"198.51.100.1"', "198.51.100.1"),
        (" 198.51.100.1 ", "198.51.100.1"),
        ("198.51.100.01", None),
        ("198.51.100", None),
        ("[::1", "::1"),
        ("1" * 65, None),
        ("", None),
    ],
)
def test_an_address_is_read_in_any_spelling_or_not_at_all(text: str, usual: str | None) -> None:
    assert read_address(text) == usual


@given(st.lists(st.ip_addresses(v=4), min_size=1, max_size=5), st.ip_addresses(v=4), st.integers(8, 32))
def test_a_set_of_networks_holds_what_the_networks_hold(bases: list[object], one: object, bits: int) -> None:
    networks = [ip_network(f"{base}/{bits}", strict=False) for base in bases]
    held = NetworkSet(str(network) for network in networks)
    assert (str(one) in held) == any(ip_address(str(one)) in network for network in networks)
    assert all(str(base) in held for base in bases)


def test_a_set_of_networks_keeps_versions_apart_and_knows_what_is_no_address() -> None:
    held = NetworkSet(["0.0.0.0/0"])
    assert "198.51.100.1" in held
    assert "::1" not in held
    assert "nonsense" not in held
    assert "198.51.100.1" not in NetworkSet([])
    assert not NetworkSet([])


def test_private_is_what_no_client_on_the_internet_has() -> None:
    assert [is_private(text) for text in ("10.1.1.1", "8.8.8.8", "fe80::1", "nonsense")] == [
        True,
        False,
        True,
        False,
    ]
