"""A metastore of Unity Catalog and the Hive metastore of a workspace, which carry out what `databricks_grammar` parses.

Rules: privileges by https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges and
the pages of the statements; tags by https://docs.databricks.com/aws/en/database-objects/tags and
https://docs.databricks.com/aws/en/admin/governed-tags/; foreign tables by
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table; several columns of a table that
is not Delta Lake's by what Spark 4.1 does.
"""

import re
from collections.abc import Iterator
from itertools import count

from reverse_metadata_tests.engines.databricks_lexer import Failed
from reverse_metadata_tests.engines.databricks_objects import Column, Securable, parse_type
from reverse_metadata_tests.engines.databricks_statements import (
    ColumnComments,
    Comment,
    CommentProperty,
    Grant,
    Names,
    Parsed,
    SetOwner,
    SetTags,
    UnsetTags,
)

#: The catalog that is no catalog of Unity Catalog: the workspace's own Hive metastore.
LEGACY = "hive_metastore"
_KINDS = {
    "TABLE": ("MANAGED", "EXTERNAL", "FOREIGN"),
    "VIEW": ("VIEW",),
    "MATERIALIZED VIEW": ("MATERIALIZED_VIEW",),
    "STREAMING TABLE": ("STREAMING_TABLE",),
}
_LEVELS = ("Catalog", "Schema", "Table")
_MOST_TAGS, _LONGEST_KEY, _LONGEST_VALUE = 50, 255, 1000
_NOT_IN_KEYS = re.compile(r"[.,\-=/:\x00-\x1f]")
#: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names: a column may have any.
_NOT_IN_NAMES = re.compile(r"[. /\x00-\x1f\x7f]")


class Metastore:
    """What stands there and who may do what; `admin` may do everything."""

    admin = "admin@example.com"

    def __init__(self) -> None:
        self.objects: dict[Names, Securable] = {}
        #: Users, groups and application ids of service principals; the members of each group.
        self.principals: set[str] = {self.admin}
        self.groups: dict[str, set[str]] = {}
        self.granted: set[tuple[str, str, Names]] = set()
        #: The values that a governed tag may have.
        self.governed: dict[str, tuple[str, ...]] = {}
        self.assigners: set[tuple[str, str]] = set()
        self._clock = count(1_700_000_000_000)
        self.create((LEGACY,), "")

    # What administrators do, by other ways than SQL.

    def create(
        self,
        path: Names,
        owner: str = admin,
        *,
        table_type: str = "MANAGED",
        format: str = "DELTA",
        columns: dict[str, str] | None = None,
    ) -> None:
        """A catalog, schema or table; `columns` has their types by their names."""
        assert len(path) == 1 or path[:-1] in self.objects, path
        assert path not in self.objects
        assert not any(_NOT_IN_NAMES.search(name) or name != name.lower() for name in path), path
        made = Securable(owner, next(self._clock))
        if len(path) == 3:
            made.table_type, made.format = table_type, format
            made.columns = [Column(name, parse_type(text)) for name, text in (columns or {}).items()]
        self.objects[path] = made

    def drop(self, path: Names) -> None:
        """The object with its privileges."""
        del self.objects[path]
        self.granted = {each for each in self.granted if each[2] != path}

    def grant(self, principal: str, privilege: str, path: Names) -> None:
        """A privilege, which holds for everything below as well."""
        assert principal in self.principals
        self.granted.add((principal, privilege, path))

    # Who may do what.

    def identities(self, user: str) -> set[str]:
        """The user and the groups that it is in."""
        return {user, *(group for group, members in self.groups.items() if user in members)}

    def owns(self, user: str, path: Names) -> bool:
        return user == self.admin or self.objects[path].owner in self.identities(user)

    def has(self, user: str, privilege: str, path: Names) -> bool:
        """Whether a privilege was granted on the object or on what it stands in. ALL PRIVILEGES has no MANAGE."""
        words = {privilege} if privilege == "MANAGE" else {privilege, "ALL PRIVILEGES"}
        above = [path[:length] for length in range(1, len(path) + 1)]
        return user == self.admin or any(
            (who, word, where) in self.granted for who in self.identities(user) for word in words for where in above
        )

    def sees(self, user: str, path: Names) -> bool:
        """Whether the information schema shows the object: to whoever has any privilege on it."""
        return self.owns(user, path) or any(
            who in self.identities(user) and where == path[: len(where)] and (len(where) == len(path) or _reaches(word))
            for who, word, where in self.granted
        )

    def enter(self, user: str, path: Names) -> None:
        """Raise Failed unless the user may use what the path stands in."""
        if path[0] == LEGACY:
            return
        self.exists(path[:1])
        if not (self.owns(user, path[:1]) or self.has(user, "USE CATALOG", path[:1])):
            raise insufficient("USE CATALOG", path[:1])
        if len(path) > 1:
            self.exists(path[:2])
            if not (self.owns(user, path[:2]) or self.has(user, "USE SCHEMA", path[:2])):
                raise insufficient("USE SCHEMA", path[:2])

    def exists(self, path: Names) -> Securable:
        """The object. Raises Failed."""
        found = self.objects.get(path)
        if found is not None:
            return found
        named = ".".join(f"`{name}`" for name in path)
        match len(path):
            case 1:
                raise Failed(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{path[0]}' was not found. SQLSTATE: 42704")
            case 2:
                raise Failed(f"[SCHEMA_NOT_FOUND] The schema {named} cannot be found. SQLSTATE: 42704")
        raise Failed(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {named} cannot be found. SQLSTATE: 42P01")

    # What statements do.

    def change(self, user: str, parsed: Parsed) -> None:
        """Carry a statement out. Raises Failed, and then nothing has changed."""
        match parsed:
            case Comment():
                self._comment(user, parsed)
            case ColumnComments():
                self._column_comments(user, parsed)
            case CommentProperty():
                self._property(user, parsed)
            case SetTags():
                self._set_tags(user, parsed)
            case UnsetTags():
                self._unset_tags(user, parsed)
            case SetOwner():
                self._set_owner(user, parsed)
            case Grant():
                self._grant(user, parsed)
            case _:
                raise AssertionError(parsed)

    def _comment(self, user: str, comment: Comment) -> None:
        path = folded(comment.names[:3] if comment.on == "COLUMN" else comment.names)
        found = self._target(user, path)
        if path == (LEGACY,):
            raise _unsupported("COMMENT ON CATALOG")
        if path[0] == LEGACY and found.is_view:
            raise Failed(f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {path[-1]} is a view. SQLSTATE: 42809")
        self._may_describe(user, path, found)
        if comment.on != "COLUMN":
            found.comment = comment.text or None
            return
        self._part(found, comment.names[3:]).comment = comment.text or None

    def _column_comments(self, user: str, change: ColumnComments) -> None:
        path = folded(change.names)
        found = self._altered(user, path, change.altered)
        self._may_describe(user, path, found)
        columns = [column for column, _ in change.comments]
        plain = found.format not in ("DELTA", "ICEBERG")
        if plain and (len(columns) > 1 or any(len(column) > 1 for column in columns)):
            raise Failed(
                f"[UNSUPPORTED_FEATURE.TABLE_OPERATION] The feature is not supported: Table `{path[-1]}` does not "
                "support ALTER COLUMN in bulk or of nested fields. SQLSTATE: 0A000"
            )
        if len({tuple(name.lower() for name in column) for column in columns}) < len(columns):
            raise Failed(
                "[NOT_SUPPORTED_CHANGE_SAME_COLUMN] ALTER TABLE ALTER COLUMN is not supported. SQLSTATE: 0A000"
            )
        for part, (_, text) in [(self._part(found, each[0]), each) for each in change.comments]:
            part.comment = text or None

    def _property(self, user: str, change: CommentProperty) -> None:
        path = folded(change.names)
        found = self._altered(user, path, change.altered)
        self._may_describe(user, path, found)
        found.comment = change.text or None

    def _set_tags(self, user: str, change: SetTags) -> None:
        tags = self._tagged(user, folded(change.names), change)
        wanted = dict(change.tags)
        if len(wanted) < len(change.tags):
            raise Failed("INVALID_PARAMETER_VALUE: Duplicate tag keys in one request.")
        for key, value in wanted.items():
            if not key or len(key) > _LONGEST_KEY or _NOT_IN_KEYS.search(key):
                raise Failed(f"INVALID_PARAMETER_VALUE: Tag key {key} is not a valid name.")
            if len(value) > _LONGEST_VALUE:
                raise Failed(f"INVALID_PARAMETER_VALUE: Tag value for {key} exceeds {_LONGEST_VALUE} characters.")
            self._may_assign(user, key)
            if value and key in self.governed and value not in self.governed[key]:
                raise Failed(
                    f"INVALID_PARAMETER_VALUE: Tag value {value} is not an allowed value for tag policy {key}."
                )
        if len(tags | wanted) > _MOST_TAGS:
            raise Failed(f"INVALID_PARAMETER_VALUE: An entity can have at most {_MOST_TAGS} tags.")
        tags.update(wanted)

    def _unset_tags(self, user: str, change: UnsetTags) -> None:
        tags = self._tagged(user, folded(change.names), change)
        for key in change.keys:
            self._may_assign(user, key)
        for key in change.keys:
            tags.pop(key, None)

    def _tagged(self, user: str, path: Names, change: SetTags | UnsetTags) -> dict[str, str]:
        of_a_view = change.column and change.altered == "TABLE"
        found = self._altered(user, path, change.altered, views=bool(of_a_view))
        if path[0] == LEGACY:
            raise _unsupported("SET TAGS")
        if found.table_type == "FOREIGN":
            raise _only_owner(path)
        if not (self.owns(user, path) or self.has(user, "APPLY TAG", path)):
            raise denied("APPLY TAG", path)
        return self._part(found, change.column).tags if change.column else found.tags

    def _may_assign(self, user: str, key: str) -> None:
        if key in self.governed and user != self.admin and (user, key) not in self.assigners:
            raise Failed(f"PERMISSION_DENIED: User does not have ASSIGN on Tag Policy '{key}'. SQLSTATE: 42501")

    def _set_owner(self, user: str, change: SetOwner) -> None:
        path = folded(change.names)
        found = self._altered(user, path, change.altered)
        if path[0] == LEGACY:
            raise _unsupported("SET OWNER")
        above = [path[:length] for length in range(1, len(path) + 1)]
        if not (any(self.owns(user, each) for each in above) or self.has(user, "MANAGE", path)):
            raise denied("MANAGE", path)
        if change.principal not in self.principals:
            raise Failed(f"PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name {change.principal}")
        found.owner = change.principal

    def _grant(self, user: str, grant: Grant) -> None:
        path = folded(grant.names)
        found = self.exists(path)
        if len(path) == 3 and grant.on != "TABLE" and found.table_type not in _KINDS[grant.on]:
            raise Failed(f"[EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE] {path[-1]} is no {grant.on}. SQLSTATE: 42809")
        if not (self.owns(user, path) or self.has(user, "MANAGE", path)):
            raise denied("MANAGE", path)
        if grant.principal not in self.principals:
            raise Failed(f"PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name {grant.principal}")
        for privilege in grant.privileges:
            self.grant(grant.principal, privilege, path)

    def _target(self, user: str, path: Names) -> Securable:
        self.enter(user, path)
        found = self.exists(path)
        if found.table_type == "FOREIGN":
            raise _only_owner(path)
        return found

    def _altered(self, user: str, path: Names, kind: str, *, views: bool = False) -> Securable:
        self.enter(user, path)
        found = self.exists(path)
        if len(path) == 3 and found.table_type not in (*_KINDS[kind], *(("VIEW",) if views else ())):
            condition = "EXPECT_TABLE_NOT_VIEW" if found.is_view else "EXPECT_VIEW_NOT_TABLE"
            raise Failed(f"[{condition}.NO_ALTERNATIVE] ALTER {kind}: {path[-1]} is another kind. SQLSTATE: 42809")
        return found

    def _may_describe(self, user: str, path: Names, found: Securable) -> None:
        if found.table_type == "FOREIGN":
            raise _only_owner(path)
        if path[0] == LEGACY or self.owns(user, path):
            return
        privilege = "MANAGE" if len(path) < 3 or found.is_view else "MODIFY"
        if not self.has(user, privilege, path):
            raise denied(privilege, path)

    def _part(self, found: Securable, column: Names) -> Column:
        part = found.part(column)
        if part is None:
            named = ".".join(f"`{name}`" for name in column)
            raise Failed(
                f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name {named} cannot be resolved. SQLSTATE: 42703"
            )
        return part


def folded(path: Names) -> Names:
    """Names of catalogs, schemas and tables are kept in lower case."""
    return tuple(name.lower() for name in path)


def insufficient(privilege: str, path: Names) -> Failed:
    """The refusal to enter a catalog or schema."""
    named = f"{_LEVELS[len(path) - 1]} '{'.'.join(path)}'"
    return Failed(
        f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have {privilege} on {named}. "
        "SQLSTATE: 42501"
    )


def denied(privilege: str, path: Names) -> Failed:
    """The catalog's refusal."""
    named = f"{_LEVELS[len(path) - 1]} '{'.'.join(path)}'"
    return Failed(f"PERMISSION_DENIED: User does not have {privilege} on {named}. SQLSTATE: 42501")


def tables(metastore: Metastore, schema: Names) -> Iterator[tuple[Names, Securable]]:
    """The tables of a schema, by their names."""
    for path in sorted(metastore.objects):
        if len(path) == 3 and path[:2] == schema:
            yield path, metastore.objects[path]


def _reaches(privilege: str) -> bool:
    """Whether a privilege on what an object stands in shows the object."""
    return privilege not in ("USE CATALOG", "USE SCHEMA")


def _unsupported(what: str) -> Failed:
    return Failed(f"[UC_COMMAND_NOT_SUPPORTED.WITHOUT_RECOMMENDATION] {what} needs Unity Catalog. SQLSTATE: 0AKUC")


def _only_owner(path: Names) -> Failed:
    return Failed(
        f"[UNSUPPORTED_FEATURE.TABLE_OPERATION] Foreign table `{path[-1]}` can only be renamed and given to another "
        "owner. SQLSTATE: 0A000"
    )
