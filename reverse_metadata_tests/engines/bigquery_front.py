"""What the BigQuery emulator does not know, in front of it: permissions, limits, and connections that are lost.

Denied is what its REST API is asked for with a method of its own: the permissions are those that
https://cloud.google.com/bigquery/docs/access-control#bq-permissions names for it. Jobs are let through.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from urllib.parse import urlsplit

from reverse_metadata_tests.engines.bigquery_standin import Refused, check_texts, refusal
from reverse_metadata_tests.engines.front import Answer, Front, Request

_BASE = "/bigquery/v2/"
_RESOURCE = re.compile(
    r"projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/:]+)(?:/tables(?:/(?P<table>[^/:]+))?)?(?P<verb>:\w+)?"
)
_VERBS = {"GET": "get", "PATCH": "update", "DELETE": "delete"}


class BigQueryFront(Front):
    """The emulator at a URL, by the names that the stand-in gives to requests."""

    project = "shop-project"

    def __init__(self, emulator: str) -> None:
        super().__init__()
        self._emulator = urlsplit(emulator).netloc
        self._denied: list[tuple[str, str]] = []

    @contextmanager
    def denied(self, permission: str, resource: str = "*") -> Iterator[None]:
        """Until the end of the block: `bigquery.tables.update`, on what matches `shop-project:shop.orders`."""
        rule = (permission, resource)
        self._denied.append(rule)
        try:
            yield
        finally:
            self._denied.remove(rule)

    def name(self, request: Request) -> str:
        """Method and path."""
        return f"{request.method} {request.path.removeprefix(_BASE)}"

    def answer(self, request: Request) -> Answer:
        """The emulator's, unless it is denied."""
        found = _RESOURCE.fullmatch(request.path.removeprefix(_BASE))
        if found is None:
            return self._forwarded(request)
        name = f"{found['project']}:{found['dataset']}" + (f".{found['table']}" if found["table"] else "")
        if found["verb"]:
            answer = self._forwarded(request)
            if answer.status != 200:
                return answer
            permitted = [each for each in json.loads(answer.body)["permissions"] if not self._is_denied(each, name)]
            return Answer(answer.status, json.dumps({"permissions": permitted}).encode(), answer.headers)
        kind = "tables" if found["table"] else "datasets"
        permission = f"bigquery.{kind}.{_VERBS.get(request.method, request.method.lower())}"
        if self._is_denied(permission, name):
            return refusal(403, "accessDenied", f"Access Denied: {name}: Permission {permission} denied.")
        try:
            check_texts(json.loads(request.body) if request.method == "PATCH" else {})
        except Refused as refused:
            return refusal(refused.status, refused.reason, str(refused))
        return self._forwarded(request)

    def _is_denied(self, permission: str, name: str) -> bool:
        return any(fnmatchcase(permission, p) and fnmatchcase(name, r) for p, r in self._denied)

    def _forwarded(self, request: Request) -> Answer:
        connection = HTTPConnection(self._emulator, timeout=60)
        try:
            kept = ("content-type", "if-match")
            headers = {name: value for name, value in request.headers.items() if name in kept}
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {"Content-Type": answer.headers.get("Content-Type", "")})
        finally:
            connection.close()


@contextmanager
def bigquery_front(emulator: str) -> Iterator[BigQueryFront]:
    """A front before the emulator, for the time of a test."""
    with BigQueryFront(emulator) as front:
        yield front
