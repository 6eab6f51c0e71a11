"""The statements that a writer of metadata may send to Snowflake, and no others.

Written from the vendor's reference, which is at https://docs.snowflake.com/en/sql-reference/sql/: comment,
alter-database, alter-schema, alter-table, alter-table-column, alter-table-event-table, alter-view,
alter-materialized-view, alter-dynamic-table, alter-iceberg-table, alter-external-table, create-tag, alter-tag,
grant-ownership, grant-privilege, grant-role, alter-session, use, show-tags, show-roles, show-grants.

It is stricter than Snowflake: every name must be complete. One form comes from the tests of tools that run against
Snowflake and not from its pages: `ALTER VIEW v ALTER COLUMN c COMMENT '…'`, several columns in one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from reverse_metadata_tests.engines.snowflake_lexer import Reader, Refused, unexpected

_T = TypeVar("_T")
Path = tuple[str, ...]

#: How many names a kind has.
PARTS = {
    "DATABASE": 1,
    "SCHEMA": 2,
    "TABLE": 3,
    "EXTERNAL TABLE": 3,
    "DYNAMIC TABLE": 3,
    "ICEBERG TABLE": 3,
    "EVENT TABLE": 3,
    "VIEW": 3,
    "MATERIALIZED VIEW": 3,
    "TAG": 3,
}
_COMMENTED = ("DATABASE", "SCHEMA", "TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "TAG")
_ALTERED = (
    "DATABASE",
    "SCHEMA",
    "TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "DYNAMIC TABLE",
    "ICEBERG TABLE",
    "EXTERNAL TABLE",
)
#: Whose page has no COMMENT among what can be set.
_WITHOUT_COMMENT = ("EXTERNAL TABLE",)
_WITH_COLUMN_COMMENTS = ("TABLE", "VIEW", "DYNAMIC TABLE", "ICEBERG TABLE")
_WITH_COLUMN_TAGS = ("TABLE", "VIEW", "DYNAMIC TABLE", "ICEBERG TABLE")
_OWNED = ("DATABASE", "SCHEMA", "TABLE", "VIEW", "DYNAMIC TABLE", "ICEBERG TABLE", "EXTERNAL TABLE", "EVENT TABLE")
_MOST_TAGS = 100


@dataclass(frozen=True, slots=True)
class Comment:
    """A new comment of an object or column; "" when it is taken off. `exact` is the keyword that must be its kind."""

    keyword: str
    path: Path
    texts: dict[str | None, str]
    if_exists: bool = False
    generic: bool = False


@dataclass(frozen=True, slots=True)
class SetTags:
    """Tags that are set (a value) or unset (None), by column, None for the object itself."""

    keyword: str
    path: Path
    tags: dict[str | None, dict[Path, str | None]]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateTag:
    path: Path
    if_not_exists: bool
    allowed: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class TagPolicies:
    """Masking policies that are bound to a tag, or taken off."""

    path: Path
    policies: tuple[Path, ...]
    bind: bool


@dataclass(frozen=True, slots=True)
class Ownership:
    keyword: str
    path: Path
    role: str
    current_grants: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege on something, by its keyword; `ACCOUNT` has no path."""

    privilege: str
    keyword: str
    path: Path
    role: str


@dataclass(frozen=True, slots=True)
class GrantRole:
    role: str
    to: str


@dataclass(frozen=True, slots=True)
class Show:
    """`SHOW TAGS IN ACCOUNT`, `SHOW ROLES` or `SHOW GRANTS TO ROLE r`."""

    what: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A USE or ALTER SESSION, which changes nothing that is kept."""

    name: str
    value: str


Parsed = Comment | SetTags | CreateTag | TagPolicies | Ownership | Grant | GrantRole | Show | Setting


def parse(sql: str) -> Parsed:
    """What a statement says, everything but SELECT. Raises Refused."""
    reader = Reader(sql)
    verbs: dict[str, Callable[[Reader], Parsed]] = {
        "COMMENT": _comment,
        "ALTER TAG": _alter_tag,
        "ALTER SESSION SET": _alter_session,
        "ALTER": _alter,
        "CREATE TAG": _create_tag,
        "GRANT OWNERSHIP ON": _ownership,
        "GRANT ROLE": _grant_role,
        "GRANT": _grant,
        "USE": _use,
        "SHOW": _show,
    }
    parsed = verbs[reader.one_of(*verbs)](reader)
    reader.end()
    return parsed


def _comment(reader: Reader) -> Comment:
    """https://docs.snowflake.com/en/sql-reference/sql/comment: the text is a string, never NULL."""
    if_exists = reader.has("IF", "EXISTS")
    reader.need("ON")
    if reader.has("COLUMN"):
        *table, column = reader.path(4)
        reader.need("IS")
        return Comment("COLUMN", tuple(table), {column: reader.text()}, if_exists, generic=True)
    keyword = reader.one_of(*_COMMENTED)
    path = reader.path(PARTS[keyword])
    reader.need("IS")
    return Comment(keyword, path, {None: reader.text()}, if_exists, generic=True)


def _alter(reader: Reader) -> Comment | SetTags:
    keyword = reader.one_of(*_ALTERED)
    if_exists = reader.has("IF", "EXISTS")
    path = reader.path(PARTS[keyword])
    match reader.one_of("SET TAG", "UNSET TAG", "SET COMMENT =", "UNSET COMMENT", "ALTER", "MODIFY"):
        case "SET TAG":
            return SetTags(keyword, path, _few({None: _set_tags(reader)}), if_exists)
        case "UNSET TAG":
            return SetTags(keyword, path, _few({None: _unset_tags(reader)}), if_exists)
        case "SET COMMENT =":
            return Comment(_commentable(keyword), path, {None: reader.text()}, if_exists)
        case "UNSET COMMENT":
            return Comment(_commentable(keyword), path, {None: ""}, if_exists)
    return _alter_columns(reader, keyword, path)


def _commentable(keyword: str) -> str:
    if keyword in _WITHOUT_COMMENT:
        raise Refused("001003", "42000", "SQL compilation error:\nsyntax error line 1 unexpected 'COMMENT'.")
    return keyword


def _alter_columns(reader: Reader, keyword: str, path: Path) -> Comment | SetTags:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table-column: comments may stand in parentheses, and mix
    with UNSET COMMENT; tags are set, or unset, and stand in none."""
    if reader.has("("):
        comments = _column_comments(reader, keyword)
        reader.need(")")
        return Comment(keyword, path, comments)
    reader.has("COLUMN")
    name = reader.name()
    match reader.one_of("COMMENT", "UNSET COMMENT", "SET TAG", "UNSET TAG"):
        case "SET TAG":
            return SetTags(keyword, path, _few(_column_tags(reader, keyword, name, "SET TAG", _set_tags)))
        case "UNSET TAG":
            return SetTags(keyword, path, _few(_column_tags(reader, keyword, name, "UNSET TAG", _unset_tags)))
        case action:
            return Comment(keyword, path, _column_comments(reader, keyword, name, action))


def _column_comments(reader: Reader, keyword: str, name: str = "", action: str = "") -> dict[str | None, str]:
    if keyword not in _WITH_COLUMN_COMMENTS:
        raise unexpected(reader.next())
    comments = dict[str | None, str]()
    while True:
        if not name:
            reader.has("COLUMN")
            name = reader.name()
            action = reader.one_of("COMMENT", "UNSET COMMENT")
        if name in comments:
            raise Refused("001002", "42000", f"SQL compilation error:\nduplicate alteration of column '{name}'.")
        if keyword == "VIEW" and action == "UNSET COMMENT":
            # Nobody's page or test shows this form for a view.
            raise unexpected(reader.next())
        comments[name] = reader.text() if action == "COMMENT" else ""
        name = ""
        if not reader.has(","):
            return comments


def _column_tags(
    reader: Reader, keyword: str, name: str, action: str, tags: Callable[[Reader], dict[Path, str | None]]
) -> dict[str | None, dict[Path, str | None]]:
    if keyword not in _WITH_COLUMN_TAGS:
        raise unexpected(reader.next())
    found: dict[str | None, dict[Path, str | None]] = {name: tags(reader)}
    while reader.has("COLUMN"):
        name = reader.name()
        reader.need(*action.split())
        if name in found:
            raise Refused("001002", "42000", f"SQL compilation error:\nduplicate alteration of column '{name}'.")
        found[name] = tags(reader)
    return found


def _set_tags(reader: Reader) -> dict[Path, str | None]:
    """`t = 'v', u = 'w'`, up to a comma before COLUMN, which is read."""
    found = dict[Path, str | None]()
    while True:
        path = reader.path(3)
        reader.need("=")
        if path in found:
            raise Refused("001002", "42000", f"SQL compilation error:\nduplicate tag '{'.'.join(path)}'.")
        found[path] = reader.text()
        if not _goes_on(reader):
            return found


def _unset_tags(reader: Reader) -> dict[Path, str | None]:
    found = dict[Path, str | None]()
    while True:
        found[reader.path(3)] = None
        if not _goes_on(reader):
            return found


def _goes_on(reader: Reader) -> bool:
    if not reader.has(","):
        return False
    token = reader.next()
    return not (token is not None and token.kind == "word" and token.value == "COLUMN")


def _few(tags: dict[str | None, dict[Path, str | None]]) -> dict[str | None, dict[Path, str | None]]:
    """https://docs.snowflake.com/en/user-guide/object-tagging/introduction#tag-quotas: 100 tags in a statement."""
    if sum(map(len, tags.values())) > _MOST_TAGS:
        raise Refused("391861", "22023", f"The number of tags in the statement exceeds the maximum of {_MOST_TAGS}.")
    return tags


def _create_tag(reader: Reader) -> CreateTag:
    """https://docs.snowflake.com/en/sql-reference/sql/create-tag."""
    if_not_exists = reader.has("IF", "NOT", "EXISTS")
    path = reader.path(3)
    allowed = tuple(_listed(reader, reader.text)) if reader.has("ALLOWED_VALUES") else None
    if reader.has("COMMENT", "="):
        reader.text()
    return CreateTag(path, if_not_exists, allowed)


def _alter_tag(reader: Reader) -> TagPolicies:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-tag."""
    path = reader.path(3)
    bind = reader.one_of("SET", "UNSET") == "SET"

    def policy() -> Path:
        reader.need("MASKING", "POLICY")
        return reader.path(3)

    return TagPolicies(path, tuple(_listed(reader, policy)), bind)


def _ownership(reader: Reader) -> Ownership:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-ownership: a materialized view is a VIEW there."""
    keyword = reader.one_of(*_OWNED)
    path = reader.path(PARTS[keyword])
    reader.need("TO", "ROLE")
    role = reader.name()
    current = reader.one_of("COPY", "REVOKE") if reader.next() and not reader.has(";") else ""
    if current:
        reader.need("CURRENT", "GRANTS")
    return Ownership(keyword, path, role, current)


def _grant(reader: Reader) -> Grant:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-privilege, as far as a writer's administrator needs it."""
    privilege = reader.one_of(
        "USAGE", "MODIFY", "APPLY TAG", "APPLY", "CREATE TAG", "MANAGE GRANTS", "SELECT", "IMPORTED PRIVILEGES"
    )
    reader.need("ON")
    keyword = reader.one_of(*PARTS, "ACCOUNT", "WAREHOUSE")
    path: Path = () if keyword == "ACCOUNT" else reader.path(PARTS.get(keyword, 1))
    reader.need("TO", "ROLE")
    return Grant(privilege, keyword, path, reader.name())


def _grant_role(reader: Reader) -> GrantRole:
    role = reader.name()
    reader.need("TO", "ROLE")
    return GrantRole(role, reader.name())


def _alter_session(reader: Reader) -> Setting:
    name = reader.name()
    reader.need("=")
    return Setting(name, reader.take().value)


def _use(reader: Reader) -> Setting:
    what = reader.one_of("ROLE", "WAREHOUSE")
    return Setting(what, reader.name())


def _show(reader: Reader) -> Show:
    match reader.one_of("TAGS IN ACCOUNT", "ROLES", "GRANTS TO ROLE"):
        case "GRANTS TO ROLE":
            return Show("GRANTS TO ROLE", reader.name())
        case what:
            return Show(what)


def _listed(reader: Reader, one: Callable[[], _T]) -> list[_T]:
    found = [one()]
    while reader.has(","):
        found.append(one())
    return found
