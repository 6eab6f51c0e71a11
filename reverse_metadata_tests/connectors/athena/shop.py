"""A database of Glue in AWS's stand-in, and what is sent there, to the letter."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from reverse_metadata.connectors.athena import AthenaConnector
from reverse_metadata.model import Aspect, Change, Outcome, Partition, Path, SourceState, Statement
from reverse_metadata_tests.contract.athena import options
from reverse_metadata_tests.contract.peer import SERVICE, change
from reverse_metadata_tests.engines.aws import AwsFront
from reverse_metadata_tests.engines.front import Answer

SALES = Partition(SERVICE, "default", "sales")
ORDERS: Path = ("default", "sales", "orders")


class Shop:
    """The database `sales` with a table `orders` of the columns id, email and the partition key day."""

    def __init__(self, aws: AwsFront) -> None:
        self.aws = aws
        self.glue, self.lake = aws.client("glue"), aws.client("lakeformation")
        self.glue.create_database(
            DatabaseInput={"Name": "sales", "LocationUri": "s3://sales", "Parameters": {"a": "b"}}
        )
        self.create("orders")
        self._opened: list[AthenaConnector] = []
        aws.requests.clear()
        aws.received.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connector in self._opened:
            connector.close()

    def create(self, name: str, **more: Any) -> None:
        """A table; `more` are members of its input."""
        storage = {
            "Columns": [{"Name": "id", "Type": "int"}, {"Name": "email", "Type": "string", "Comment": "old"}],
            "Location": f"s3://sales/{name}",
            "SerdeInfo": {"SerializationLibrary": "serde", "Parameters": {"path": "x"}},
        }
        table = {
            "Name": name,
            "Owner": "etl",
            "Retention": 3,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": "day", "Type": "date"}],
        }
        wanted = {key: value for key, value in {**table, **more}.items() if value is not None}
        self.glue.create_table(DatabaseName="sales", TableInput=wanted)

    def table(self, name: str = "orders") -> dict[str, Any]:
        """A table as Glue has it."""
        found: dict[str, Any] = self.glue.get_table(DatabaseName="sales", Name=name)["Table"]
        return found

    def connector(self, **more: Any) -> AthenaConnector:
        """A connector; `more` are options."""
        connector = AthenaConnector(options(self.aws, **more))
        self._opened.append(connector)
        return connector

    def sent(self, action: str) -> list[dict[str, Any]]:
        """The bodies of all requests for an action so far: `glue:UpdateTable`."""
        received = zip(self.aws.requests, self.aws.received, strict=True)
        return [json.loads(request.body) for name, request in received if name.startswith(f"{action} ")]

    def answer(self, body: Mapping[str, Any], action: str, times: int = 1) -> None:
        """What the next requests for an action are answered."""
        content = {"Content-Type": "application/x-amz-json-1.1"}
        self.aws.answer_next(Answer(200, json.dumps(body).encode(), content), f"{action} ", times)

    def refuse(self, code: str, action: str, message: str = "No.", times: int = 1) -> None:
        """The next requests for an action are refused."""
        self.aws.answer_next(self.aws.refusal(code, message), f"{action} ", times)


def changes(
    wishes: Mapping[Path, str | None],
    aspect: Aspect = Aspect.DESCRIPTION,
    tag_key: str = "",
    state: SourceState | None = None,
) -> list[Change]:
    """Changes of what nobody has read, unless `state` is given."""
    return [change(path, value, state or {}, aspect, tag_key) for path, value in wishes.items()]


def write(connector: AthenaConnector, listed: list[Change]) -> list[Outcome]:
    """What became of the changes."""
    return list(connector.execute(SALES, connector.resolve(listed)))


def run(connector: AthenaConnector, *sql: str) -> list[Outcome]:
    """What became of a statement of a template."""
    (one,) = changes({ORDERS: "x"})
    return list(connector.execute(SALES, [Statement(";\n".join(sql), (one,), sql)]))


def column(name: str, table: Path = ORDERS) -> Path:
    return (*table, name)
