"""What a metastore tells: SELECT on the information schema, DESCRIBE, SHOW.

Relations: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-information-schema and its pages, one for
each; DESCRIBE: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from reverse_metadata_tests.engines.databricks_lexer import Failed
from reverse_metadata_tests.engines.databricks_metastore import LEGACY, Metastore, folded, insufficient, tables
from reverse_metadata_tests.engines.databricks_objects import Securable
from reverse_metadata_tests.engines.databricks_statements import Describe, Item, Names, Query, Select, Show

Row = tuple[Any, ...]
METASTORE = "aws:eu-west-1:5f0c1f1e-0000-4000-8000-00000000abcd"
VERSION = {"dbr_version": None, "dbsql_version": "2026.20", "u_build_hash": "u", "r_build_hash": "r"}
_MAKER = ("created", "created_by", "last_altered", "last_altered_by")
_RELATIONS: dict[str, tuple[str, ...]] = {
    "catalogs": ("catalog_name", "catalog_owner", "comment", *_MAKER),
    "schemata": ("catalog_name", "schema_name", "schema_owner", "comment", *_MAKER),
    "tables": (
        "table_catalog",
        "table_schema",
        "table_name",
        "table_type",
        "is_insertable_into",
        "commit_action",
        "table_owner",
        "comment",
        *_MAKER,
        "data_source_format",
        "storage_path",
        "storage_sub_directory",
    ),
    "columns": (
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "column_default",
        "is_nullable",
        "full_data_type",
        "data_type",
        "comment",
    ),
    "catalog_tags": ("catalog_name", "tag_name", "tag_value"),
    "schema_tags": ("catalog_name", "schema_name", "tag_name", "tag_value"),
    "table_tags": ("catalog_name", "schema_name", "table_name", "tag_name", "tag_value"),
    "column_tags": ("catalog_name", "schema_name", "table_name", "column_name", "tag_name", "tag_value"),
    "catalog_privileges": ("grantor", "grantee", "catalog_name", "privilege_type", "is_grantable", "inherited_from"),
    "schema_privileges": (
        "grantor",
        "grantee",
        "catalog_name",
        "schema_name",
        "privilege_type",
        "is_grantable",
        "inherited_from",
    ),
    "table_privileges": (
        "grantor",
        "grantee",
        "table_catalog",
        "table_schema",
        "table_name",
        "privilege_type",
        "is_grantable",
        "inherited_from",
    ),
}


class Answers:
    """Answers one user at a time."""

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def query(self, user: str, query: Query) -> list[Row]:
        """The rows of SELECTs. Raises Failed."""
        return [row for select in query.selects for row in self._select(user, select)]

    def show(self, user: str, show: Show) -> list[Row]:
        """Schema, name, and whether it is temporary. Raises Failed."""
        schema = folded(show.names)
        self._metastore.enter(user, schema)
        self._metastore.exists(schema)
        return [(schema[1], path[2], False) for path, _ in tables(self._metastore, schema)]

    def describe(self, user: str, describe: Describe) -> list[Row]:
        """Raises Failed."""
        path = folded(describe.names)
        self._metastore.enter(user, path)
        found = self._metastore.exists(path)
        if describe.what == "SCHEMA":
            facts = {"Catalog Name": path[0], "Namespace Name": path[1], "Comment": found.comment or ""}
            return list({**facts, "Location": "dbfs:/user/hive/warehouse", "Owner": found.owner}.items())
        return [(_as_json(path, found),)] if describe.as_json else list(_as_rows(path, found))

    def _select(self, user: str, select: Select) -> Iterator[Row]:
        if not select.relation:
            yield tuple(self._evaluated(user, item, {}) for item in select.items)
            return
        catalog, schema, relation = (name.lower() for name in select.relation)
        if schema != "information_schema" or relation not in _RELATIONS or catalog == LEGACY:
            raise Failed(
                f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {'.'.join(select.relation)} cannot be found. "
                "SQLSTATE: 42P01"
            )
        if catalog != "system":
            self._metastore.exists((catalog,))
            if not self._metastore.owns(user, (catalog,)) and not self._metastore.has(user, "USE CATALOG", (catalog,)):
                raise insufficient("USE CATALOG", (catalog,))
        known = set(_RELATIONS[relation])
        used = [item.text for item in select.items if item.kind == "column"] + [name for name, _ in select.conditions]
        if unknown := [name for name in used if name.lower() not in known]:
            raise Failed(f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] {unknown[0]} cannot be resolved. SQLSTATE: 42703")
        for row in self._rows(user, relation):
            if catalog not in ("system", row.get("catalog_name", row.get("table_catalog"))):
                continue
            if all(row[name.lower()] in values for name, values in select.conditions):
                yield tuple(self._evaluated(user, item, row) for item in select.items)

    def _evaluated(self, user: str, item: Item, row: dict[str, Any]) -> Any:
        if item.kind == "literal":
            return item.text
        if item.kind == "column":
            return _column(row, item.text)
        if item.of_column and item.text == "unix_millis":
            return _column(row, *item.arguments)
        functions: dict[tuple[str, int], Callable[..., Any]] = {
            ("current_user", 0): lambda: user,
            ("current_metastore", 0): lambda: METASTORE,
            ("current_version", 0): lambda: VERSION,
            ("is_account_group_member", 1): lambda group: group in self._metastore.identities(user) - {user},
        }
        if item.of_column or (item.text, len(item.arguments)) not in functions:
            raise Failed(f"[UNRESOLVED_ROUTINE] Cannot resolve routine {item.text}. SQLSTATE: 42883")
        value = functions[item.text, len(item.arguments)](*item.arguments)
        return value[item.member] if item.member else value

    def _rows(self, user: str, relation: str) -> Iterator[dict[str, Any]]:
        names = _RELATIONS[relation]
        for path in sorted(self._metastore.objects):
            if path[0] != LEGACY and self._metastore.sees(user, path):
                for told in self._told(relation, path, self._metastore.objects[path]):
                    yield dict.fromkeys(names) | {name: value for name, value in told.items() if name in names}

    def _told(self, relation: str, path: Names, found: Securable) -> Iterator[dict[str, Any]]:
        level = ("catalog", "schema", "table")[len(path) - 1]
        parts = ("catalog_name", "schema_name", "table_name")
        # Relations of the standard call the same otherwise.
        standard = ("table_catalog", "table_schema", "table_name")
        told: dict[str, Any] = {
            name: part for names in (parts, standard) for name, part in zip(names, path, strict=False)
        }
        told |= {f"{level}_owner": found.owner, "comment": found.comment, "created": found.created}
        told |= {"table_type": found.table_type, "data_source_format": found.format}
        if relation == {"catalog": "catalogs", "schema": "schemata", "table": "tables"}[level]:
            yield told
        elif relation == f"{level}_tags":
            for key, value in found.tags.items():
                yield told | {"tag_name": key, "tag_value": value}
        elif relation == f"{level}_privileges":
            for who, privilege, where in sorted(self._metastore.granted):
                if where == path[: len(where)] and _applies(privilege, level):
                    inherited = "NONE" if where == path else ("CATALOG", "SCHEMA")[len(where) - 1]
                    granted = privilege.replace(" ", "_")
                    yield told | {"grantee": who, "privilege_type": granted, "inherited_from": inherited}
        elif level == "table" and relation in ("columns", "column_tags"):
            for position, column in enumerate(found.columns):
                of = told | {"column_name": column.name, "comment": column.comment, "ordinal_position": position}
                if relation == "columns":
                    yield of | {"full_data_type": str(column.type), "data_type": column.type.name.upper()}
                else:
                    for key, value in column.tags.items():
                        yield of | {"tag_name": key, "tag_value": value}


def _column(row: dict[str, Any], name: str) -> Any:
    if name.lower() not in row:
        raise Failed(f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] {name} cannot be resolved. SQLSTATE: 42703")
    return row[name.lower()]


def _applies(privilege: str, level: str) -> bool:
    """Whether a privilege can be had on such an object."""
    return privilege not in {"schema": ("USE CATALOG",), "table": ("USE CATALOG", "USE SCHEMA")}.get(level, ())


def _as_json(path: Names, found: Securable) -> str:
    told = {
        "table_name": path[2],
        "catalog_name": path[0],
        "namespace": [path[1]],
        "schema_name": path[1],
        "columns": [column.as_json() for column in found.columns],
        "type": found.table_type,
        "provider": found.format.lower(),
    }
    return json.dumps(told if found.comment is None else {**told, "comment": found.comment})


def _as_rows(path: Names, found: Securable) -> Iterator[Row]:
    """Columns first, then the partition's once more, a blank line, and the facts."""
    for column in found.columns:
        yield column.name, str(column.type), column.comment
    if found.columns:
        yield "# Partition Information", "", ""
        yield "# col_name", "data_type", "comment"
        yield found.columns[-1].name, str(found.columns[-1].type), found.columns[-1].comment
    yield "", "", ""
    yield "# Detailed Table Information", "", ""
    facts = {
        "Catalog": path[0],
        "Database": path[1],
        "Table": path[2],
        "Owner": "root",
        "Created Time": f"Thu Nov 26 10:00:00 UTC {found.created}",
        "Type": found.table_type,
        "Provider": found.format.lower(),
        **({} if found.comment is None else {"Comment": found.comment}),
        "Location": "dbfs:/user/hive/warehouse",
    }
    yield from ((name, value, "") for name, value in facts.items())
