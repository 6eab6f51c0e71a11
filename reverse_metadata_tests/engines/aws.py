"""AWS's Glue, Lake Formation, Athena, STS and S3, as `moto` keeps them in memory.

Glue's tables and Lake Formation's tags have a state there. Athena runs nothing: every query succeeds, with no rows.
moto accepts what AWS refuses, so the front plays it before moto sees the request:

* lengths and characters, by the limits of the service's model in `botocore`:
  https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
* an `UpdateTable` whose `VersionId` is not the table's own, which AWS answers with ConcurrentModificationException:
  https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
* the keys and values of Lake Formation's tags in lower case:
  https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html
* which of them stand on what, see `lake_formation`
* missing permissions, in the words that IAM has for them:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from threading import RLock
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import pytest

from reverse_metadata_tests.engines.front import Answer, Front, Request
from reverse_metadata_tests.engines.lake_formation import LakeTags
from reverse_metadata_tests.engines.servers import absent

_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
#: The names of the inputs in the messages of Glue's own validation.
_INSIDE = {"TableInput": "table", "DatabaseInput": "database"}
#: What is no character of the strings whose characters are checked too: Python reads their patterns differently.
_FOREIGN = {
    "CommentString": re.compile(r"[\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]"),
    "DescriptionString": re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"),
}


class AwsFront(Front):
    """AWS in one account and region; a request is known by action and resource.

    `glue:UpdateTable arn:aws:glue:eu-west-1:123456789012:table/shop/orders`
    """

    region = "eu-west-1"
    #: The one that moto has.
    account = "123456789012"
    user = f"arn:aws:sts::{account}:user/moto"

    def __init__(self) -> None:
        super().__init__()
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.test import Client

        self._moto = Client(DomainDispatcherApplication(create_backend_app))
        self._one_at_a_time = RLock()
        self._denied: list[tuple[str, str]] = []
        self._lake = LakeTags()
        self._keys = secrets.token_hex(10).upper(), secrets.token_hex(20)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which boto3 comes here, whoever makes the client."""
        return {
            "AWS_ACCESS_KEY_ID": self._keys[0],
            "AWS_SECRET_ACCESS_KEY": self._keys[1],
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
        }

    def client(self, service: str, **options: Any) -> Any:
        """A client of boto3 for a service: `glue`."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            **options,
        )

    def arn(self, resource: str) -> str:
        """The ARN of something in Glue's catalog: `table/shop/orders`, `database/shop`, `catalog`."""
        return f"arn:aws:glue:{self.region}:{self.account}:{resource}"

    @contextmanager
    def denied(self, action: str, resource: str = "*") -> Iterator[None]:
        """Until the end of the block the action is denied on the resources that match: `glue:UpdateTable`, an ARN."""
        rule = (action, resource)
        self._denied.append(rule)
        try:
            yield
        finally:
            self._denied.remove(rule)

    def refusal(self, kind: str, message: str, status: int = 400) -> Answer:
        """AWS's way to answer an error: `refusal("ThrottlingException", "Rate exceeded")`."""
        body = json.dumps({"__type": kind, "message": message, "Message": message}).encode()
        return Answer(status, body, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": kind})

    def refusal_in_xml(self, kind: str, message: str, status: int = 400) -> Answer:
        """The same of STS and IAM, which answer in XML."""
        error = f"<Error><Type>Sender</Type><Code>{kind}</Code><Message>{escape(message)}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>".encode()
        return Answer(status, body, {"Content-Type": "text/xml"})

    def reset(self) -> None:
        """Forget the requests, and everything that AWS holds."""
        super().reset()
        self._lake = LakeTags()
        self._moto.post("/moto-api/reset")

    def name(self, request: Request) -> str:
        """Action and resource."""
        return " ".join(self._asked(request))

    def answer(self, request: Request) -> Answer:
        """Refuse as AWS does, or ask moto."""
        action, resource = self._asked(request)
        if any(fnmatchcase(action, a) and fnmatchcase(resource, r) for a, r in self._denied):
            return self.refusal(
                "AccessDeniedException",
                f"User: {self.user} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action",
            )
        service, _, operation = action.partition(":")
        body = _json(request)
        if service == "glue" and (mistakes := list(_mistakes(body, _input(operation)))):
            several = "s" if len(mistakes) > 1 else ""
            message = f"{len(mistakes)} validation error{several} detected: {'; '.join(mistakes)}"
            return self.refusal("ValidationException", message)
        with self._one_at_a_time:
            if service == "lakeformation":
                return self._in_the_lake(request, operation, _in_lower_case(body))
            if action == "glue:UpdateTable" and self._is_stale(request, body):
                message = "Update table failed due to concurrent modifications."
                return self.refusal("ConcurrentModificationException", message)
            return self._ask(request)

    def _ask(self, request: Request, **replaced: Any) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        options = {"method": request.method, "headers": headers, "data": request.body} | replaced
        found = self._moto.open(request.target, **options)
        # The front says how long the answer is, and whether the connection stays.
        kept = {name: value for name, value in found.headers if name not in ("Content-Length", "Connection")}
        return Answer(found.status_code, found.get_data(), kept)

    def _in_the_lake(self, request: Request, operation: str, body: dict[str, Any]) -> Answer:
        answer: dict[str, Any]
        listing = json.dumps({name: body[name] for name in {"CatalogId"} & body.keys()})
        known = json.loads(self._ask(replace(request, target="/ListLFTags"), data=listing).body)["LFTags"]
        defined = {tag["TagKey"]: tag["TagValues"] for tag in known}
        match operation:
            case "GetLFTag" if body["TagKey"] not in defined:
                return self.refusal("EntityNotFoundException", "Tag does not exist.")
            case "AddLFTagsToResource":
                answer = self._lake.add(body, defined)
            case "RemoveLFTagsFromResource":
                answer = self._lake.remove(body)
            case "GetResourceLFTags":
                answer = self._lake.get(body, self._columns(request, body["Resource"].get("Table")))
            case _:
                return self._ask(request, data=json.dumps(body))
        return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _columns(self, request: Request, table: Mapping[str, Any] | None) -> list[str]:
        if table is None:
            return []
        found = self._glue_table(request, table["DatabaseName"], table["Name"])
        listed = [*found.get("StorageDescriptor", {}).get("Columns", ()), *found.get("PartitionKeys", ())]
        return [column["Name"] for column in listed]

    def _glue_table(self, request: Request, database: str, name: str) -> dict[str, Any]:
        """The table as moto has it, empty when there is none."""
        signed = request.headers["authorization"].replace("/lakeformation/", "/glue/")
        headers = {**request.headers, "authorization": signed, "x-amz-target": "AWSGlue.GetTable"}
        headers["content-type"] = "application/x-amz-json-1.1"
        asked = replace(request, headers=headers, target="/", method="POST")
        found = self._ask(asked, data=json.dumps({"DatabaseName": database, "Name": name}))
        table: dict[str, Any] = json.loads(found.body).get("Table", {})
        return table

    def _is_stale(self, request: Request, body: Mapping[str, Any]) -> bool:
        if "VersionId" not in body:
            return False
        found = self._glue_table(request, body["DatabaseName"], body["TableInput"]["Name"])
        return bool(found) and found["VersionId"] != body["VersionId"]

    def _asked(self, request: Request) -> tuple[str, str]:
        """The action and the ARN of what it is about."""
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        service = scope["service"] if scope else "none"
        body = _json(request)
        if target := request.headers.get("x-amz-target"):
            operation = target.rpartition(".")[2]
        elif service == "lakeformation":
            operation = request.path.removeprefix("/")
        elif form := parse_qs(request.body.decode(errors="replace")).get("Action"):
            operation = form[0]
        else:
            operation = f"{request.method} {request.path}"
        if service == "glue":
            return f"{service}:{operation}", self.arn(_glue_resource(operation, body))
        if service == "lakeformation":
            return f"{service}:{operation}", self.arn(_lake_resource(body.get("Resource", {})))
        return f"{service}:{operation}", "*"


@contextmanager
def aws() -> Iterator[AwsFront]:
    """An empty AWS on the loopback."""
    if find_spec("moto") is None or find_spec("boto3") is None:
        absent("moto", "pip install 'reverse-metadata[dev]'")
    from botocore.loaders import JSONFileLoader

    with pytest.MonkeyPatch.context() as patch, AwsFront() as front:
        # Every session of boto3 reads megabytes about its services from files, which takes longer than all its calls.
        read_once = cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: read_once(path))
        yield front


def _json(request: Request) -> dict[str, Any]:
    found = json.loads(request.body) if request.body.startswith(b"{") else {}
    return found if isinstance(found, dict) else {}


def _glue_resource(operation: str, body: Mapping[str, Any]) -> str:
    table = body.get("TableInput", {}).get("Name") or body.get("TableName") or body.get("Name")
    if "DatabaseName" in body:
        return f"table/{body['DatabaseName']}/{table}" if table else f"database/{body['DatabaseName']}"
    name = body.get("Name") or body.get("DatabaseInput", {}).get("Name")
    return f"database/{name}" if name and operation.endswith("Database") else "catalog"


def _lake_resource(resource: Mapping[str, Any]) -> str:
    table = resource.get("Table") or resource.get("TableWithColumns")
    if table:
        return f"table/{table['DatabaseName']}/{table.get('Name', '*')}"
    return f"database/{resource['Database']['Name']}" if "Database" in resource else "catalog"


def _in_lower_case(body: Any) -> Any:
    """The body of a request to Lake Formation, with the keys and values of its tags as they are stored."""
    if isinstance(body, list):
        return [_in_lower_case(each) for each in body]
    if not isinstance(body, dict):
        return body
    lowered = {name: _in_lower_case(value) for name, value in body.items()}
    if "TagKey" in body:
        lowered["TagKey"] = body["TagKey"].lower()
    for name in {"TagValues", "TagValuesToAdd", "TagValuesToDelete"} & body.keys():
        lowered[name] = [value.lower() for value in body[name]]
    return lowered


@cache
def _input(operation: str) -> Any:
    """What botocore knows of an operation's input."""
    from botocore.session import get_session

    return get_session().get_service_model("glue").operation_model(operation).input_shape


def _mistakes(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """What is too long or has characters that Glue does not take, in the words of its validation."""
    if shape.type_name == "structure":
        for name in value.keys() & shape.members.keys():
            step = _INSIDE.get(name, name[0].lower() + name[1:])
            yield from _mistakes(value[name], shape.members[name], f"{path}.{step}" if path else step)
    elif shape.type_name == "list":
        for number, each in enumerate(value, 1):
            yield from _mistakes(each, shape.member, f"{path}.{number}.member")
    elif shape.type_name == "string":
        failed = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{failed} have length less than or equal to {shape.metadata['max']}"
        if shape.name in _FOREIGN and _FOREIGN[shape.name].search(value):
            yield f"{failed} satisfy regular expression pattern: {shape.metadata['pattern']}"
