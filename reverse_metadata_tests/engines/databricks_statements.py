"""What `databricks_grammar` makes of a statement."""

from dataclasses import dataclass, field
from typing import Literal

Names = tuple[str, ...]
#: What ALTER can name.
Altered = Literal["CATALOG", "SCHEMA", "TABLE", "VIEW", "MATERIALIZED VIEW", "STREAMING TABLE"]
#: What COMMENT ON can name.
Described = Literal["CATALOG", "SCHEMA", "TABLE", "COLUMN"]


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON; `text` is None for NULL. A column's name is the last of `names`."""

    on: Described
    names: Names
    text: str | None


@dataclass(frozen=True, slots=True)
class SetTags:
    """Tags of an object, or of one of its columns."""

    altered: Altered
    names: Names
    tags: tuple[tuple[str, str], ...]
    column: Names = ()


@dataclass(frozen=True, slots=True)
class UnsetTags:
    """Keys that are taken off an object, or off one of its columns."""

    altered: Altered
    names: Names
    keys: Names
    column: Names = ()


@dataclass(frozen=True, slots=True)
class SetOwner:
    """A new owner."""

    altered: Altered
    names: Names
    principal: str


@dataclass(frozen=True, slots=True)
class ColumnComments:
    """Comments of columns or fields, by their path in the table."""

    altered: Altered
    names: Names
    comments: tuple[tuple[Names, str], ...]


@dataclass(frozen=True, slots=True)
class CommentProperty:
    """The table property `comment`; None takes it away."""

    altered: Altered
    names: Names
    text: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges for a principal."""

    privileges: Names
    on: str
    names: Names
    principal: str


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW TABLES of a schema."""

    names: Names


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE of a schema or table, always EXTENDED."""

    what: Literal["SCHEMA", "TABLE"]
    names: Names
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class SetParameter:
    """SET of a parameter of the session."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Item:
    """What a SELECT lists: a column, a literal, or a function of literals or of a column, and the
    field of its result."""

    kind: Literal["column", "literal", "function"]
    text: str
    #: The literals that a function is given, or the column.
    arguments: Names = ()
    of_column: bool = False
    member: str = ""


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT: every condition says which values a column may have."""

    items: tuple[Item, ...]
    relation: Names = ()
    conditions: tuple[tuple[str, Names], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Query:
    """SELECTs between UNION ALL."""

    selects: tuple[Select, ...]


Parsed = (
    Comment
    | SetTags
    | UnsetTags
    | SetOwner
    | ColumnComments
    | CommentProperty
    | Grant
    | Show
    | Describe
    | SetParameter
    | Query
)
