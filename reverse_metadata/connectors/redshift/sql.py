"""The SQL that carries a change. Pure text: no connection, no driver.

| | |
|---|---|
| comments | https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html |
| owners | https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html, .../r_ALTER_SCHEMA.html, .../r_ALTER_DATABASE.html |

The page on COMMENT lists schemas among what can be described, and leaves them out of its syntax. They are tried, and
what the server says of it is reported.
"""  # noqa: E501 -- the rows of a table cannot be broken

from collections.abc import Callable, Iterable

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.characters import encodable
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.model import Aspect, Change, Path, Statement

#: The keyword of COMMENT for each kind; Redshift takes a materialized view for a view.
_KEYWORDS = {
    "database": "DATABASE",
    "schema": "SCHEMA",
    # https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_SCHEMA.html hands it over by ALTER SCHEMA.
    "external schema": "SCHEMA",
    "table": "TABLE",
    "view": "VIEW",
    "materialized view": "VIEW",
    "late-binding view": "VIEW",
    "column": "COLUMN",
}
#: ALTER TABLE hands over views of every kind, too.
_OWNED = {"DATABASE": "DATABASE", "SCHEMA": "SCHEMA", "TABLE": "TABLE", "VIEW": "TABLE"}


def unsupported(kind: str, aspect: Aspect) -> str:
    """Why nothing of this aspect can be written to objects of this kind; "" when it can.

    https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html, "Usage notes": "Comments on external tables, external
    columns, and columns of late binding views are not supported."
    https://docs.aws.amazon.com/redshift/latest/dg/datashare-overview.html: a datashare is its producer's.
    """
    if kind.startswith("shared "):
        return "it comes from a datashare, where only the cluster that shares it can change it: push it there"
    if kind == "late-binding column":
        return "Redshift has no comments on the columns of a late-binding view; the view itself can have one"
    if kind in ("external table", "external column") or (kind == "external schema" and aspect is Aspect.DESCRIPTION):
        return (
            f"Redshift has no comments on {kind}s, nor owners of external tables: push it to the system that describes"
            " the data, for a lake in Glue with the connector for Athena"
        )
    return ""


def nameable(name: str) -> bool:
    """Whether anything can have this name: https://docs.aws.amazon.com/redshift/latest/dg/r_names.html"""
    if REDSHIFT.unwritable_name.search(name) or not encodable(name):
        return False
    return 0 < len(name.encode()) <= 127


def named(path: Path) -> str:
    """What statements call it, by the names of the source: a database by its name, all else from the schema down."""
    return ".".join(map(REDSHIFT.identifier, path if len(path) == 1 else path[1:]))


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path]) -> list[Statement]:
    """One statement a change, in the order in which they are sent."""
    return [Statement(_text(change, named(rewritten(change.path))), (change,)) for change in ordered(changes)]


def _text(change: Change, name: str) -> str:
    keyword = _KEYWORDS[change.kind]
    if change.aspect is Aspect.OWNER:
        return f"ALTER {_OWNED[keyword]} {name} OWNER TO {REDSHIFT.identifier(change.value or '')}"
    return f"COMMENT ON {keyword} {name} IS {'NULL' if change.value is None else REDSHIFT.literal(change.value)}"
