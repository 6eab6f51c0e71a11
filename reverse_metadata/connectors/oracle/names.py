"""Names as the catalog has them, and as the dictionary of Oracle does.

Oracle folds names without quotes to upper case; the catalog's ingestion reads through SQLAlchemy, which shows such a
name in lower case and leaves every other as it is. So `orders` in the catalog is `ORDERS` in the dictionary, `ORDER`
and `Orders` are themselves, and a table that was created as `"orders"` cannot be told from `ORDERS`: it is left out.
"""

from reverse_metadata.connectors.characters import storable
from reverse_metadata.dialects.oracle import ORACLE

_MOST_BYTES = 128


def to_dictionary(name: str) -> str:
    """The dictionary's name for a name of the catalog."""
    return name.upper() if _is_plain(name) else name


def to_catalog(name: str) -> str | None:
    """The catalog's name for a name of the dictionary; None for one that the catalog cannot tell from another."""
    if name.isupper() and _is_plain(name.lower()):
        return name.lower()
    return None if _is_plain(name) else name


def nameable(name: str) -> bool:
    """Whether anything can have this name in the dictionary.

    https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/Database-Object-Names-and-Qualifiers.html
    """
    if '"' in name or not storable(name):
        return False
    return 0 < len(name.encode()) <= _MOST_BYTES


def _is_plain(name: str) -> bool:
    return ORACLE.plain_name.fullmatch(name) is not None and name not in ORACLE.reserved
