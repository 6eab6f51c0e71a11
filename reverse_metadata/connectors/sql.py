"""What the systems have in common that are written in SQL over one connection, statement by statement.

Their DDL is not transactional: each statement is committed by itself, whole or not at all. So a statement of ours,
which says what a value shall be, may be sent again after its answer was lost; one of a template may not.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import Connector, ConnectorOptions, Need, Permit
from reverse_metadata.connectors.refusals import Refusal, granting, named
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Outcome, Partition, Statement

Row = tuple[Any, ...]
#: By position or by name, as the driver wants them.
Parameters = Sequence[Any] | Mapping[str, Any]


class SqlConnector(Connector):
    """Reads and writes over one connection. Not to be shared by threads.

    A system adds how to connect, how to run one statement, and what its driver's errors mean.
    """

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._opened: Any = None

    @abstractmethod
    def connect(self) -> Any:
        """A new connection of the driver, ready for use. Raises what the driver raises."""

    @abstractmethod
    def run(self, connection: Any, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of one statement, none for DDL. Raises what the driver raises."""

    @abstractmethod
    def refusal(self, error: Exception) -> Refusal | None:
        """What an error of the driver means; None for an error that is not the driver's."""

    def claim(self, connection: Any, partition: Partition) -> None:
        """Hold back every other writer of the partition for as long as the connection lives, where the engine can.

        Raises what the driver raises.
        """

    def deliver(self, connection: Any, statement: Statement) -> None:
        """Send one statement, or those of a template one by one, as they are. Raises what the driver raises."""
        for sql in statement.sql or (statement.text,):
            self.run(connection, sql)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        opened, self._opened = self._opened, None
        if opened is not None:
            # A connection that is gone already cannot be closed; it is forgotten all the same.
            with suppress(Exception):
                opened.close()

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One statement after the other."""
        return batches.run_each(statements, lambda statement: self._send(partition, statement, permit), self.resolve)

    def ask(self, what: str, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a query, asked again while it fails for a reason that may pass; `what` is for messages: `schema
        sales`. Raises SourceError."""

        def once() -> list[Row]:
            connection = self._connection()
            try:
                return self.run(connection, sql, parameters)
            except Exception as error:
                raise self._meaning(error).error(f"reading {what}") from None

        return batches.persistently(once)

    def _send(self, partition: Partition, statement: Statement, permit: Permit) -> batches.Failure | None:
        try:
            connection = self._connection()
        except SourceError as error:
            return batches.Failure(error, spoils_all=True)
        try:
            self.claim(connection, partition)
        except Exception as error:
            refusal = self._meaning(error)
            return batches.Failure(refusal.error(f"beginning to write to {partition.key}"), spoils_all=True)
        permit()
        try:
            self.deliver(connection, statement)
        except Exception as error:
            return self._failure(error, partition, statement)
        return None

    def _failure(self, error: Exception, partition: Partition, statement: Statement) -> batches.Failure:
        refusal = self._meaning(error)
        if refusal.reason is Reason.CONNECTION and statement.sql:
            return batches.Failure(batches.Unanswered(refusal.reason, str(refusal.error(named(statement)))))
        lacking = self._lacking(partition, statement) if refusal.reason is Reason.MISSING_PRIVILEGE else ""
        return batches.Failure(refusal.error(named(statement), lacking), spoils_table=refusal.spoils_table)

    def _lacking(self, partition: Partition, statement: Statement) -> str:
        try:
            return granting(self.missing(partition, [Need.of(change) for change in statement.changes]))
        except SourceError:
            # The advice is an extra; the refusal itself is reported either way.
            return ""

    def _connection(self) -> Any:
        if self._opened is None:
            try:
                self._opened = self.connect()
            except SourceError:
                raise
            except Exception as error:
                raise self._meaning(error).error("connecting") from None
        return self._opened

    def _meaning(self, error: Exception) -> Refusal:
        """What the error means; a connection that is gone is forgotten, so that the next use opens another.

        Raises the error itself when it is not the driver's.
        """
        refusal = self.refusal(error)
        if refusal is None:
            raise error
        if refusal.reason is Reason.CONNECTION:
            self.close()
        return refusal
