"""Which dialect of SQL a system speaks, and how it is read and written."""

from difflib import get_close_matches

from reverse_metadata.dialects.athena import ATHENA
from reverse_metadata.dialects.base import Dialect, Quoted, TagList
from reverse_metadata.dialects.bigquery import BIGQUERY
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.dialects.mssql import MSSQL
from reverse_metadata.dialects.mysql import MYSQL
from reverse_metadata.dialects.oracle import ORACLE
from reverse_metadata.dialects.postgres import POSTGRES
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.dialects.snowflake import SNOWFLAKE
from reverse_metadata.dialects.spark import SPARK
from reverse_metadata.dialects.trino import TRINO
from reverse_metadata.errors import ConfigurationError

__all__ = ["DIALECTS", "Dialect", "Quoted", "TagList", "dialect_of"]

#: By the name of the system in the configuration; each as its sessions are unless somebody changed them.
DIALECTS: dict[str, Dialect] = {
    "athena": ATHENA,
    "bigquery": BIGQUERY,
    "clickhouse": CLICKHOUSE,
    "databricks": SPARK,
    "mssql": MSSQL,
    "mysql": MYSQL,
    "oracle": ORACLE,
    "postgres": POSTGRES,
    "redshift": REDSHIFT,
    "snowflake": SNOWFLAKE,
    "trino": TRINO,
    "unitycatalog": SPARK,
}


def dialect_of(system: str) -> Dialect:
    """The dialect of a system as the configuration names it. Raises ConfigurationError."""
    if system not in DIALECTS:
        nearest = get_close_matches(system.lower(), DIALECTS, n=1)
        known = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(sorted(DIALECTS))}"
        raise ConfigurationError([f"there are no SQL templates for {system!r}; {known}"])
    return DIALECTS[system]
