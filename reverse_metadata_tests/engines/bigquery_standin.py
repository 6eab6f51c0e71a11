"""A stand-in of ours for BigQuery's REST API, where the emulator is not at hand or too lax.

It holds datasets and tables of any type and refuses whatever a writer of metadata has no business with: it runs no SQL.
The rules are those of https://cloud.google.com/bigquery/docs/reference/rest/v2/tables and .../v2/datasets, of
https://cloud.google.com/bigquery/quotas and of https://cloud.google.com/bigquery/docs/labels-intro#requirements; the
words of its errors are BigQuery's, as public bug reports quote them. That BigQuery agrees is not proven by it.

It is stricter in one thing: a schema with a field that is new, moved or relaxed is refused too.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from reverse_metadata_tests.engines.bigquery import client
from reverse_metadata_tests.engines.front import Answer, Front, Request

if TYPE_CHECKING:
    from google.cloud import bigquery

Json = dict[str, Any]

_BASE = "/bigquery/v2/"
_DESCRIPTION = 16384
_FIELD_DESCRIPTION = 1024
_LABELS = 64
_RATE = (
    "Exceeded rate limits: too many table update operations for this table. "
    "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
)
_SAME_TYPE = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
#: What a patch may name.
_WRITABLE = {"description", "friendlyName", "labels"}
_ROUTE = re.compile(
    r"projects/(?P<project>[^/]+)/datasets(?:/(?P<dataset>[^/:]+)(?:(?P<tables>/tables)(?:/(?P<table>[^/:]+))?)?)?"
    r"(?P<verb>:\w+)?"
)


class Refused(Exception):
    """What BigQuery answers instead."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass
class _Dataset:
    resource: Json
    tables: dict[str, Json] = field(default_factory=dict)


class BigQueryStandIn(Front):
    """One project; a request is known by method and path: `PATCH projects/shop-project/datasets/shop/tables/orders`.

    The client's `create_dataset` and `create_table` fill it; a table may be created with any `type` and its schema.
    """

    project = "shop-project"
    #: How many datasets or tables a list has at most on a page.
    page_size = 50

    def __init__(self) -> None:
        super().__init__()
        self._datasets: dict[str, _Dataset] = {}
        self._denied: list[tuple[str, str]] = []
        self._clock = count(1)
        self._one_at_a_time = Lock()

    def client(self) -> "bigquery.Client":
        """Google's client, connected."""
        return client(self.url, self.project)

    @contextmanager
    def denied(self, permission: str, resource: str = "*") -> Iterator[None]:
        """Until the end of the block: `bigquery.tables.update`, on what matches `shop-project:shop.orders`."""
        rule = (permission, resource)
        self._denied.append(rule)
        try:
            yield
        finally:
            self._denied.remove(rule)

    def refusal(self, status: int, reason: str, message: str) -> Answer:
        """BigQuery's way to answer an error: `refusal(503, "backendError", "Error encountered. Try again later.")`."""
        return refusal(status, reason, message)

    def rate_limited(self) -> Answer:
        """More than five changes of a table in ten seconds."""
        return self.refusal(403, "rateLimitExceeded", _RATE)

    def reset(self) -> None:
        """Forget the requests, and everything that BigQuery holds."""
        super().reset()
        self._datasets.clear()

    def name(self, request: Request) -> str:
        """Method and path."""
        return f"{request.method} {request.path.removeprefix(_BASE)}"

    def answer(self, request: Request) -> Answer:
        """Carry it out, or refuse it as BigQuery does."""
        try:
            with self._one_at_a_time:
                return _answer(200, self._do(request))
        except Refused as refused:
            return self.refusal(refused.status, refused.reason, str(refused))

    def _do(self, request: Request) -> Json:
        found = _ROUTE.fullmatch(request.path.removeprefix(_BASE))
        if not found or not request.path.startswith(_BASE) or found["project"] != self.project:
            raise Refused(404, "notFound", f"Not found: {request.path}")
        body = json.loads(request.body) if request.body else {}
        dataset, table = found["dataset"], found["table"]
        match request.method, found["verb"]:
            case "POST", ":testIamPermissions" if table:
                return self._permitted(dataset, table, body["permissions"])
            case "GET", None if table:
                return self._table(dataset, table, "bigquery.tables.get")
            case "GET", None if found["tables"]:
                self._allow("bigquery.tables.list", "Dataset", self._name(dataset))
                return self._page(request, "tables", list(self._dataset(dataset).tables.values()))
            case "GET", None if dataset:
                self._allow("bigquery.datasets.get", "Dataset", self._name(dataset))
                return self._dataset(dataset).resource
            case "GET", None:
                return self._page(request, "datasets", [each.resource for each in self._datasets.values()])
            case "POST", None if found["tables"] and not table:
                return self._create_table(dataset, body)
            case "POST", None if not dataset:
                return self._create_dataset(body)
            case "PATCH", None if table:
                resource = self._table(dataset, table, "bigquery.tables.update")
                if any("policyTags" in each for each in _all_fields(body)):
                    self._allow("bigquery.tables.setCategory", "Table", self._name(dataset, table))
                return self._patch(request, resource, body, {*_WRITABLE, "schema"})
            case "PATCH", None if dataset and not found["tables"]:
                self._allow("bigquery.datasets.update", "Dataset", self._name(dataset))
                return self._patch(request, self._dataset(dataset).resource, body, _WRITABLE)
            case "DELETE", None if table:
                self._table(dataset, table, "bigquery.tables.delete")
                return self._dataset(dataset).tables.pop(table) and {}
        raise Refused(400, "invalid", f"This stand-in does not answer {self.name(request)}")

    def _name(self, dataset: str, table: str = "") -> str:
        return f"{self.project}:{dataset}.{table}" if table else f"{self.project}:{dataset}"

    def _is_denied(self, permission: str, name: str) -> bool:
        return any(fnmatchcase(permission, p) and fnmatchcase(name, r) for p, r in self._denied)

    def _allow(self, permission: str, kind: str, name: str) -> None:
        if self._is_denied(permission, name):
            denied = f"Permission {permission} denied on {kind.lower()} {name} (or it may not exist)."
            raise Refused(403, "accessDenied", f"Access Denied: {kind} {name}: {denied}")

    def _permitted(self, dataset: str, table: str, permissions: list[str]) -> Json:
        """Those of the permissions that the caller has; none on a table that is not there."""
        if dataset not in self._datasets or table not in self._datasets[dataset].tables:
            return {}
        name = self._name(dataset, table)
        return {"permissions": [each for each in permissions if not self._is_denied(each, name)]}

    def _dataset(self, dataset: str) -> _Dataset:
        if dataset not in self._datasets:
            raise Refused(404, "notFound", f"Not found: Dataset {self._name(dataset)}")
        return self._datasets[dataset]

    def _table(self, dataset: str, table: str, permission: str) -> Json:
        self._allow(permission, "Table", self._name(dataset, table))
        if table not in self._dataset(dataset).tables:
            raise Refused(404, "notFound", f"Not found: Table {self._name(dataset, table)}")
        return self._datasets[dataset].tables[table]

    def _page(self, request: Request, kind: str, resources: list[Json]) -> Json:
        start = int(request.query.get("pageToken", "0"))
        end = start + min(self.page_size, int(request.query.get("maxResults", self.page_size)))
        shown = ("kind", "id", "type", "labels", "friendlyName", "creationTime", "datasetReference", "tableReference")
        items = [{key: each[key] for key in shown if key in each} for each in resources[start:end]]
        more = {"nextPageToken": str(end)} if end < len(resources) else {}
        return {"kind": f"bigquery#{kind[:-1]}List", kind: items, "totalItems": len(resources), **more}

    def _create_dataset(self, body: Json) -> Json:
        dataset = body["datasetReference"]["datasetId"]
        if dataset in self._datasets:
            raise Refused(409, "duplicate", f"Already Exists: Dataset {self._name(dataset)}")
        resource = {"kind": "bigquery#dataset", "id": self._name(dataset), "location": "EU"}
        self._datasets[dataset] = _Dataset(self._stamped(resource, self._checked({}, body, self._name(dataset))))
        return self._datasets[dataset].resource

    def _create_table(self, dataset: str, body: Json) -> Json:
        tables, table = self._dataset(dataset).tables, body["tableReference"]["tableId"]
        name = self._name(dataset, table)
        if table in tables:
            raise Refused(409, "duplicate", f"Already Exists: Table {name}")
        kind = next((key for key in ("view", "materializedView", "externalDataConfiguration") if key in body), "")
        types = {"view": "VIEW", "materializedView": "MATERIALIZED_VIEW", "externalDataConfiguration": "EXTERNAL"}
        resource = {"kind": "bigquery#table", "id": name, "type": types.get(kind, "TABLE")}
        tables[table] = self._stamped(resource, self._checked({}, body, name))
        return tables[table]

    def _patch(self, request: Request, resource: Json, body: Json, writable: set[str]) -> Json:
        if request.headers.get("if-match", resource["etag"]) not in (resource["etag"], "*"):
            raise Refused(412, "conditionNotMet", "Precondition check failed.")
        if strange := body.keys() - writable:
            raise Refused(400, "invalid", f"This stand-in does not change {', '.join(sorted(strange))}")
        if "schema" in body and "schema" in resource:
            _compare(resource["schema"]["fields"], body["schema"]["fields"], f"Table {resource['id']}")
        checked = self._checked(resource, body, resource["id"])
        for key in body.keys() & resource.keys():
            del resource[key]
        self._stamped(resource, checked)
        return resource

    def _checked(self, resource: Json, body: Json, name: str) -> Json:
        """What is kept of the body: no nulls, and the labels merged into those that are there."""
        check_texts(body)
        for each in _all_fields(body):
            _check_field(each)
        kept = {key: value for key, value in body.items() if value is not None}
        if "labels" in body:
            labels = {**resource.get("labels", {}), **(body["labels"] or {})}
            kept["labels"] = {key: value for key, value in labels.items() if value is not None}
            _check_labels(kept["labels"], name)
        return kept

    def _stamped(self, resource: Json, kept: Mapping[str, Any]) -> Json:
        """The resource with what is kept, changed now. Time is counted in changes, so that no two are at once."""
        now = str(next(self._clock))
        resource.setdefault("creationTime", now)
        resource |= kept
        resource |= {"lastModifiedTime": now, "etag": sha256(now.encode()).hexdigest()[:24]}
        return resource


@contextmanager
def bigquery_standin() -> Iterator[BigQueryStandIn]:
    """An empty BigQuery on the loopback."""
    with BigQueryStandIn() as front:
        yield front


def _answer(status: int, body: Json) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _all_fields(body: Json) -> Iterator[Json]:
    """Every field of a schema, nested ones included."""
    for each in (body.get("schema") or body).get("fields", ()):
        yield each
        yield from _all_fields(each)


def check_texts(body: Json) -> None:
    """Raise Refused for a description that is longer than BigQuery takes, of a dataset, a table or its columns."""
    if len(body.get("description") or "") > _DESCRIPTION:
        raise Refused(400, "invalid", f"Descriptions can be at most {_DESCRIPTION} characters long.")
    for given in _all_fields(body):
        if len(given.get("description") or "") > _FIELD_DESCRIPTION:
            message = f"is too long. The maximum length is {_FIELD_DESCRIPTION} characters."
            raise Refused(400, "invalid", f"The description for field {given['name']} {message}")


def refusal(status: int, reason: str, message: str) -> Answer:
    """BigQuery's way to answer an error."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return _answer(status, {"error": {"code": status, "message": message, "errors": errors}})


def _check_field(given: Json) -> None:
    if "policyTags" in given and given.get("fields"):
        raise Refused(400, "invalid", "Policy tags can only be attached to a leaf field")


def _check_labels(labels: Mapping[str, str], name: str) -> None:
    if len(labels) > _LABELS:
        raise Refused(400, "invalid", f"{name} has {len(labels)} labels; at most {_LABELS} are allowed.")
    for key, value in labels.items():
        for what, text in (("key", key), ("value", value)):
            if len(text) > 63 or not all(map(_fits, text)):
                rule = "can only contain lowercase letters, numeric characters, underscores and dashes."
                size = f"The {what} can be at most 63 characters long. International characters are allowed."
                raise Refused(
                    400, "invalid", f"Label {what} '{text}' violates format constraints. The {what} {rule} {size}"
                )
        if not key[:1].isalpha():
            raise Refused(
                400, "invalid", f"Label key '{key}' violates format constraints. It must start with a letter."
            )


def _fits(character: str) -> bool:
    return character in "_-" or (unicodedata.category(character) in {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})


def _compare(old: list[Json], new: list[Json], table: str, above: str = "") -> None:
    """Refuse a schema that is not the one which is there. Descriptions and policy tags are not compared."""

    def refuse(what: str) -> Refused:
        return Refused(400, "invalid", f"Provided Schema does not match {table}. {what}")

    names, wanted = [each["name"] for each in old], [each["name"] for each in new]
    for name in names:
        if name not in wanted:
            raise refuse(f"Field {above}{name} is missing in new schema")
    for name in wanted:
        if name not in names:
            raise refuse(f"Cannot add fields (field: {above}{name})")
    if names != wanted:
        raise refuse("The fields are in another order")
    for before, after in zip(old, new, strict=True):
        name = above + before["name"]
        for what, default in (("type", ""), ("mode", "NULLABLE")):
            was, becomes = (
                _SAME_TYPE.get(each, each) for each in (before.get(what, default), after.get(what, default))
            )
            if was != becomes:
                raise refuse(f"Field {name} has changed {what} from {was} to {becomes}")
        _compare(before.get("fields", []), after.get("fields", []), table, f"{name}.")
