"""A dataset in the stand-in, and a connector that is signed in to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.cloud import bigquery

from reverse_metadata.connectors.bigquery import BigQueryConnector
from reverse_metadata.model import Aspect, Change, Outcome, Partition, Path
from reverse_metadata_tests.contract.bigquery import POLICY, options
from reverse_metadata_tests.contract.peer import SERVICE, change
from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn
from reverse_metadata_tests.engines.google_tokens import Tokens

ID: dict[str, Any] = {"name": "id", "type": "INTEGER", "mode": "REQUIRED"}
EMAIL: dict[str, Any] = {"name": "email", "type": "STRING", "policyTags": {"names": [POLICY.format(2)]}}
BUYER: dict[str, Any] = {
    "name": "buyer",
    "type": "RECORD",
    "mode": "REPEATED",
    "fields": [
        {"name": "name", "type": "STRING"},
        {"name": "home", "type": "RECORD", "fields": [dict(ID, name="zip")]},
    ],
}


class Shop:
    """Dataset `sales` of `shop-project`, empty at first."""

    def __init__(self, front: BigQueryStandIn, tokens: Tokens) -> None:
        self.front, self.tokens = front, tokens
        self.partition = Partition(SERVICE, front.project, "sales")
        self._admin = front.client()
        self._admin.create_dataset("sales")
        self.forget()

    def connector(self, **more: Any) -> BigQueryConnector:
        return BigQueryConnector(options(self.front.url, self.tokens, **more))

    def path(self, *names: str) -> Path:
        return (*self.partition.path, *names)

    def table(self, name: str, *fields: Mapping[str, Any], **more: Any) -> Path:
        """Create a table, with a column `id` unless said otherwise; what was asked for is forgotten afterwards."""
        reference = {"projectId": self.front.project, "datasetId": "sales", "tableId": name}
        resource = {"tableReference": reference, "schema": {"fields": list(fields or (ID,))}, **more}
        self._admin.create_table(bigquery.Table.from_api_repr(resource))
        self.forget()
        return self.path(name)

    def forget(self) -> None:
        """Forget what was asked for."""
        self.front.requests.clear()
        self.front.received.clear()

    def stored(self, name: str = "") -> dict[str, Any]:
        """The resource of a table, or of the dataset."""
        if not name:
            found: dict[str, Any] = self._admin.get_dataset("sales").to_api_repr()
            return found
        of_table: dict[str, Any] = self._admin.get_table(f"{self.front.project}.sales.{name}").to_api_repr()
        return of_table

    def by_hand(self, name: str, **fields: Any) -> None:
        """Somebody else changes a table."""
        table = bigquery.Table.from_api_repr(self.stored(name) | fields)
        self._admin.update_table(table, list(fields))

    def push(self, *changes: Change, **more: Any) -> list[Outcome]:
        """What became of the changes, written by a new connector."""
        with self.connector(**more) as connector:
            return list(connector.execute(self.partition, connector.resolve(changes)))


def described(path: Path, value: str | None = "x", kind: str = "") -> Change:
    """The wish for a description."""
    return _of_kind(change(path, value, {}), kind)


def tagged(path: Path, key: str, value: str | None, kind: str = "") -> Change:
    """The wish for a label, or for a policy tag of a column."""
    return _of_kind(change(path, value, {}, Aspect.TAGS, key), kind)


def _of_kind(made: Change, kind: str) -> Change:
    return replace(made, kind=kind) if kind else made


def failed(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    """What failed: the last name of each change, and the reason."""
    return [
        (each.path[-1], outcome.error.reason.value)
        for outcome in outcomes
        if outcome.error
        for each in outcome.statement.changes
    ]


def asked(front: BigQueryStandIn) -> Sequence[str]:
    """The requests, without what they have in common."""
    return [name.replace("projects/shop-project/datasets/sales", "sales") for name in front.requests]
