"""Oracle, played by a stand-in of ours."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import ClassVar, Literal

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.oracle import OracleConnector, OracleOptions
from reverse_metadata.connectors.oracle.names import to_dictionary
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.oracle import Oracle, oracle

_TAGS = (("PII", "Sensitive", "None"), ("it's a key", "with 'quotes'", ""))


class OraclePeer(Peer):
    system: ClassVar[str] = "oracle"
    # No name of Oracle's holds a double quote.
    names: ClassVar[tuple[str, ...]] = tuple(name for name in Peer.names if '"' not in name)
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = dict.fromkeys(
        (EntityType.TABLE, EntityType.COLUMN), _TAGS
    )

    def __init__(self, server: Oracle) -> None:
        self._server = server
        self._passwords = {name: token_hex(8) for name in ("WRITER", "STOCK", "SALES")}
        server.user("SALES", self._passwords["SALES"])
        server.user("STOCK", self._passwords["STOCK"], "SELECT ANY TABLE")
        server.user("WRITER", self._passwords["WRITER"], "SELECT ANY TABLE", "COMMENT ANY TABLE", "ALTER ANY TABLE")
        self.partition = Partition(SERVICE, "default", "sales")
        self.elsewhere = Partition(SERVICE, "default", "stock")

    def connector(self) -> Connector:
        return self._connected("WRITER", self._passwords["WRITER"])

    def _connected(self, username: str, password: str) -> Connector:
        where = {"host": "db.example.com", "service_name": "shop"}
        return OracleConnector(OracleOptions(username=username, password=password, **where))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self._server.table(to_dictionary(path[1]), to_dictionary(name), [to_dictionary(each) for each in columns])
        return path

    def kinds(self) -> Mapping[str, str]:
        kinds = {"orders": "TABLE", "recent": "VIEW", "totals": "MATERIALIZED VIEW"}
        for name, kind in kinds.items():
            self._server.table("SALES", name.upper(), ["ID", "AMOUNT"], kind)
        return {name: kind.lower() for name, kind in kinds.items()}

    def drop(self, table: Path) -> None:
        del self._server.users[to_dictionary(table[1])].tables[to_dictionary(table[2])]

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        owner, *names = map(to_dictionary, path[1:])
        found = self._server.described(owner, *names)
        if aspect is Aspect.TAGS:
            return found.annotations[tag_key] or "" if tag_key in found.annotations else None
        return found.comment

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        self._server.lose_next(when, "COMMENT ON")
        yield
        assert self._server.still_to_lose == 0

    def requests(self) -> int:
        return len(self._server.asked)

    def lacking(self) -> Connector:
        return self._connected("STOCK", self._passwords["STOCK"])

    def grant(self, grants: Sequence[str]) -> None:
        for grant in grants:
            found = re.fullmatch(r'GRANT (COMMENT ANY TABLE) TO "(\w+)";', grant)
            assert found, grant
            self._server.users[found[2]].may.add(found[1])

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        password = token_hex(8)
        return self._connected("WRITER", password), [password]


@contextmanager
def oracle_peer(_: pytest.FixtureRequest) -> Iterator[OraclePeer]:
    with oracle() as server:
        yield OraclePeer(server)
