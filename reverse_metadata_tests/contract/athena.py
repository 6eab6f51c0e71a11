"""Athena: the tables of Glue and the tags of Lake Formation, as AWS's stand-in has them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.connectors.athena import AthenaConnector, AthenaOptions
from reverse_metadata.connectors.base import Connector
from reverse_metadata.model import Aspect, EntityType, Partition, Path
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.engines.aws import AwsFront

_LINK = {"TargetTable": {"CatalogId": "210987654321", "DatabaseName": "theirs", "Name": "orders"}}
_VIEW = {"Representations": [{"Dialect": "ATHENA", "DialectVersion": "3", "ViewOriginalText": "SELECT 1 AS id"}]}


class Athena(Peer):
    system: ClassVar[str] = "athena"
    #: Glue keeps names in lower case.
    names: ClassVar[tuple[str, ...]] = (
        "it's",
        'dou"ble',
        "back`tick",
        "back\\slash",
        "a.b",
        "select",
        "äö 日本",
        "-- x",
    )
    tags: ClassVar[Mapping[EntityType, tuple[tuple[str, str, str], ...]]] = dict.fromkeys(
        (EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN),
        (("pii", "sensitive", "none"), ("team:owner", "sales", "ventes é")),
    )

    def __init__(self, aws: AwsFront, stack: ExitStack, **more: Any) -> None:
        """`more` are options of the connectors."""
        self._aws, self._stack, self._more = aws, stack, {"lf_tags": True, **more}
        self._glue, self._lake = aws.client("glue"), aws.client("lakeformation")
        self._denied: dict[str, ExitStack] | None = None
        here, there = f"sales_{token_hex(4)}", f"stock_{token_hex(4)}"
        for name in (here, there):
            self._glue.create_database(DatabaseInput={"Name": name, "Parameters": {"made": "by hand"}})
        for key, *values in self.tags[EntityType.TABLE]:
            self._lake.create_lf_tag(TagKey=key, TagValues=values)
        self.partition = Partition(SERVICE, "default", here)
        self.elsewhere = Partition(SERVICE, "default", there)

    def connector(self) -> Connector:
        return AthenaConnector(options(self._aws, **self._more))

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        path = (*(partition or self.partition).path, name)
        self._create(path, {}, columns)
        return path

    def _create(self, path: Path, more: dict[str, Any], columns: Sequence[str] = ("id",)) -> None:
        listed = [{"Name": column, "Type": "int"} for column in columns]
        table = {"Name": path[2], "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": listed}}
        self._glue.create_table(DatabaseName=path[1], TableInput={**table, **more})

    def kinds(self) -> Mapping[str, str]:
        made: dict[str, tuple[str, dict[str, Any]]] = {
            "orders": ("table", {"PartitionKeys": [{"Name": "day", "Type": "date"}]}),
            "events": ("iceberg table", {"Parameters": {"table_type": "ICEBERG"}}),
            "recent": (
                "view",
                {"TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true", "comment": "Presto View"}},
            ),
            "both": ("multi-dialect view", {"TableType": "VIRTUAL_VIEW", "ViewDefinition": _VIEW}),
            "theirs": ("resource link", _LINK),
            "remote": ("federated table", {"FederatedTable": {"Identifier": "x", "ConnectionName": "y"}}),
        }
        for name, (_, more) in made.items():
            self._create(self.path(name), more)
        return {name: kind for name, (kind, _) in made.items()}

    def drop(self, table: Path) -> None:
        self._glue.delete_table(DatabaseName=table[1], Name=table[2])

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        if aspect is Aspect.TAGS:
            return self._tags(path).get(tag_key)
        if len(path) == 2:
            return self._text(self._glue.get_database(Name=path[1])["Database"], "Description")
        table = self._glue.get_table(DatabaseName=path[1], Name=path[2])["Table"]
        if len(path) == 3:
            if table["TableType"] != "VIRTUAL_VIEW":
                assert table.get("Parameters", {}).get("comment") == table.get("Description")
            return self._text(table, "Description")
        columns = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
        return self._text(next(column for column in columns if column["Name"] == path[3]), "Comment")

    @staticmethod
    def _text(found: Mapping[str, Any], name: str) -> str | None:
        return None if found.get(name) is None else str(found[name])

    def _tags(self, path: Path) -> dict[str, str]:
        resource: dict[str, Any] = {"Database": {"Name": path[1]}}
        if len(path) == 3:
            resource = {"Table": {"DatabaseName": path[1], "Name": path[2]}}
        elif len(path) == 4:
            table = {"DatabaseName": path[1], "Name": path[2], "ColumnNames": [path[3]]}
            resource = {"TableWithColumns": table}
        found = self._lake.get_resource_lf_tags(Resource=resource, ShowAssignedLFTags=True)
        listed = {2: found.get("LFTagOnDatabase", []), 3: found.get("LFTagsOnTable", [])}.get(len(path))
        if listed is None:
            listed = next((each["LFTags"] for each in found.get("LFTagsOnColumns", [])), [])
        return {tag["TagKey"]: tag["TagValues"][0] for tag in listed}

    @contextmanager
    def lost(self, when: Literal["before", "after"]) -> Iterator[None]:
        before = self._aws.count("glue:UpdateTable")
        self._aws.lose_next(when, "glue:UpdateTable")
        yield
        assert self._aws.count("glue:UpdateTable") > before

    def requests(self) -> int:
        return len(self._aws.requests) - self._aws.count("sts:GetCallerIdentity")

    def lacking(self) -> Connector:
        if self._denied is None:
            names = [table["Name"] for table in self._glue.get_tables(DatabaseName=self.partition.schema)["TableList"]]
            self._denied = {}
            for arn in (self._aws.arn(f"table/{self.partition.schema}/{name}") for name in names):
                self._denied[arn] = self._stack.enter_context(ExitStack())
                self._denied[arn].enter_context(self._aws.denied("glue:UpdateTable", arn))
        return self.connector()

    def grant(self, grants: Sequence[str]) -> None:
        """Statements of a policy. Glue asks for an action on the table, and on what it stands in."""
        assert self._denied is not None
        around = {self._aws.arn("catalog"), self._aws.arn(f"database/{self.partition.schema}")}
        for statement in map(json.loads, grants):
            assert statement["Effect"] == "Allow"
            assert around < set(statement["Resource"])
            for arn in statement["Resource"] if "glue:UpdateTable" in statement["Action"] else ():
                self._denied.pop(arn, ExitStack()).close()

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        secret = token_hex(20)
        wrong = "The security token included in the request is invalid."
        self._aws.answer_next(self._aws.refusal("UnrecognizedClientException", wrong), "glue:", times=100)
        self._aws.answer_next(self._aws.refusal_in_xml("InvalidClientTokenId", wrong, 403), "sts:", times=100)
        return AthenaConnector(options(self._aws, secret_access_key=secret)), [secret]


def options(aws: AwsFront, **more: Any) -> AthenaOptions:
    """What leads to the stand-in. Every call is made once: who tries again is the connector."""
    environment = aws.environment
    return AthenaOptions(
        **{
            "endpoint_url": aws.url,
            "region": aws.region,
            "access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "max_attempts": 1,
        }
        | more
    )


def athena(request: pytest.FixtureRequest) -> AbstractContextManager[Athena]:
    return _athena(request.getfixturevalue("aws"))


@contextmanager
def _athena(aws: AwsFront) -> Iterator[Athena]:
    with ExitStack() as stack:
        yield Athena(aws, stack)
