"""The catalog views and functions of the stand-in for SQL Server, as a user sees them, in SQLite.

The views: https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/; the functions:
https://learn.microsoft.com/en-us/sql/t-sql/functions/.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from reverse_metadata_tests.engines.mssql_estate import Database, Estate, Object, Schema

_VIEWS = {
    "databases": "name database_id source_database_id owner_sid create_date compatibility_level collation_name state",
    "schemas": "name schema_id principal_id",
    "objects": "name object_id principal_id schema_id parent_object_id type type_desc create_date is_ms_shipped",
    "tables": "name object_id principal_id schema_id type is_ms_shipped is_memory_optimized is_external temporal_type",
    "columns": "object_id name column_id system_type_id user_type_id max_length is_nullable",
    "indexes": "object_id name index_id type type_desc is_unique",
    "extended_properties": "class class_desc major_id minor_id name value",
    "database_principals": "name principal_id type type_desc sid is_fixed_role",
    "server_principals": "name principal_id sid type type_desc is_disabled",
    "sensitivity_classifications": "class class_desc major_id minor_id label label_id information_type"
    " information_type_id rank rank_desc",
}
_RANKS = {"NONE": 0, "LOW": 10, "MEDIUM": 20, "HIGH": 30, "CRITICAL": 40}


def rows(views: sqlite3.Connection, estate: Estate, database: Database, user: str, login: str) -> None:
    """Fill the views and create the functions."""
    for name, columns in _VIEWS.items():
        if name == "sensitivity_classifications" and not estate.classifies:
            continue
        if name == "server_principals" and estate.engine == 5:
            continue
        named = columns.split()
        # Names are compared without their case, as the collation of the database says.
        kinds = ", ".join(f"{each} COLLATE NOCASE" if each == "name" else each for each in named)
        views.execute(f"CREATE TABLE sys.{name} ({kinds})")
        filled = [[row.get(each) for each in named] for row in _rows(name, estate, database, user)]
        views.executemany(f"INSERT INTO sys.{name} VALUES ({', '.join('?' * len(named))})", filled)
    for function, (count, body) in _functions(estate, database, user, login).items():
        views.create_function(function, count, body)


def _rows(view: str, estate: Estate, database: Database, user: str) -> Iterator[dict[str, Any]]:
    match view:
        case "databases":
            yield {"name": database.name, "database_id": database.id, "owner_sid": database.owner.encode(), "state": 0}
        case "database_principals":
            for each in database.principals.values():
                yield {"name": each.name, "principal_id": each.id, "type": each.type}
        case "server_principals":
            for number, login in enumerate(estate.logins.values(), 1):
                yield {"name": login.name, "principal_id": number, "sid": login.name.encode(), "type": "S"}
        case "extended_properties":
            for name, value in database.properties.items():
                yield {"class": 0, "major_id": 0, "minor_id": 0, "name": name, "value": value}
            for schema in database.schemas.values():
                yield from _of_schema(view, database, schema, user)
        case _:
            for schema in database.schemas.values():
                yield from _of_schema(view, database, schema, user)


def _of_schema(view: str, database: Database, schema: Schema, user: str) -> Iterator[dict[str, Any]]:
    if database.sees(user, schema):
        if view == "schemas":
            yield {"name": schema.name, "schema_id": schema.id, "principal_id": schema.owner}
        if view == "extended_properties":
            for name, value in schema.properties.items():
                yield {"class": 3, "major_id": schema.id, "minor_id": 0, "name": name, "value": value}
    for each in schema.objects.values():
        if database.sees(user, each):
            yield from _of_object(view, each)


def _of_object(view: str, each: Object) -> Iterator[dict[str, Any]]:
    here = {
        "name": each.name,
        "object_id": each.id,
        "principal_id": each.owner,
        "schema_id": each.schema.id,
        "type": each.type.ljust(2),
        "is_ms_shipped": 0,
        "is_memory_optimized": int(each.memory_optimized),
        "is_external": int(each.external),
    }
    match view:
        case "objects":
            yield here
        case "tables" if each.type == "U":
            yield here
        case "indexes":
            if each.type == "U" or each.indexed:
                yield {"object_id": each.id, "index_id": int(each.indexed), "type": int(each.indexed)}
        case "columns":
            for column in each.columns.values():
                yield {"object_id": each.id, "name": column.name, "column_id": column.id}
        case "extended_properties":
            for minor, properties in ((0, each.properties), *((it.id, it.properties) for it in each.columns.values())):
                for name, value in properties.items():
                    yield {"class": 1, "major_id": each.id, "minor_id": minor, "name": name, "value": value}
        case "sensitivity_classifications":
            for column in each.columns.values():
                if held := {key.lower(): value for key, value in column.classification.items()}:
                    rank = held.pop("rank", None)
                    told = {"rank": rank and _RANKS[rank], "rank_desc": rank}
                    yield {"class": 1, "major_id": each.id, "minor_id": column.id, **told, **held}


def _functions(estate: Estate, database: Database, user: str, login: str) -> dict[str, tuple[int, Callable[..., Any]]]:
    def quoted(name: str | None) -> str | None:
        return None if name is None else "[" + name.replace("]", "]]") + "]"

    def permitted(name: str, kind: str, permission: str) -> int | None:
        match kind:
            case "DATABASE":
                return int(database.may(user, permission, database)) if name == quoted(database.name) else None
            case "LOGIN":
                known = [each for each in estate.logins.values() if quoted(each.name) == name and estate.engine != 5]
                return int(estate.impersonates(login, known[0].name)) if known else None
            case "USER":
                found = [each for each in database.principals.values() if quoted(each.name) == name]
                return int(database.hands_to(user, found[0])) if found else None
        securables: list[Schema | Object] = [each for each in database.schemas.values() if kind == "SCHEMA"]
        if kind == "OBJECT":
            securables = [each for schema in database.schemas.values() for each in schema.objects.values()]
        named = {
            f"{quoted(each.schema.name)}.{quoted(each.name)}" if isinstance(each, Object) else quoted(each.name): each
            for each in securables
        }
        return int(database.may(user, permission, named[name])) if name in named else None

    def member(role: str, of: str | None = None) -> int:
        return int(role.casefold() in database.identities(of or user))

    def property_(name: str) -> Any:
        known = {
            "ServerName": estate.name,
            "ProductVersion": estate.version,
            "Edition": estate.edition,
            "EngineEdition": estate.engine,
        }
        return known[name]

    return {
        "QUOTENAME": (1, quoted),
        "CONCAT": (-1, lambda *parts: "".join("" if each is None else str(each) for each in parts)),
        "HAS_PERMS_BY_NAME": (3, permitted),
        "IS_ROLEMEMBER": (-1, member),
        "IS_SRVROLEMEMBER": (2, lambda _, name: int(estate.logins[name.casefold()].sysadmin)),
        "SUSER_SNAME": (-1, lambda sid=None: login if sid is None else sid.decode()),
        "USER_NAME": (0, lambda: user),
        "DB_NAME": (0, lambda: database.name),
        "DB_ID": (0, lambda: database.id),
        "SCHEMA_ID": (1, lambda name: database.schemas[name.casefold()].id if database.has_schema(name) else None),
        "SERVERPROPERTY": (1, property_),
        "HAS_DBACCESS": (1, lambda name: _access(estate, name, login)),
    }


def _access(estate: Estate, name: str, login: str) -> int | None:
    found = estate.databases.get(name.casefold())
    return None if found is None else int(found.user_of(estate.logins[login.casefold()]) is not None)
