"""Connectors that count what they ask of their drivers."""

from types import TracebackType
from typing import Any, Self

from reverse_metadata.connectors.base import Connector, ConnectorOptions

#: What bounds a session or a transaction is no request.
_BOUNDS = ("BEGIN", "SET", "COMMIT", "ROLLBACK")


class Requests:
    """How many statements were sent over connections by now."""

    def __init__(self) -> None:
        self.count = 0

    def counting(self, connector_type: type[Connector], options: ConnectorOptions) -> Connector:
        """A connector of this type, whose statements are counted; not those by which it opens a connection."""
        requests = self

        class Counting(connector_type):  # type: ignore[misc, valid-type]
            def _connection(self, *where: str) -> "Counted":
                raw = super()._connection(*where)
                known: dict[int, Counted] = self.__dict__.setdefault("_counted", {})
                if id(raw) not in known:
                    known[id(raw)] = Counted(raw, requests)
                return known[id(raw)]

        connector: Connector = Counting(options)
        return connector


class Counted:
    """Stands before a driver's connection or cursor, and counts what it executes."""

    def __init__(self, behind: Any, requests: Requests) -> None:
        self.__dict__.update(_behind=behind, _requests=requests)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._behind, name, value)

    def cursor(self, *arguments: Any, **named: Any) -> "Counted":
        return Counted(self._behind.cursor(*arguments, **named), self._requests)

    def execute(self, sql: Any, *arguments: Any, **named: Any) -> Any:
        text = sql if isinstance(sql, str) else bytes(sql).decode(errors="replace")
        if not text.lstrip().upper().startswith(_BOUNDS):
            self._requests.count += 1
        return self._behind.execute(sql, *arguments, **named)

    def __enter__(self) -> Self:
        self._behind.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self._behind.__exit__(kind, error, trace)

    def __iter__(self) -> Any:
        return iter(self._behind)
