"""A MySQL that is only recorded: where no engine can be had, the exact SQL is what is looked at."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import pymysql
import pytest

from reverse_metadata.connectors.mysql import MysqlConnector, MysqlOptions

#: What the connector asks when a session begins, by how it begins.
MYSQL_8 = {"SELECT VERSION()": [(b"8.4.3", b"MySQL Community Server - GPL", 0, 1)]}


class Recorded:
    """A connection, its cursor and its answers in one: the rows of the first of `answers` that a statement begins with,
    or what is raised for it."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.sent: list[str] = []
        self.arguments: dict[str, Any] = {}
        self.closed = False
        self._rows: list[tuple[Any, ...]] = []

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        self.sent.append(" ".join(sql.split()) if sql.startswith("\n") else sql)
        begun = [answer for begin, answer in self.answers.items() if sql.strip().startswith(begin)]
        answer = begun[0] if begun else []
        if isinstance(answer, Exception):
            raise answer
        self._rows = [tuple(row) for row in answer]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def close(self) -> None:
        self.closed = True


def recorded(
    monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Any], **options: Any
) -> tuple[MysqlConnector, Recorded]:
    """A connector to a MySQL 8.4 that answers like this, and what it was sent."""
    session = Recorded({**answers, **{key: rows for key, rows in MYSQL_8.items() if key not in answers}})

    def connect(**arguments: Any) -> Recorded:
        session.arguments = arguments
        return session

    monkeypatch.setattr(pymysql, "connect", connect)
    return MysqlConnector(MysqlOptions(**{"host": "db", "username": "writer", **options})), session
