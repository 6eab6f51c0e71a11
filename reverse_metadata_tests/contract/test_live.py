"""`make live`, on the two engines of its systems that there are, and what it says where something is missing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

from reverse_metadata_tests.connectors.mysql.shop import Shop as MariaDB
from reverse_metadata_tests.connectors.mysql.shop import a_shop as a_mariadb
from reverse_metadata_tests.connectors.postgres.shop import a_shop as a_postgres

_LEFT = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'rm#_live#_%%' ESCAPE '#'"
_GRANTED = "SELECT grantee FROM information_schema.schema_privileges WHERE table_schema LIKE 'rm#_live#_%%' ESCAPE '#'"
_GRANTED_TABLES = _GRANTED.replace("schema_privileges", "table_privileges")


def run(system: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A `make live` in a process of its own, with no other variables LIVE_* than these."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LIVE_", "PYTEST_"))}
    command = [sys.executable, "-m", "reverse_metadata_tests.contract.live", system, *arguments]
    return subprocess.run(command, env=environ | variables, capture_output=True, text=True, check=False)


@contextmanager
def _an_account(shop: MariaDB, *grants: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The password of a login, and the variables that name it; nothing of what it created is left at the end."""
    name, password = shop.account(*grants)
    assert shop.ask(_LEFT) == []
    yield (
        password,
        {
            "LIVE_SERVICE": f"{{unix_socket: {shop.socket}, username: {name}, password: ${{SECRET_OF_MINE}}}}",
            "SECRET_OF_MINE": password,
        },
    )
    assert shop.ask(_LEFT) == []


def test_postgres_passes_scenarios_and_nothing_of_them_is_left(postgres_host: str) -> None:
    with a_postgres(postgres_host) as shop:
        login, password = shop.role("LOGIN"), token_hex(8)
        shop.run(f"ALTER DATABASE {shop.database} OWNER TO {login}")
        service = f"{{type: postgres, host: {shop.host}, database: {shop.database}, username: {login}, "
        variables = {"LIVE_SERVICE": f"{service} password: '${{SECRET_OF_MINE}}'}}", "LIVE_DATABASE": shop.database}
        scenarios = "read_back or hostile_names or second_run or as_declared or credentials or before or owner"
        done = run("postgres", "-k", scenarios, SECRET_OF_MINE=password, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "5 passed, 2 skipped" in done.stdout
        assert shop.ask(_LEFT) == []
        described = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        assert shop.ask(described, shop.database) == [(None,)]
    for said in (
        "nobody can cut the connection to a live account at the right moment",
        "nothing of a live account is handed over",
        "The contract of postgres, against PostgreSQL 18",
        f"rm_live_<random>_sales and _stock in {shop.database} for each scenario",
        f"the description of {shop.database}, and takes them away",
    ):
        assert said in done.stdout
    assert password not in done.stdout + done.stderr


def test_mariadb_passes_scenarios_and_no_privilege_is_left(mariadb: str) -> None:
    with a_mariadb(mariadb) as shop:
        reader, other = shop.account()
        second = f"{{unix_socket: {shop.socket}, username: {reader}, password: '${{ANOTHER}}'}}"
        needed = "CREATE, DROP, ALTER, SELECT, CREATE VIEW"
        grants = (f"{needed} ON `rm_live_%`.*", "GRANT OPTION ON `rm_live_%`.*")
        with _an_account(shop, *grants) as (password, variables):
            scenarios = "read_back or gone_fails_alone or credentials or privilege or preflight or after"
            done = run("mysql", "-k", scenarios, ANOTHER=other, LIVE_SERVICE_LACKING=second, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "5 passed, 1 skipped" in done.stdout
        holder = f"'{reader}'@'localhost'"
        assert [row for query in (_GRANTED, _GRANTED_TABLES) for row in shop.ask(query) if row == (holder,)] == []
    assert not any(secret in done.stdout + done.stderr for secret in (password, other))


def test_a_scenario_that_fails_is_cleaned_up_and_says_nothing_secret(mariadb: str) -> None:
    with a_mariadb(mariadb) as shop:
        # Without ALTER nothing can be described.
        with _an_account(shop, "CREATE, DROP, SELECT, CREATE VIEW ON *.*") as (password, variables):
            done = run("mysql", "-k", "gone_fails_alone or privilege", "--tb=long", "--showlocals", **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 skipped" in done.stdout
    assert "LIVE_SERVICE_LACKING names no second login" in done.stdout
    assert password not in done.stdout + done.stderr


def test_a_described_database_is_left_alone(postgres_host: str) -> None:
    with a_postgres(postgres_host) as shop:
        shop.run(f"COMMENT ON DATABASE {shop.database} IS 'of mine'")
        service = f"{{host: {shop.host}, database: {shop.database}, username: postgres}}"
        done = run("postgres", LIVE_SERVICE=service, LIVE_DATABASE=shop.database)
        absent = run("postgres", LIVE_SERVICE=service, LIVE_DATABASE="nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{shop.database} has a description" in done.stderr
    assert (absent.returncode, absent.stdout) == (2, "")
    assert absent.stderr == "there is no nowhere, or the login may not see it\n"
