"""`make live SYSTEM=...`: try a connector on an account of yours. Ends with 2 where something is not said or wrong, and
else as pytest does."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from reverse_metadata.connectors import registry
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.model import EntityType, Partition
from reverse_metadata.planning.text import normal
from reverse_metadata_tests.contract.live.peer import PREFIX
from reverse_metadata_tests.contract.live.settings import DATABASE, LACKING, SERVICE, SYSTEM, Settings, read_settings
from reverse_metadata_tests.contract.live.systems import SYSTEMS

_CONTRACT = Path(__file__).parents[1] / "test_contract.py"

#: The block of a service that says the least, by system.
_EXAMPLES = {
    "snowflake": "{account: acme-shop, username: rm_live, password: ${PASSWORD}, role: RM_LIVE, warehouse: XS}",
    "databricks": "{host: dbc-a1b2.cloud.databricks.com, http_path: /sql/1.0/warehouses/1a2b, token: ${TOKEN}}",
    "mssql": "{host: db.example.com, username: rm_live, password: ${PASSWORD}}",
    "oracle": "{host: db.example.com, service_name: shop, username: rm_live, password: ${PASSWORD}}",
    "postgres": "{host: db.example.com, username: rm_live, password: ${PASSWORD}}",
    "mysql": "{host: db.example.com, username: rm_live, password: ${PASSWORD}}",
}
_EXAMPLES["unitycatalog"] = _EXAMPLES["databricks"]


def main(arguments: Sequence[str]) -> int:
    """The exit code of a run; the first argument is the system, the others go to pytest."""
    system, *more = arguments or [""]
    try:
        settings = read_settings({**os.environ, SYSTEM: system})
    except ConfigurationError as error:
        print("\n".join([*error.mistakes, *_usage(system)]), file=sys.stderr)
        return 2
    try:
        version = _looked_at(settings)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(_plan(settings, version)), flush=True)
    os.environ[SYSTEM] = system
    # A warning of a driver is no reason to fail here.
    alone = ["-m", "live", "-n", "0", "-p", "no:cacheprovider", "--tb=short", "-W", "default"]
    return int(pytest.main([str(_CONTRACT), *alone, *more]))


def _usage(system: str) -> list[str]:
    if system not in SYSTEMS:
        return ["docs/live.md says what each needs."]
    live = SYSTEMS[system]
    example = [f"  export {SERVICE}='{_EXAMPLES[system]}'"]
    if live.in_database:
        example.append(f"  export {DATABASE}=scratch")
    if live.second and not live.schemas_log_in:
        example.append(f"  export {LACKING}='...'   # may be left out: a login that may connect, and write nothing")
    return [
        "",
        "For example, with the secrets in variables of their own:",
        "",
        *example,
        f"  make live SYSTEM={system}",
        "",
        f"The login needs {live.needs}. docs/live.md says more.",
    ]


def _looked_at(settings: Settings) -> str:
    """What answers. Raises SourceError where nothing does, or the database is not one to try things in."""
    database = Partition("live", settings.database, None)
    with registry.connector_type(settings.system)(settings.options) as connector:
        version, state = connector.version(), connector.read(database)
    if database.path not in state:
        raise SourceError(Reason.MISSING_OBJECT, f"there is no {settings.database}, or the login may not see it")
    if normal(state[database.path].description) is not None:
        raise SourceError(
            Reason.OTHER,
            f"{settings.database} has a description, and the scenarios write another one and take it away: take yours "
            f"away before, or name a database without one in {DATABASE}",
        )
    return version


def _plan(settings: Settings, version: str) -> list[str]:
    live = SYSTEMS[settings.system]
    written = yaml.safe_dump(dict(settings.written), default_flow_style=True, width=1000, allow_unicode=True).strip()
    where = f" in {settings.database}" if live.in_database else ""
    what = "users" if live.schemas_log_in else "schemas"
    lines = [
        f"The contract of {settings.system}, against {version}: {written}",
        f"  creates  two {what} {PREFIX}_<random>_sales and _stock{where} for each scenario, with tables and views",
        f"  drops    both {what} after each scenario, also after one that fails",
    ]
    if live.undescribe_database:
        tags = " and tags" if EntityType.DATABASE in live.tags else ""
        lines.append(f"  changes  the description{tags} of {settings.database}, and takes them away")
    if live.second and settings.lacking:
        roles = ", by two roles that are dropped" if live.second.prepare else ""
        lines.append(f"  grants   the login of {LACKING} what it needs on these {what}{roles}")
    return [*lines, "  skips    what nobody can try on a live account; each says why", ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
