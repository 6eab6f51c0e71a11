"""A local HTTP server that answers as a recorded OpenMetadata 1.6 did, over an `Estate` in memory.

    with OpenMetadataServer() as server:
        server.estate.service("shop_pg", config={...})
        server.estate.database("shop_pg.shop")
        server.estate.schema("shop_pg.shop.public")
        server.estate.table("shop_pg.shop.public.orders", ["id", "email"], description="Orders")
        catalog = OpenMetadataCatalog(server.url, server.bot_token)
        server.estate.describe("shop_pg.shop.public.orders", "One row an order", user="ada")

Only reads are served. Faults: `fail`, `cut`, `expire_tokens`, `hidden`, `before`. `requests` holds what was asked.
"""

import base64
import gzip
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from reverse_metadata_tests.loopback import Handler, Loopback
from reverse_metadata_tests.openmetadata_estate import COLLECTIONS, Estate, Json

_UNHANDLED = {
    "responseMessage": "An exception with message [HTTP 404 Not Found] was thrown while processing request.",
    "errorType": "UNHANDLED_SERVER_EXCEPTION",
}
_INDEX = "<!doctype html><html><head><title>OpenMetadata</title></head><body></body></html>"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INCLUDE = ("all", "deleted", "non-deleted")
_EVENT_TYPES = {
    "entityCreated": {"entityCreated"},
    "entityUpdated": {"entityUpdated"},
    "entityRestored": {"entityRestored"},
    "entityDeleted": {"entitySoftDeleted", "entityDeleted"},
}
_KNOWN_TYPES = {*COLLECTIONS.values(), "*", "tag", "glossaryTerm", "classification"}


@dataclass(eq=False)
class Answer(Exception):
    """What is sent back: a JSON body, or a text as it is."""

    status: int
    body: Json | str
    headers: Mapping[str, str] | None = None


@dataclass
class _Fault:
    path: re.Pattern[str]
    times: int
    answer: Answer


class _Handler(Handler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        answer = self.server.owner.answer(url.path, query, self.headers.get("Authorization", ""))
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
        content = _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **(answer.headers or {})}
        if len(content) > 256 and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = gzip.compress(content, 1)
            headers["Content-Encoding"] = "gzip"
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if answer.status == 200 and self.server.owner.cuts(unquote(url.path)):
            self.close_connection = True
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.server.owner.estate.now() / 1000)


class OpenMetadataServer(Loopback):
    """Serves an estate, see `Loopback`."""

    handler = _Handler

    def __init__(self, estate: Estate | None = None, *, new_events: bool = False, owner_field: str = "owners") -> None:
        """`new_events`: `/events` in pages by `after`, as newer servers do. `owner_field`: `owner` before 1.5."""
        super().__init__()
        self.estate = estate or Estate()
        self.new_events = new_events
        self.owner_field = owner_field
        #: `domains` since 1.9. Servers with that name know `certification` as one, too.
        self.domain_field = "domain"
        self.bot_token, self.user_token, self.roleless_token, self.ghost_token = (
            secrets.token_hex(24) for _ in range(4)
        )
        #: Every request in order: the decoded path below `/api/v1/`, and its query.
        self.requests: list[tuple[str, dict[str, str]]] = []
        #: FQNs that lists leave out although they count them.
        self.hidden: set[str] = set()
        #: Ingestion pipelines come without their settings, as for a token that may not view all of them.
        self.hide_pipeline_settings = False
        #: Lists ignore `service`, `database` and `databaseSchema`, as they ignore any parameter they do not know.
        self.ignore_parents = False
        #: Called with the path of each request before it is answered: a place for edits in mid-listing.
        self.before: Callable[[str], None] = lambda path: None
        self._faults: list[_Fault] = []
        self._cuts: list[_Fault] = []
        self._tokens_left: int | None = None

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        path: str = "",
        message: str = "An exception with message [Connection is not available] was thrown while processing request.",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next requests whose path matches with an error."""
        body = {"code": status, "message": message}
        self._faults.append(_Fault(re.compile(path), times, Answer(status, body, headers)))

    def cut(self, *, times: int = 1, path: str = "") -> None:
        """Break the connection in the middle of the next answers whose path matches."""
        self._cuts.append(_Fault(re.compile(path), times, Answer(200, "")))

    def expire_tokens(self, *, after: int = 0) -> None:
        """Answer 401 `Expired token!` once so many more requests were answered."""
        self._tokens_left = after

    def heal(self) -> None:
        """End all faults."""
        self._faults.clear()
        self._cuts.clear()
        self._tokens_left = None
        self.hidden = set()

    def __enter__(self) -> Self:
        super().__enter__()
        self.estate.href = self.url
        return self

    # One request

    def answer(self, path: str, query: dict[str, str], authorization: str) -> Answer:
        """The answer to a GET of `path`, still encoded and with its leading slash."""
        if not path.startswith("/api/"):
            return Answer(200, _INDEX, {"Content-Type": "text/html"})
        path = path.removeprefix("/api/v1/")
        self.requests.append((unquote(path), query))
        self.before(unquote(path))
        with self.estate.lock:
            try:
                self._fault(self._faults, unquote(path))
                if path == "system/version":
                    raise Answer(200, {"version": "1.6.0", "revision": "0", "timestamp": self.estate.now()})
                token = self._authenticated(authorization)
                raise Answer(200, self._read(path, query, token))
            except Answer as answer:
                return answer

    def cuts(self, path: str) -> bool:
        """Whether this answer is to be broken off."""
        try:
            self._fault(self._cuts, path)
        except Answer:
            return True
        return False

    @staticmethod
    def _fault(faults: list[_Fault], path: str) -> None:
        for fault in faults:
            if fault.times and fault.path.search(path):
                fault.times -= 1
                raise fault.answer

    def _authenticated(self, authorization: str) -> str:
        token = authorization.removeprefix("Bearer ")
        challenge = {"WWW-Authenticate": "om-auth"}
        if not token:
            raise Answer(401, {"code": 401, "message": "Not Authorized! Token not present"}, challenge)
        if token == self.ghost_token:
            raise Answer(404, {"code": 404, "message": "user instance for ghost not found"}, challenge)
        if token not in (self.bot_token, self.user_token, self.roleless_token):
            raise Answer(401, {"code": 401, "message": "Not Authorized! Unable to decode the token."}, challenge)
        if self._tokens_left == 0:
            raise Answer(401, {"code": 401, "message": "Expired token!"}, challenge)
        if self._tokens_left is not None:
            self._tokens_left -= 1
        return token

    def _read(self, path: str, query: dict[str, str], token: str) -> Json:
        if path == "events":
            return self._events(query)
        collection = next((name for name in COLLECTIONS if path == name or path.startswith(f"{name}/")), None)
        if collection is None:
            raise Answer(500, _UNHANDLED)
        if token == self.roleless_token:
            message = "Principal: CatalogPrincipal{name='reverse-sync-bot'} operations [ViewBasic] not allowed"
            raise Answer(403, {"code": 403, "message": message}, {"WWW-Authenticate": "om-auth"})
        fields = self._fields(query.get("fields", ""))
        if query.get("include", "all") not in _INCLUDE:
            raise Answer(400, {"code": 400, "message": f"query param include must be one of [{', '.join(_INCLUDE)}]"})
        rest = path[len(collection) + 1 :].split("/") if path != collection else []
        kind = COLLECTIONS[collection]
        match rest:
            case []:
                return self._list(kind, query, fields, token)
            case ["name", name]:
                return self._mask(
                    self._shown(self._one(kind, query, "fullyQualifiedName", unquote(name)), fields), token
                )
            case [id_] if _UUID.fullmatch(id_):
                return self._mask(self._shown(self._one(kind, query, "id", id_), fields), token)
            case [id_, "versions"] if _UUID.fullmatch(id_):
                return self._versions(kind, self._one(kind, {"include": "all"}, "id", id_))
        raise Answer(500, _UNHANDLED)

    def _fields(self, text: str) -> set[str]:
        known = {"tags", "columns", "teams", "users", "databaseSchemas", "schemaDefinition", "extension"}
        known |= {self.owner_field, self.domain_field}
        known |= {"certification"} if self.domain_field == "domains" else set()
        names = set(filter(None, text.split(",")))
        for name in sorted(names - known - {"*"}):
            raise Answer(400, {"code": 400, "message": f"Invalid field name {name}"})
        if self.owner_field in names or "*" in names:
            names.add("owners")
        return names | known if "*" in names else names

    def _one(self, kind: str, query: Mapping[str, str], key: str, value: str) -> Json:
        include = query.get("include", "non-deleted")
        for entity in self.estate.listed(kind):
            if entity[key] == value and include in ("all", "deleted" if entity["deleted"] else "non-deleted"):
                return entity
        raise Answer(
            404, {"code": 404, "message": f"{kind} instance for {value} not found"}, {"WWW-Authenticate": "om-auth"}
        )

    def _list(self, kind: str, query: Mapping[str, str], fields: set[str], token: str) -> Json:
        limit = _limit(query.get("limit", "10"))
        parents = {"database": "service", "databaseSchema": "database", "table": "databaseSchema"}
        parent = {**parents, "ingestionPipeline": "service"}.get(kind, "")
        below = query.get(parent) or (query.get("database", "") if kind == "table" else "")
        below = "" if self.ignore_parents else below
        include = query.get("include", "non-deleted")
        found = [
            entity
            for entity in self.estate.listed(kind, below)
            if include in ("all", "deleted" if entity["deleted"] else "non-deleted")
            and query.get("pipelineType", entity.get("pipelineType")) == entity.get("pipelineType")
        ]
        paging: Json = {"total": len(found)}
        if limit == 0:
            return {"data": [], "paging": paging}
        if "after" in query:
            if "before" in query:
                raise Answer(400, {"code": 400, "message": "Only one of before or after query parameter allowed"})
            after = _place(query["after"])
            found = [entity for entity in found if (entity["name"].encode(), entity["id"]) > after]
            if found:
                paging["before"] = _cursor(found[0])
        page = found[:limit]
        if len(found) > limit:
            paging["after"] = _cursor(page[-1])
        shown = [self._shown(entity, fields) for entity in page if entity["fullyQualifiedName"] not in self.hidden]
        return {"data": [self._mask(body, token) for body in shown], "paging": paging}

    def _shown(self, entity: Json, fields: set[str]) -> Json:
        body = self.estate.shown(entity, fields)
        if self.hide_pipeline_settings and "sourceConfig" in body:
            body["sourceConfig"] = {}
        if self.owner_field == "owner" and "owners" in body:
            owners = body.pop("owners")
            # Before 1.5 an entity had one owner, and nothing told an inherited one from its own.
            body |= {"owner": {k: v for k, v in owners[0].items() if k != "inherited"}} if owners else {}
        return body

    def _versions(self, kind: str, entity: Json) -> Json:
        states = [entity, *reversed(self.estate.history.get(entity["id"], []))]
        everything = {"owners", "tags", "columns"}
        texts = [json.dumps(self.estate.shown(state, everything, href=False), ensure_ascii=False) for state in states]
        return {"entityType": kind, "versions": texts}

    def _mask(self, body: Json, token: str) -> Json:
        if token == self.user_token and "email" in body:
            body["email"] = "********@masked.com"
        if token == self.user_token and "connection" in body:
            body["connection"] = _masked(body["connection"])
        return body

    def _events(self, query: Mapping[str, str]) -> Json:
        if not re.fullmatch(r"-?\d+", query.get("timestamp", "0")):
            raise Answer(500, _UNHANDLED)
        wanted: set[tuple[str, str]] = set()
        for parameter, kinds in _EVENT_TYPES.items():
            for type_ in filter(None, query.get(parameter, "").split(",")):
                if type_ not in _KNOWN_TYPES:
                    raise Answer(400, {"code": 400, "message": f"Invalid entity {type_} in query param {parameter}"})
                wanted |= {(kind, type_) for kind in kinds}
        since = int(query.get("timestamp", "0"))
        found = [
            (offset, event)
            for offset, event in enumerate(self.estate.events)
            if event["timestamp"] >= since
            and wanted & {(event["eventType"], event["entityType"]), (event["eventType"], "*")}
        ]
        if self.new_events:
            limit = int(query.get("limit", "100"))
            found = [pair for pair in found if pair[0] > int(query.get("after", "-1"))]
            page = found[:limit]
            paging = {"total": len(page)} | ({"after": str(page[-1][0])} if len(found) > limit else {})
            return {"data": [event for _, event in page], "paging": paging}
        events = sorted((event for _, event in found), key=lambda event: int(event["timestamp"]))
        without_name = [{k: v for k, v in event.items() if k != "entityFullyQualifiedName"} for event in events]
        return {"data": without_name, "paging": {"total": len(events)}}


def _limit(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise Answer(500, _UNHANDLED)
    for wrong, words in (
        (int(text) < 0, "greater than or equal to 0"),
        (int(text) > 10**6, "less than or equal to 1000000"),
    ):
        if wrong:
            raise Answer(400, {"code": 400, "message": f"[query param limit must be {words}]"})
    return int(text)


def _cursor(entity: Json) -> str:
    place = {"name": entity["name"], "id": entity["id"]}
    return base64.b64encode(json.dumps(place, ensure_ascii=False, separators=(",", ":")).encode()).decode()


def _place(cursor: str) -> tuple[bytes, str]:
    try:
        place = json.loads(base64.b64decode(cursor))
        return place["name"].encode(), place["id"]
    except ValueError:
        message = "An exception with message [Failed to process JSON ] was thrown while processing request."
        raise Answer(500, {"code": 500, "message": message}) from None


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "*********"
            if re.search(r"(?i)password|secretAccessKey|privateKey$|passphrase", key) and isinstance(inner, str)
            else _masked(inner)
            for key, inner in value.items()
        }
    return value
