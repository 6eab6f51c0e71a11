"""BigQuery: the emulator behind a front of ours, and a stand-in that is stricter.

The emulator keeps what is written as BigQuery does; permissions and lost connections are the front's. Both know of a
table what `tables.insert` says of it, so that kinds which SQL alone makes are made there too.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
from google.api_core.retry import Retry, if_exception_type

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.bigquery import BigQueryConnector, BigQueryOptions
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.bigquery import client
from reverse_metadata_tests.engines.bigquery_front import BigQueryFront, bigquery_front
from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn
from reverse_metadata_tests.engines.google_tokens import Tokens, google_tokens

if TYPE_CHECKING:
    from google.cloud import bigquery

POLICY = "projects/shop-project/locations/eu/taxonomies/1/policyTags/{}"
POLICY_TAGS = {"PII": {"Sensitive": POLICY.format(2), "None": POLICY.format(3)}}
_LABELS = (("pii", "sensitive", "none"), ("größe", "", "groß"))
_ONCE = Retry(predicate=if_exception_type())
_BUYER = {
    "name": "buyer",
    "type": "RECORD",
    "mode": "REPEATED",
    "fields": [
        {"name": "email", "type": "STRING"},
        {"name": "address", "type": "RECORD", "fields": [{"name": "city", "type": "STRING"}]},
    ],
}


class BigQuery(Peer):
    system: ClassVar[str] = "bigquery"
    #: A table's name has letters, marks, numbers, connectors, dashes and spaces, and nothing else.
    names: ClassVar[tuple[str, ...]] = ("select", "ÄÖ 日本", "-- x", "1st", "_")
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = {
        EntityType.SCHEMA: _LABELS,
        EntityType.TABLE: _LABELS,
        # One policy tag is all that a column can have.
        EntityType.COLUMN: (("PII", "Sensitive", "None"),),
    }

    #: To the emulator they are tables like others.
    knows_external_tables: ClassVar[bool] = True

    def __init__(
        self, front: BigQueryFront | BigQueryStandIn, admin: "bigquery.Client", tokens: Tokens, stack: ExitStack
    ) -> None:
        self._front, self._admin, self._tokens, self._stack = front, admin, tokens, stack
        self._denied: dict[str, ExitStack] | None = None
        self._roles: dict[str, list[str]] = {}
        here, there = f"sales_{token_hex(4)}", f"stock_{token_hex(4)}"
        for name in (here, there):
            admin.create_dataset(name, retry=_ONCE)
        self.partition = Partition(SERVICE, front.project, here)
        self.elsewhere = Partition(SERVICE, front.project, there)

    def connector(self) -> Connector:
        return self._connected(self._tokens)

    def _connected(self, tokens: Tokens) -> Connector:
        return BigQueryConnector(options(self._front.url, tokens))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        return self.create(name, [{"name": column, "type": "INTEGER"} for column in columns], partition)

    def create(
        self, name: str, fields: Sequence[Mapping[str, Any]], partition: Partition | None = None, **more: Any
    ) -> Path:
        """Create a table of these fields, and of whatever else its resource is to say; its path."""
        from google.cloud.bigquery import Table

        path = (*(partition or self.partition).path, name)
        reference = dict(zip(("projectId", "datasetId", "tableId"), path, strict=True))
        resource = {"tableReference": reference, "schema": {"fields": list(fields)}, **more}
        self._admin.create_table(Table.from_api_repr(resource), retry=_ONCE)
        return path

    def kinds(self) -> Mapping[str, str]:
        made: dict[str, tuple[str, dict[str, Any]]] = {
            "orders": ("table", {}),
            "recent": ("view", {"view": {"query": "SELECT 1 AS id", "useLegacySql": False}}),
            "totals": ("materialized view", {"type": "MATERIALIZED_VIEW"}),
            "yesterday": ("snapshot", {"type": "SNAPSHOT"}),
        }
        if self.knows_external_tables:
            made["remote"] = ("external table", {"externalDataConfiguration": {"sourceFormat": "CSV"}})
        for name, (_, more) in made.items():
            nested = [] if more else [_BUYER]
            self.create(name, [{"name": "id", "type": "INTEGER"}, *nested], **more)
        return {name: kind for name, (kind, _) in made.items()}

    def drop(self, table: Path) -> None:
        self._admin.delete_table(_reference(table), retry=_ONCE)

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        if len(path) == 2:
            found = self._admin.get_dataset(".".join(path), retry=_ONCE).to_api_repr()
        else:
            found = self._admin.get_table(_reference(path[:3]), retry=_ONCE).to_api_repr()
        fields = found.get("schema", {}).get("fields", [])
        for name in path[3:]:
            found = next(each for each in fields if each["name"] == name)
            fields = found.get("fields", [])
        if aspect is Aspect.DESCRIPTION:
            return None if found.get("description") is None else str(found["description"])
        if len(path) < 4:
            return dict(found.get("labels") or {}).get(tag_key)
        names = found.get("policyTags", {}).get("names", [])
        return next((value for value, name in POLICY_TAGS[tag_key].items() if [name] == names), None)

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        before = self._front.count("PATCH ")
        self._front.lose_next(when, "PATCH ")
        yield
        assert self._front.count("PATCH ") > before

    def requests(self) -> int:
        return len(self._front.requests)

    def lacking(self) -> Connector:
        if self._denied is None:
            self._denied = {}
            for table in self._admin.list_tables(".".join(self.partition.path)):
                name = f"{self._front.project}:{self.partition.schema}.{table.table_id}"
                self._denied[name] = self._stack.enter_context(ExitStack())
                self._denied[name].enter_context(self._front.denied("bigquery.tables.update", name))
        return self.connector()

    def grant(self, grants: Sequence[str]) -> None:
        """What `gcloud` and `bq` make of the commands: a role of permissions, bound to a table."""
        assert self._denied is not None
        for command in map(shlex.split, grants):
            words = [word for word in command if not word.startswith("--")]
            flags = dict(word[2:].split("=", 1) for word in command if word.startswith("--"))
            if words[:4] == ["gcloud", "iam", "roles", "create"]:
                self._roles[f"projects/{flags['project']}/roles/{words[4]}"] = flags["permissions"].split(",")
            else:
                assert words[:2] == ["bq", "add-iam-policy-binding"]
                assert flags["member"] == f"serviceAccount:{self._tokens.key()['client_email']}"
                assert self._roles[flags["role"]] == ["bigquery.tables.update"]
                self._denied.pop(words[2]).close()

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        refusing = self._stack.enter_context(Tokens())
        refusing.refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return self._connected(refusing), [
            line for line in refusing.key()["private_key"].splitlines() if "--" not in line
        ]


def _reference(path: Path) -> Any:
    """Not as text: the client reads a name by its dots."""
    from google.cloud.bigquery import DatasetReference

    return DatasetReference(path[0], path[1]).table(path[2])


def options(url: str, tokens: Tokens, **more: Any) -> BigQueryOptions:
    """What leads to the emulator or the stand-in."""
    return BigQueryOptions(
        **{"api_endpoint": url, "credentials": json.dumps(tokens.key()), "policy_tags": POLICY_TAGS} | more
    )


class Emulated(BigQuery):
    knows_external_tables: ClassVar[bool] = False


def emulated(request: pytest.FixtureRequest) -> AbstractContextManager[BigQuery]:
    return on_emulator(request.getfixturevalue("bigquery_emulator"))


@contextmanager
def on_emulator(url: str) -> Iterator[BigQuery]:
    """Two empty datasets in the emulator at this URL."""
    with ExitStack() as stack:
        front = stack.enter_context(bigquery_front(url))
        tokens = stack.enter_context(google_tokens())
        admin = stack.enter_context(client(url))
        peer = Emulated(front, admin, tokens, stack)
        for partition in (peer.partition, peer.elsewhere):
            # The emulator becomes slow with what others left in it.
            stack.callback(admin.delete_dataset, ".".join(partition.path), delete_contents=True, retry=_ONCE)
        yield peer


def standin(request: pytest.FixtureRequest) -> AbstractContextManager[BigQuery]:
    return _standin(request.getfixturevalue("bigquery_standin"))


@contextmanager
def _standin(front: BigQueryStandIn) -> Iterator[BigQuery]:
    with ExitStack() as stack:
        tokens = stack.enter_context(google_tokens())
        yield BigQuery(front, stack.enter_context(front.client()), tokens, stack)
