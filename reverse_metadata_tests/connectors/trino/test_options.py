"""How a Trino server is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.trino import TrinoConnector, TrinoOptions
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

BLOCK = {"host": "trino", "username": "writer"}
REUSED = {"host": "trino", "port": 8443, "username": "writer", "password": "", "jwt": ""}


def held(**config: Any) -> dict[str, Any]:
    """The options made of a connection that the catalog holds."""
    return TrinoConnector.options_from_catalog({"hostPort": "trino:8443", "username": "writer", **config})


@pytest.mark.parametrize(
    ("options", "scheme", "port"),
    [
        ({}, "http", 8080),
        ({"port": 443}, "https", 443),
        ({"port": 8443}, "http", 8443),
        ({"port": 8443, "http_scheme": "https"}, "https", 8443),
        ({"password": "p"}, "https", 443),
        ({"jwt": "t", "port": 8443}, "https", 8443),
        ({"certificate": "/me.pem"}, "https", 443),
    ],
)
def test_what_proves_who_one_is_goes_over_https(options: dict[str, Any], scheme: str, port: int) -> None:
    made = TrinoOptions(**{**BLOCK, **options})
    assert (made.scheme, made.address) == (scheme, ("trino", port))


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert TrinoOptions(host="::1", username="writer").address == ("[::1]", 8080)


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"host": "https://trino"}, "give the host alone: port and scheme"),
        ({"host": "trino/ui"}, "give the host alone, and its scheme as http_scheme"),
        ({"password": "p", "jwt": "t"}, "password and jwt exclude each other: give one"),
        ({"key": "/me.key"}, "a key needs its certificate"),
        ({"password": "p", "http_scheme": "http"}, "a password is sent over https only"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake):
        TrinoOptions(**{**BLOCK, **options})


def test_every_way_to_log_in_that_the_catalog_knows_is_reused_or_refused() -> None:
    password, token = token_hex(8), token_hex(8)
    assert held() == REUSED
    assert held(authType={"password": password}) == {**REUSED, "password": password}
    assert held(authType={"jwt": token}) == {**REUSED, "jwt": token}
    assert held(password=password) == {**REUSED, "password": password}
    assert held(connectionOptions={"access_token": token}) == {**REUSED, "jwt": token}
    assert redact(f"{password} {token}") == "******** ********"
    for options in (held(), held(authType={"password": password}), held(authType={"jwt": token})):
        assert TrinoOptions(**options)


def test_the_rest_of_the_connection_is_reused() -> None:
    reused = held(
        type="Trino",
        scheme="trino",
        catalog="lake",
        databaseSchema="sales",
        queryHistoryTable='"system"."runtime"."queries"',
        supportsMetadataExtraction=True,
        proxies={"https": "http://proxy:3128"},
        verify="/etc/ca.pem",
        connectionOptions={"roles": '{"hive": "admin"}', "source": "ingestion"},
        connectionArguments={"http_scheme": "https", "session_properties": {"a": "b"}, "client_tags": '["night"]'},
    )
    assert reused == REUSED | {
        "proxies": {"https": "http://proxy:3128"},
        "verify": "/etc/ca.pem",
        "roles": {"hive": "admin"},
        "http_scheme": "https",
        "session_properties": {"a": "b"},
        "client_tags": ["night"],
    }
    assert TrinoOptions(**reused).scheme == "https"


def test_a_certificate_of_the_client_is_reused_from_its_files() -> None:
    reused = held(connectionOptions={"cert": "/me.pem", "key": "/me.key"})
    assert reused == REUSED | {"certificate": "/me.pem", "key": "/me.key"}


@pytest.mark.parametrize("said", ["true", True, "True", ""])
def test_that_the_server_is_checked_need_not_be_said(said: object) -> None:
    assert held(verify=said) == REUSED


@pytest.mark.parametrize(
    ("config", "mistake"),
    [
        ({"authType": "OAUTH2"}, "sets authType, which opens a browser"),
        ({"authType": {"azureConfig": {"clientId": "x"}}}, "sets authType.azureConfig, which takes short-lived tokens"),
        ({"connectionOptions": {"externalAuthentication": "true"}}, "sets connectionOptions.externalAuthentication"),
        ({"connectionArguments": {"http_headers": "{}x"}}, "sets connectionArguments.http_headers"),
        ({"connectionOptions": {"extra_credential": "[[1]]"}}, "sets connectionOptions.extra_credential"),
        ({"verify": "false"}, "sets verify to false, so that any server is believed to be yours"),
        ({"connectionArguments": {"verify": "false"}}, "sets verify to false"),
        ({"authType": {"password": "********"}}, "shows authType.password as asterisks"),
        ({"authType": {"jwt": "********"}}, "shows authType.jwt as asterisks"),
        ({"sslConfig": {"caCertificate": "x"}}, "sets sslConfig, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(config: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        held(**config)
    assert len(raised.value.mistakes) == 1
    assert mistake in raised.value.mistakes[0]


def test_a_connection_without_a_host_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match=r"names no host \(hostPort\)"):
        TrinoConnector.options_from_catalog({"username": "writer"})
