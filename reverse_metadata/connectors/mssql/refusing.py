"""What SQL Server cannot hold, told before anything is sent."""

from reverse_metadata.connectors.base import Limit, Unit
from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.mssql.options import TagOptions
from reverse_metadata.connectors.mssql.sql import LONGEST
from reverse_metadata.model import Aspect, Change, EntityType, Verdict

#: https://learn.microsoft.com/en-us/sql/relational-databases/databases/database-identifiers, and the name of an
#: extended property is a sysname as well.
_NAME = Limit(128, Unit.CODE_UNITS)
_VALUE = Limit(LONGEST, Unit.CODE_UNITS)
#: https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/sys-sensitivity-classifications-transact-sql
_LABEL = Limit(128, Unit.CODE_UNITS)
_FIXED_SCHEMAS = ("dbo", "sys", "information_schema")
_NO_CHARACTERS = "SQL Server cannot hold a NUL character or half of a surrogate pair; remove it"


def nameable(name: str) -> bool:
    """Whether anything can have this name."""
    return storable(name) and 0 < _NAME.length(name) <= _NAME.most


def refused(change: Change, tags: TagOptions | None) -> tuple[Verdict, str] | None:
    """The verdict and reason when a change cannot be written."""
    if not storable(change.value or ""):
        return Verdict.INVALID, _NO_CHARACTERS
    if change.kind.startswith("memory-optimized") and change.aspect is not Aspect.OWNER:
        return Verdict.UNSUPPORTED, "SQL Server takes no extended properties on memory-optimized tables"
    match change.aspect:
        case Aspect.OWNER:
            return _refused_owner(change)
        case Aspect.TAGS if tags is not None and tags.as_ == "sensitivity":
            return _refused_classification(change, tags)
        case Aspect.TAGS:
            return _refused_tag(change, tags)
    return None


def _refused_owner(change: Change) -> tuple[Verdict, str] | None:
    """https://learn.microsoft.com/en-us/sql/t-sql/statements/alter-authorization-transact-sql"""
    if change.value is None:
        return Verdict.UNSUPPORTED, "SQL Server has nothing without an owner; name another one"
    if not nameable(change.value):
        return Verdict.INVALID, "an owner's name in SQL Server has at most 128 characters; remove the rest"
    if change.kind == "indexed view":
        return Verdict.UNSUPPORTED, "SQL Server does not change the owner of an indexed view"
    if change.type is EntityType.SCHEMA and change.path[1].lower() in _FIXED_SCHEMAS:
        return Verdict.UNSUPPORTED, f"SQL Server does not change the owner of the schema {change.path[1]}"
    return None


def _refused_tag(change: Change, tags: TagOptions | None) -> tuple[Verdict, str] | None:
    prefix = tags.prefix if tags else ""
    if not change.tag_key or not nameable(prefix + change.tag_key):
        return (
            Verdict.INVALID,
            f"an extended property's name has at most 128 characters, {prefix!r} among them, and no NUL;"
            " give the tag another key in tags.map",
        )
    if change.value is not None and _VALUE.length(change.value) > _VALUE.most:
        return (
            Verdict.TOO_LONG,
            f"{_VALUE.length(change.value):,} {_VALUE.unit}; an extended property takes {_VALUE.most:,}",
        )
    return None


def _refused_classification(change: Change, tags: TagOptions) -> tuple[Verdict, str] | None:
    if change.type is not EntityType.COLUMN:
        return Verdict.UNSUPPORTED, f"SQL Server classifies columns, and no {change.type}"
    if change.tag_key not in tags.parts:
        return (
            Verdict.UNSUPPORTED,
            f"a classification has the values of {' and '.join(tags.parts)}, as `tags` of the service says, and none of"
            f" {change.tag_key}",
        )
    value = change.value
    if value is not None and (not value or not value.isprintable()):
        return (
            Verdict.INVALID,
            "a classification is made of printable characters; give the tag another value in tags.map",
        )
    if value is not None and _LABEL.length(value) > _LABEL.most:
        return Verdict.TOO_LONG, f"{_LABEL.length(value)} {_LABEL.unit}; a part of a classification takes {_LABEL.most}"
    return None
