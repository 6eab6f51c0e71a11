"""SQL Server, played by a stand-in of ours."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.mssql import MssqlConnector, MssqlOptions
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.mssql import SqlServer, mssql
from reverse_metadata_tests.engines.mssql_estate import Column, Database, Object, Schema

_TAGS = (("PII", "Sensitive", "None"), ("it's a key", "with 'quotes'\\\n", ""))


class MssqlPeer(Peer):
    system: ClassVar[str] = "mssql"
    names: ClassVar[tuple[str, ...]] = (*Peer.names, "closed]")
    large: ClassVar[int] = 20
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = dict.fromkeys(EntityType, _TAGS)

    def __init__(self, server: SqlServer) -> None:
        self._server = server
        self._passwords = {name: token_hex(8) for name in ("writer", "reader")}
        self._database = server.database("shop")
        for schema in ("sales", "stock"):
            self._database.schema(schema)
        for name, password in self._passwords.items():
            server.login(name, password)
            server.databases["master"].user(name, name)
            self._database.user(name, name)
        for permission in ("ALTER", "TAKE OWNERSHIP", "VIEW DEFINITION"):
            self._database.grant(f"GRANT {permission} ON DATABASE::[shop] TO [writer];")
        self._database.grant("GRANT VIEW DEFINITION ON SCHEMA::[sales] TO [reader];")
        for permission in ("ALTER", "VIEW DEFINITION"):
            self._database.grant(f"GRANT {permission} ON SCHEMA::[stock] TO [reader];")
        self.partition = Partition(SERVICE, "shop", "sales")
        self.elsewhere = Partition(SERVICE, "shop", "stock")
        self._new = 0

    def connector(self) -> Connector:
        return self._connected("writer", self._passwords["writer"])

    def _connected(self, username: str, password: str) -> Connector:
        where = {"host": "db.example.com", "database": "shop", "tags": {"as": "extended_properties"}}
        return MssqlConnector(MssqlOptions.model_validate(where | {"username": username, "password": password}))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self._database.table(path[1], name, columns)
        return path

    def kinds(self) -> Mapping[str, str]:
        self._database.table("sales", "orders", ["id", "amount"])
        self._database.table("sales", "recent", ["id", "amount"], "V")
        self._database.table("sales", "totals", ["id", "amount"], "V", indexed=True)
        self._database.table("sales", "carts", ["id"], memory_optimized=True)
        self._database.table("sales", "lake", ["id"], external=True)
        return {
            "orders": "table",
            "recent": "view",
            "totals": "indexed view",
            "carts": "memory-optimized table",
            "lake": "external table",
        }

    def drop(self, table: Path) -> None:
        del self._database.schemas[table[1]].objects[table[2].casefold()]

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        found = self._found(path)
        if aspect is Aspect.OWNER:
            return self._owner(found)
        name = "MS_Description" if aspect is Aspect.DESCRIPTION else f"OpenMetadata.Tag.{tag_key}"
        value: str | None = found.properties.get(name)
        return value

    def _found(self, path: Path) -> Database | Schema | Object | Column:
        if len(path) == 1:
            return self._database
        schema = self._database.schemas[path[1].casefold()]
        table = schema.objects[path[2].casefold()] if len(path) > 2 else None
        if table is None:
            return schema
        return table.columns[path[3].casefold()] if len(path) > 3 else table

    def _owner(self, found: Database | Schema | Object | Column) -> str:
        assert not isinstance(found, Column)
        if isinstance(found, Database):
            return found.owner
        id_ = found.schema.owner if isinstance(found, Object) and found.owner is None else found.owner
        return next(each.name for each in self._database.principals.values() if each.id == id_)

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        self._server.lose_next(when, "extendedproperty" if when == "before" else "COMMIT")
        yield
        assert self._server.still_to_lose == 0

    def requests(self) -> int:
        return len(self._server.asked)

    def lacking(self) -> Connector:
        return self._connected("reader", self._passwords["reader"])

    def grant(self, grants: Sequence[str]) -> None:
        for grant in grants:
            self._database.grant(grant)

    def owner(self) -> str:
        """A login, which may own the database, and a role of the same name that may own the rest."""
        self._new += 1
        name = f"team {self._new}"
        self._server.login(name)
        self._database.role(name)
        self._server.logins["writer"].impersonates.add(name)
        self._database.principals["writer"].roles.add(name)
        return name

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected("writer", password), [password]


@contextmanager
def mssql_peer(_: pytest.FixtureRequest) -> Iterator[MssqlPeer]:
    with mssql() as server:
        yield MssqlPeer(server)
