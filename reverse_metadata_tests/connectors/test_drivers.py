import json
import sys
from typing import Any

import pytest

from reverse_metadata.connectors import registry
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.errors import Reason, SourceError


def test_a_driver_is_imported() -> None:
    assert driver("json", "nothing") is json


def test_a_driver_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(SourceError) as raised:
        driver("no_such_driver.dbapi", "trino")
    assert raised.value.reason is Reason.OTHER
    assert str(raised.value) == "the driver no_such_driver is not installed: pip install 'reverse-metadata[trino]'"


_CONNECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "athena": ("boto3", {"region": "eu-west-1"}),
    "clickhouse": ("clickhouse_connect", {"host": "127.0.0.1"}),
    "databricks": ("databricks", {"host": "127.0.0.1", "http_path": "/sql/1.0/warehouses/0", "token": "t"}),
    "mssql": ("mssql_python", {"host": "127.0.0.1", "database": "shop", "username": "u", "password": "p"}),
    "redshift": ("redshift_connector", {"host": "127.0.0.1", "username": "u"}),
    "trino": ("trino", {"host": "127.0.0.1", "username": "u"}),
}


@pytest.mark.parametrize("system", _CONNECTIONS)
def test_a_service_whose_driver_is_missing_says_so(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, options = _CONNECTIONS[system]
    for name in [module, *(each for each in sys.modules if each.startswith(f"{module}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    connector_type = registry.connector_type(system)
    with connector_type(connector_type.options_type.model_validate(options)) as connector:
        with pytest.raises(SourceError, match=f"the driver {module}.* is not installed: pip install '.*{system}"):
            connector.version()
