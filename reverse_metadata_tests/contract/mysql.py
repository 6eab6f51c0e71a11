"""Debian's MariaDB, behind a proxy that counts and loses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.mysql import MysqlConnector
from reverse_metadata.connectors.mysql.sql import quoted
from reverse_metadata.model import Aspect, Partition, Path
from reverse_metadata_tests.connectors.mysql.shop import Shop, a_shop
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.mysql_proxy import MysqlProxy


class _Counting(MysqlProxy):
    """Counts what is asked and written, not what begins a session."""

    asked = 0

    def statement(self, sql: bytes) -> bytes:
        if not sql.lstrip().startswith((b"SET", b"SELECT VERSION()")):
            self.asked += 1
        return sql


class MariaDB(Peer):
    system: ClassVar[str] = "mysql"

    def __init__(self, shop: Shop, proxy: _Counting) -> None:
        self._shop, self._proxy = shop, proxy
        self.partition = Partition(SERVICE, "default", shop.sales)
        self.elsewhere = Partition(SERVICE, "default", shop.stock)
        self._writer = shop.account(f"SELECT, ALTER ON {shop.sales}.*", f"SELECT, ALTER ON {shop.stock}.*")
        self._reader = shop.account(f"SELECT ON {shop.sales}.*", f"SELECT, ALTER ON {shop.stock}.*")

    def connector(self) -> Connector:
        return self._connected(*self._writer)

    def _connected(self, user: str, password: str) -> Connector:
        address = {"unix_socket": None, "host": self._proxy.host, "port": self._proxy.port}
        return MysqlConnector(self._shop.options(username=user, password=password, **address))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self._shop.run(f"CREATE TABLE {_named(path)} ({', '.join(f'{quoted(column)} int' for column in columns)})")
        return path

    def kinds(self) -> Mapping[str, str]:
        sales = self._shop.sales
        self._shop.run(
            f"CREATE TABLE {sales}.orders (id int, amount int, twice int AS (2 * amount) STORED, note json)",
            f"CREATE TABLE {sales}.events (id int) PARTITION BY HASH (id) PARTITIONS 2",
            f"CREATE TABLE {sales}.prices (id int) WITH SYSTEM VERSIONING",
            f"CREATE VIEW {sales}.recent AS SELECT id FROM {sales}.orders",
        )
        return {"orders": "table", "events": "table", "prices": "system-versioned table", "recent": "view"}

    def drop(self, table: Path) -> None:
        self._shop.run(f"DROP TABLE {_named(table)}")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        return self._shop.comment(*path[1:])

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        with self._proxy.losing("ALTER TABLE", deliver=when == "after") as loss:
            yield
        assert loss.happened == 1

    def requests(self) -> int:
        return self._proxy.asked

    def lacking(self) -> Connector:
        return self._connected(*self._reader)

    def grant(self, grants: Sequence[str]) -> None:
        self._shop.run(*grants)

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected(self._writer[0], password), [password]


def _named(path: Path) -> str:
    return ".".join(map(quoted, path[1:]))


@contextmanager
def mariadb(request: pytest.FixtureRequest) -> Iterator[MariaDB]:
    socket = request.getfixturevalue("mariadb")
    with a_shop(socket) as shop, _Counting(socket) as proxy:
        yield MariaDB(shop, proxy)
