"""The queries about metadata that a writer may ask of Snowflake: a list of columns, one source, simple conditions.

Views and their columns: https://docs.snowflake.com/en/sql-reference/info-schema/ and its pages databases, schemata,
tables, columns, enabled_roles; https://docs.snowflake.com/en/sql-reference/account-usage/tag_references. Functions:
https://docs.snowflake.com/en/sql-reference/functions/ and its pages tag_references, tag_references_all_columns,
policy_references, query_history. Every column that those pages list is known; those that no writer needs are empty.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reverse_metadata_tests.engines.snowflake_grammar import Path
from reverse_metadata_tests.engines.snowflake_lexer import Reader, Refused, unexpected
from reverse_metadata_tests.engines.snowflake_state import Account, Object

Row = dict[str, Any]

_DATABASES = """DATABASE_NAME DATABASE_OWNER IS_TRANSIENT COMMENT CREATED LAST_ALTERED RETENTION_TIME TYPE
    OWNER_ROLE_TYPE""".split()
_SCHEMATA = """CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER IS_TRANSIENT IS_MANAGED_ACCESS RETENTION_TIME
    DEFAULT_CHARACTER_SET_CATALOG DEFAULT_CHARACTER_SET_SCHEMA DEFAULT_CHARACTER_SET_NAME SQL_PATH CREATED LAST_ALTERED
    COMMENT OWNER_ROLE_TYPE""".split()
_TABLES = """TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER TABLE_TYPE IS_TRANSIENT CLUSTERING_KEY ROW_COUNT BYTES
    RETENTION_TIME SELF_REFERENCING_COLUMN_NAME REFERENCE_GENERATION USER_DEFINED_TYPE_CATALOG USER_DEFINED_TYPE_SCHEMA
    USER_DEFINED_TYPE_NAME IS_INSERTABLE_INTO IS_TYPED COMMIT_ACTION CREATED LAST_ALTERED LAST_DDL LAST_DDL_BY
    AUTO_CLUSTERING_ON COMMENT IS_TEMPORARY IS_ICEBERG IS_DYNAMIC IS_IMMUTABLE IS_HYBRID""".split()
_COLUMNS = """TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE
    CHARACTER_MAXIMUM_LENGTH CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_PRECISION_RADIX NUMERIC_SCALE
    DATETIME_PRECISION INTERVAL_TYPE INTERVAL_PRECISION COLLATION_NAME IS_IDENTITY COMMENT""".split()
_ENABLED_ROLES = "ROLE_NAME ROLE_OWNER".split()
_REFERENCES = """TAG_DATABASE TAG_SCHEMA TAG_NAME TAG_VALUE APPLY_METHOD LEVEL OBJECT_DATABASE OBJECT_SCHEMA OBJECT_NAME
    DOMAIN COLUMN_NAME""".split()
_ACCOUNT_REFERENCES = """TAG_DATABASE TAG_SCHEMA TAG_ID TAG_NAME TAG_VALUE OBJECT_DATABASE OBJECT_SCHEMA OBJECT_ID
    OBJECT_NAME OBJECT_DELETED DOMAIN COLUMN_ID COLUMN_NAME APPLY_METHOD""".split()
_POLICIES = """POLICY_DB POLICY_SCHEMA POLICY_NAME POLICY_KIND REF_DATABASE_NAME REF_SCHEMA_NAME REF_ENTITY_NAME
    REF_ENTITY_DOMAIN REF_COLUMN_NAME REF_ARG_COLUMN_NAMES TAG_DATABASE TAG_SCHEMA TAG_NAME POLICY_STATUS""".split()
_HISTORY = "QUERY_ID QUERY_TEXT DATABASE_NAME SCHEMA_NAME QUERY_TYPE SESSION_ID USER_NAME ROLE_NAME QUERY_TAG".split()
_HISTORY += "EXECUTION_STATUS ERROR_CODE ERROR_MESSAGE START_TIME END_TIME".split()

_TYPES = {
    "external table": "EXTERNAL TABLE",
    "event table": "EVENT TABLE",
    "view": "VIEW",
    "secure view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
}


class Asked:
    """A session that asks: its role, and what the context functions say."""

    def __init__(self, account: Account, role: str, context: Mapping[str, str | None], history: list[Row]) -> None:
        self.account, self.role, self.context, self.history = account, role, context, history

    def select(self, sql: str) -> tuple[list[str], list[list[Any]]]:
        """The names of the columns, and the rows. Raises Refused."""
        reader = Reader(sql)
        names, rows = self._one(reader)
        while reader.has("UNION", "ALL"):
            others, more = self._one(reader)
            if len(others) != len(names):
                raise Refused("001789", "42601", "SQL compilation error:\ninvalid number of result columns for set")
            rows += more
        reader.end()
        return names, rows

    def _one(self, reader: Reader) -> tuple[list[str], list[list[Any]]]:
        reader.need("SELECT")
        wanted: list[tuple[str, Any]] = [self._wanted(reader)]
        while reader.has(","):
            wanted.append(self._wanted(reader))
        if not reader.has("FROM"):
            return [name for name, _ in wanted], [[self._constant(name) for name, _ in wanted]]
        if self.context["CURRENT_WAREHOUSE"] is None:
            message = "No active warehouse selected in the current session.  Select an active warehouse with the "
            raise Refused("000606", "57P03", f"{message}'use warehouse' command.")
        columns, rows = self._source(reader)
        tests = self._where(reader, columns) if reader.has("WHERE") else []
        for name, _ in wanted:
            _known(name, columns)
        kept = [row for row in rows if all(test(row) for test in tests)]
        return [name for name, _ in wanted], [[row.get(name) for name, _ in wanted] for row in kept]

    def _wanted(self, reader: Reader) -> tuple[str, Any]:
        name = reader.name()
        if reader.has("("):
            reader.need(")")
        return name, None

    def _constant(self, name: str) -> str | None:
        if name not in self.context:
            raise Refused("002140", "42601", f"SQL compilation error:\nUnknown function {name}")
        return self.context[name]

    def _source(self, reader: Reader) -> tuple[list[str], Iterator[Row]]:
        if reader.has("TABLE", "("):
            columns, rows = self._function(reader)
            reader.need(")")
            return columns, rows
        database, schema, view = reader.path(3)
        if (database, schema, view) == ("SNOWFLAKE", "ACCOUNT_USAGE", "TAG_REFERENCES"):
            if not self.account.has(self.role, "IMPORTED PRIVILEGES", ("SNOWFLAKE",)):
                raise self._absent("Object", (database, schema, view))
            return _ACCOUNT_REFERENCES, self._everywhere()
        views: dict[str, tuple[list[str], Callable[[str], Iterator[Row]]]] = {
            "DATABASES": (_DATABASES, self._databases),
            "SCHEMATA": (_SCHEMATA, self._schemata),
            "TABLES": (_TABLES, self._tables),
            "COLUMNS": (_COLUMNS, self._columns),
            "ENABLED_ROLES": (_ENABLED_ROLES, self._roles),
        }
        self._database(database)
        if schema != "INFORMATION_SCHEMA" or view not in views:
            raise self._absent("Object", (database, schema, view))
        columns, rows_of = views[view]
        return columns, rows_of(database)

    def _function(self, reader: Reader) -> tuple[list[str], Iterator[Row]]:
        database, schema, function = reader.path(3)
        self._database(database)
        reader.need("(")
        arguments: dict[str, str] = {}
        while not reader.has(")"):
            token = reader.take()
            if token.kind == "text":
                arguments[str(len(arguments))] = token.value
            else:
                reader.need("=>")
                arguments[token.value] = reader.take().value
            reader.has(",")
        functions: dict[str, tuple[list[str], Callable[..., Iterator[Row]]]] = {
            "TAG_REFERENCES": (_REFERENCES, self._references),
            "TAG_REFERENCES_ALL_COLUMNS": (_REFERENCES, self._column_references),
            "POLICY_REFERENCES": (_POLICIES, self._policies),
            "QUERY_HISTORY_BY_USER": (_HISTORY, self._queries),
        }
        if schema != "INFORMATION_SCHEMA" or function not in functions:
            raise Refused("002141", "42601", f"SQL compilation error:\nUnknown table function {function}")
        if self.account.edition == "STANDARD" and function.startswith("TAG_"):
            raise Refused("000002", "0A000", "SQL compilation error:\nUnsupported feature 'TAG'.")
        columns, rows_of = functions[function]
        return columns, rows_of(arguments)

    def _where(self, reader: Reader, columns: list[str]) -> list[Callable[[Row], bool]]:
        tests = [self._test(reader, columns)]
        while reader.has("AND"):
            tests.append(self._test(reader, columns))
        return tests

    def _test(self, reader: Reader, columns: list[str]) -> Callable[[Row], bool]:
        name = _known(reader.name(), columns)
        match test := reader.one_of("=", "<>", "IN", "NOT IN", "IS NULL"):
            case "=":
                value = reader.text()
                return lambda row: row.get(name) == value
            case "<>":
                value = reader.text()
                return lambda row: row.get(name) is not None and row.get(name) != value
            case "IN" | "NOT IN":
                reader.need("(")
                values = {reader.text()}
                while reader.has(","):
                    values.add(reader.text())
                reader.need(")")
                return lambda row: row.get(name) is not None and (row.get(name) in values) == (test == "IN")
        return lambda row: row.get(name) is None

    # The sources.

    def _database(self, name: str) -> None:
        if not self.account.sees(self.role, (name,)):
            raise self._absent("Database", (name,))

    @staticmethod
    def _absent(what: str, path: Path) -> Refused:
        message = f"{what} '{'.'.join(path)}' does not exist or not authorized."
        return Refused("002003", "02000", f"SQL compilation error:\n{message}")

    def _visible(self, depth: int, database: str) -> Iterator[Object]:
        for path, found in list(self.account.objects.items()):
            if len(path) == depth and path[0] == database and self.account.sees(self.role, path):
                yield found

    def _databases(self, _database: str) -> Iterator[Row]:
        for path, found in self.account.objects.items():
            if len(path) == 1 and self.account.sees(self.role, path):
                yield {"DATABASE_NAME": path[0], "DATABASE_OWNER": found.owner, "TYPE": "STANDARD", **_said(found)}

    def _schemata(self, database: str) -> Iterator[Row]:
        for found in self._visible(2, database):
            names = {"CATALOG_NAME": found.path[0], "SCHEMA_NAME": found.path[1]}
            yield {**names, "SCHEMA_OWNER": found.owner, **_said(found)}

    def _tables(self, database: str) -> Iterator[Row]:
        for found in self._visible(3, database):
            flags = {f"IS_{kind.upper()}": _yes(found.kind == f"{kind} table") for kind in _FLAGS}
            kind = _TYPES.get(found.kind, "BASE TABLE")
            yield {**_named(found), "TABLE_OWNER": found.owner, "TABLE_TYPE": kind, **flags, **_said(found)}

    def _columns(self, database: str) -> Iterator[Row]:
        for found in self._visible(3, database):
            for number, column in enumerate(found.columns, 1):
                comment = found.comments.get(column) or None
                yield {**_named(found), "COLUMN_NAME": column, "ORDINAL_POSITION": number, "COMMENT": comment}

    def _roles(self, _database: str) -> Iterator[Row]:
        for role in sorted(self.account.enabled(self.role)):
            yield {"ROLE_NAME": role}

    def _object(self, name: str, domain: str) -> Object:
        reader = Reader(name)
        parts = {"DATABASE": 1, "SCHEMA": 2, "TABLE": 3}
        if domain not in parts:
            raise Refused("001008", "22023", f"SQL compilation error:\nInvalid value '{domain}' for object_domain.")
        path = reader.path(parts[domain])
        if reader.next() is not None:
            raise unexpected(reader.next())
        if not self.account.sees(self.role, path):
            raise self._absent(domain.capitalize(), path)
        return self.account.objects[path]

    def _references(self, arguments: dict[str, str]) -> Iterator[Row]:
        found = self._object(arguments["0"], arguments["1"].upper())
        return _tagged(self.account, found, None)

    def _column_references(self, arguments: dict[str, str]) -> Iterator[Row]:
        found = self._object(arguments["0"], arguments["1"].upper())
        return (row for column in found.columns for row in _tagged(self.account, found, column))

    def _everywhere(self) -> Iterator[Row]:
        """Only what was set on the object itself; https://docs.snowflake.com/en/sql-reference/account-usage/tag_references
        has no inherited tags."""
        for found in list(self.account.objects.values()):
            for column in (None, *found.columns):
                for row in _tagged(self.account, found, column):
                    if row["APPLY_METHOD"] == "MANUAL":
                        yield row

    def _policies(self, arguments: dict[str, str]) -> Iterator[Row]:
        path = Reader(arguments["REF_ENTITY_NAME"]).path(3)
        if arguments["REF_ENTITY_DOMAIN"].upper() != "TAG" or path not in self.account.tags:
            raise self._absent("Tag", path)
        for database, schema, name in self.account.tags[path].policies:
            yield {"POLICY_DB": database, "POLICY_SCHEMA": schema, "POLICY_NAME": name, "POLICY_KIND": "MASKING_POLICY"}

    def _queries(self, _arguments: dict[str, str]) -> Iterator[Row]:
        return iter(list(self.history))


_FLAGS = ("transient", "iceberg", "dynamic", "hybrid")


def _known(name: str, columns: list[str]) -> str:
    if name not in columns:
        raise Refused("000904", "42000", f"SQL compilation error: error line 1\ninvalid identifier '{name}'")
    return name


def _yes(flag: bool) -> str:
    return "YES" if flag else "NO"


def _said(found: Object) -> Row:
    return {"COMMENT": found.comments.get(None) or None, "CREATED": found.created}


def _named(found: Object) -> Row:
    return dict(zip(("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME"), found.path, strict=True))


def _tagged(account: Account, found: Object, column: str | None) -> Iterator[Row]:
    domain = "COLUMN" if column is not None else ("DATABASE", "SCHEMA", "TABLE")[len(found.path) - 1]
    for tag, value, level in account.inherited(found.path, column):
        names = dict(zip(("TAG_DATABASE", "TAG_SCHEMA", "TAG_NAME"), tag, strict=True))
        above = [*found.path[:-1], None, None]
        yield {
            **names,
            "TAG_VALUE": value,
            "APPLY_METHOD": "MANUAL" if level == domain else "INHERITED",
            "LEVEL": level,
            "OBJECT_DATABASE": above[0],
            "OBJECT_SCHEMA": above[1],
            "OBJECT_NAME": found.path[-1],
            "DOMAIN": domain,
            "COLUMN_NAME": column,
        }
