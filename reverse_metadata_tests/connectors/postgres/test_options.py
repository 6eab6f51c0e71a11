"""How a PostgreSQL server is reached: by a service block, or by what the catalog holds."""

import socket
from secrets import token_hex
from threading import Thread
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.model import Partition
from reverse_metadata.redaction import redact

DEFAULTS = {"dbname": "postgres", "connect_timeout": 10, "application_name": "reverse_metadata"}


def parameters(**options: Any) -> dict[str, Any]:
    """What libpq is told, beyond the defaults."""
    told = PostgresOptions(**options).connection_parameters()
    return {name: value for name, value in told.items() if DEFAULTS.get(name) != value}


def test_a_server_is_named_by_url_or_host() -> None:
    with pytest.raises(ValidationError, match="give either `url` or `host`"):
        PostgresOptions()


def test_fields_are_told_in_the_words_of_libpq() -> None:
    fields = {
        "host": "db.example",
        "port": 5433,
        "database": "shop",
        "username": "writer",
        "password": "a password",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "sslcert": "/me.pem",
        "sslkey": "/me.key",
        "options": "-c role=owner",
        "connect_timeout": 3,
        "application_name": "curator",
    }
    assert PostgresOptions(**fields).connection_parameters() == {
        "host": "db.example",
        "port": 5433,
        "dbname": "shop",
        "user": "writer",
        "password": "a password",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "sslcert": "/me.pem",
        "sslkey": "/me.key",
        "options": "-c role=owner",
        "connect_timeout": 3,
        "application_name": "curator",
    }


def test_what_is_not_said_has_a_default() -> None:
    assert PostgresOptions(host="db").connection_parameters() == {"host": "db", **DEFAULTS}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db.example/shop", {"host": "db.example", "dbname": "shop"}),
        ("postgres://db.example", {"host": "db.example"}),
        (
            "postgresql+psycopg2://writer:p%40ss@db:5433/shop?sslmode=require&sslrootcert=system",
            {
                "host": "db",
                "port": "5433",
                "dbname": "shop",
                "user": "writer",
                "password": "p@ss",
                "sslmode": "require",
                "sslrootcert": "system",
            },
        ),
        ("postgresql://me@/shop?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "shop", "user": "me"}),
        ("postgresql://a:1,b:2/shop", {"host": "a,b", "port": "1,2", "dbname": "shop"}),
        ("postgresql://[::1]:5433/", {"host": "::1", "port": "5433"}),
        ("host=db dbname=shop connect_timeout=2", {"host": "db", "dbname": "shop", "connect_timeout": "2"}),
    ],
)
def test_a_url_says_the_same(url: str, told: dict[str, Any]) -> None:
    assert parameters(url=url) == told


def test_a_field_that_was_given_wins_over_the_url_and_the_url_over_a_default() -> None:
    url = "postgresql://writer@db:5433/shop?connect_timeout=2&application_name=url"
    assert parameters(url=url, username="other", application_name="field") == {
        "host": "db",
        "port": "5433",
        "dbname": "shop",
        "user": "other",
        "connect_timeout": "2",
        "application_name": "field",
    }


@pytest.mark.parametrize(
    "url", ["postgresql://w:{}@db/shop?passwort=x", "mysql://w:{}@db/shop", "postgresql://w:{}@[::1/"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    password = token_hex(8)
    with pytest.raises(ConfigurationError) as raised:
        parameters(url=url.format(password))
    assert raised.value.mistakes == [
        "the `url` of the service is not a PostgreSQL URL: postgresql://user:password@host:5432/database"
    ]
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("by_url", [True, False])
def test_a_password_is_never_shown_again(by_url: bool) -> None:
    password = token_hex(8)
    parameters(**({"url": f"postgresql://w:{password}@db/"} if by_url else {"host": "db", "password": password}))
    assert redact(f"it is {password}") == "it is ********"


@pytest.mark.parametrize(
    ("field", "value"),
    [("lock_timeout", 0), ("statement_timeout", -1), ("port", 70000), ("sslmode", "verify"), ("passwrod", "x")],
)
def test_a_value_that_cannot_be_meant_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        PostgresOptions.model_validate({"host": "db", field: value})


# What the catalog holds


def catalog(**fields: Any) -> dict[str, Any]:
    """The `connection.config` of a service, as a server with a bot's token gives it."""
    return {
        "type": "Postgres",
        "scheme": "postgresql+psycopg2",
        "username": "om_writer",
        "authType": {"password": "open sesame"},
        "hostPort": "pg.example:5432",
        "database": "shop",
        "ingestAllDatabases": True,
        "sslMode": "require",
        "classificationName": "PostgresPolicyTags",
        "supportsMetadataExtraction": True,
        "supportsDBTExtraction": True,
        **fields,
    }


def from_catalog(**fields: Any) -> dict[str, Any]:
    return PostgresConnector.options_from_catalog(catalog(**fields))


def mistakes(**fields: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        from_catalog(**fields)
    return raised.value.mistakes


def test_the_connection_of_the_catalog_is_reused() -> None:
    options = from_catalog()
    assert options == {
        "host": "pg.example",
        "port": 5432,
        "username": "om_writer",
        "password": "open sesame",
        "database": "shop",
        "sslmode": "require",
    }
    assert PostgresOptions.model_validate(options).connection_parameters() == {
        "host": "pg.example",
        "port": 5432,
        "dbname": "shop",
        "user": "om_writer",
        "password": "open sesame",
        "sslmode": "require",
        "connect_timeout": 10,
        "application_name": "reverse_metadata",
    }
    assert redact("open sesame") == "********"


@pytest.mark.parametrize(
    ("host_port", "host", "port"),
    [
        ("pg.example:5433", "pg.example", 5433),
        ("pg.example", "pg.example", None),
        ("10.0.0.7:5432", "10.0.0.7", 5432),
        ("[2001:db8::7]:5432", "2001:db8::7", 5432),
        ("[2001:db8::7]", "2001:db8::7", None),
        ("2001:db8::7", "2001:db8::7", None),
        ("/run/postgresql", "/run/postgresql", None),
    ],
)
def test_host_and_port_are_told_apart(host_port: str, host: str, port: int | None) -> None:
    options = from_catalog(hostPort=host_port)
    assert (options["host"], options.get("port")) == (host, port)


@pytest.mark.parametrize("auth", [None, {}, {"password": ""}])
def test_a_password_of_the_environment_does_not_go_to_a_host_of_the_catalog(
    auth: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq takes PGPASSWORD only where no password is given, and an empty one is given."""
    options = from_catalog(authType=auth)
    assert options["password"] == ""
    monkeypatch.setenv("PGPASSWORD", token_hex(8))
    assert PostgresOptions.model_validate(options).connection_parameters()["password"] == ""


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"hostPort": None}, "the catalog's connection names no host (hostPort)"),
        (
            {"authType": {"password": "*********"}},
            "the catalog shows authType.password as asterisks: its token must be a bot's",
        ),
        (
            {"authType": {"awsConfig": {"awsRegion": "eu-west-1", "awsSecretAccessKey": "*********"}}},
            "the catalog's connection sets authType.awsConfig, which takes short-lived tokens: give the service a "
            "block of its own with a username and a password",
        ),
        (
            {"authType": {"azureConfig": {"clientId": "x"}}},
            "the catalog's connection sets authType.azureConfig, which takes short-lived tokens: give the service a "
            "block of its own with a username and a password",
        ),
        (
            {"sslConfig": {"caCertificate": "-----BEGIN CERTIFICATE-----"}},
            "the catalog's connection sets sslConfig, and PostgreSQL's client takes certificates from files only: "
            "write them to files and name these as sslrootcert, sslcert and sslkey in a service block",
        ),
        (
            {"connectionArguments": {"hostaddr": "10.0.0.7"}},
            "the catalog's connection sets connectionArguments.hostaddr, which a service block has no key for",
        ),
    ],
)
def test_what_cannot_be_reused_is_named(fields: dict[str, Any], mistake: str) -> None:
    assert mistakes(**fields) == [mistake]


def test_everything_that_cannot_be_reused_is_named_at_once() -> None:
    assert len(mistakes(hostPort="", authType={"password": "***"}, connectionOptions={"a": 1, "b": 2})) == 4


def test_options_and_arguments_of_the_catalog_are_reused_where_they_mean_the_same() -> None:
    options = from_catalog(
        sslMode=None,
        sslConfig={"caCertificate": None},
        connectionOptions={"sslmode": "verify-full", "sslrootcert": "/ca.pem"},
        connectionArguments={"connect_timeout": 3, "options": "-c role=owner"},
    )
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/ca.pem")
    assert (options["connect_timeout"], options["options"]) == (3, "-c role=owner")


# TLS


def test_a_server_without_tls_gets_nothing_from_who_asks_for_it() -> None:
    password = token_hex(8)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                while data := client.recv(4096):
                    heard.append(data)
                    client.sendall(b"N")

        server = Thread(target=serve, daemon=True)
        server.start()
        options = PostgresOptions(
            host="127.0.0.1", port=listener.getsockname()[1], username="w", password=password, sslmode="require"
        )
        with PostgresConnector(options) as connector, pytest.raises(SourceError) as raised:
            connector.read(Partition("shop_pg", "shop", "public"))
        server.join(timeout=60)
    assert raised.value.reason is Reason.OTHER
    assert str(raised.value).endswith(
        "server does not support SSL, but SSL was required. Check sslmode and sslrootcert of the service."
    )
    assert set(heard) <= {b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30"}
