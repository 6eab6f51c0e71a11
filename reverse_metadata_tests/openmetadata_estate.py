"""An OpenMetadata estate in memory: entities, versions and events that behave as a 1.6 server's were seen to.

`OpenMetadataServer` serves it. The methods here are what people do in the web interface. Entities are named by
FQN, times are in milliseconds since 1970. What is imitated on purpose, because it surprises:

* Edits of one user within ten minutes are one version, with one accumulated `changeDescription`; taking an edit
  back returns to the earlier version and sends no event.
* An edit stores an inherited owner as the table's own.
* A hard delete's event is dated with the entity's last update; a recursive delete or restore sends one event.
* The `previousVersion` of every event is 0.1; a nested column's description loses its path in the field name.
"""

import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from reverse_metadata import fqn as fqns

Json = dict[str, Any]

_SESSION = 10 * 60 * 1000
_KINDS = {1: "databaseService", 2: "database", 3: "databaseSchema", 4: "table"}
COLLECTIONS = {
    "services/databaseServices": "databaseService",
    "services/dashboardServices": "dashboardService",
    "services/ingestionPipelines": "ingestionPipeline",
    "databases": "database",
    "databaseSchemas": "databaseSchema",
    "tables": "table",
    "users": "user",
    "teams": "team",
}
#: No event is sent of these, and their names may be those of databases.
_ASIDE = ("user", "team", "ingestionPipeline")
#: Keys that are shown only when they are asked for.
_ASKED = ("owners", "tags", "columns", "domains", "extension", "certification")
_PATHS = {kind: path for path, kind in COLLECTIONS.items()}


class Estate:
    """Entities by id. `owners` of a stored entity are its own only; inherited ones are added when it is shown."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.href = ""
        #: Stands in every ingestion pipeline, as the token of the ingestion bot does.
        self.pipeline_secret = secrets.token_hex(24)
        self.entities: dict[str, Json] = {}
        self.kinds: dict[str, str] = {}
        self.history: dict[str, list[Json]] = {}
        #: In the order in which they were stored, which is not that of their timestamps.
        self.events: list[Json] = []
        #: Display names of domains by their FQN; a domain that an entity names need not be here.
        self.domain_names: dict[str, str] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._ids: dict[tuple[str, ...], str] = {}
        self._late: list[Json] | None = None
        self._ahead = 0

    # What is in it

    def service(self, name: str, *, type: str = "Postgres", config: Mapping[str, Any] | None = None) -> str:
        """Add a database service; `config` is its connection as bots are shown it. Returns its FQN."""
        connection = {"config": {"type": type, **(config or {})}}
        return self._add("databaseService", fqns.join([name]), serviceType=type, connection=connection)

    def ingestion(self, service: str, name: str, *, type: str = "metadata", **values: Any) -> str:
        """Add an ingestion pipeline to a service (an FQN); returns the id.

        `values` are keys of `sourceConfig.config` (`overrideMetadata`), and `enabled`, `deleted`, `displayName`.
        """
        own = {key: values.pop(key) for key in ("enabled", "deleted", "displayName") if key in values}
        config = {"type": "DatabaseMetadata", "includeTables": True, "includeViews": True, "markDeletedTables": True}
        connection = {
            "type": "OpenMetadata",
            "hostPort": "http://openmetadata-server:8585/api",
            "authProvider": "openmetadata",
            "securityConfig": {"jwtToken": self.pipeline_secret},
        }
        return self._add(
            "ingestionPipeline",
            f"{service}.{fqns.quote(name)}",
            name=name,
            pipelineType=type,
            sourceConfig={"config": config | values},
            openMetadataServerConnection=connection,
            airflowConfig={"pausePipeline": False, "scheduleInterval": "0 0 * * *", "pipelineTimezone": "UTC"},
            loggerLevel="INFO",
            deployed=True,
            provider="user",
            **{"displayName": name, "enabled": True, **own},
        )

    def database(self, fqn: str, **values: Any) -> str:
        """Add a database: `description`, `owners` (names), `tags` and `domains` (FQNs), `certification` (an FQN),
        `extension` (custom properties), and keys that the server sends as they are: `displayName`.
        """
        return self._add("database", fqn, **self._values(values))

    def schema(self, fqn: str, **values: Any) -> str:
        """Add a schema; the values are those of a database."""
        return self._add("databaseSchema", fqn, **self._values(values))

    def table(self, fqn: str, columns: Sequence[str | Json] = ("id",), **values: Any) -> str:
        """Add a table: the values of a database, and `columns` (names, or `{name, description, tags, children}`)."""
        built = self._columns(fqn, columns)
        return self._add("table", fqn, columns=built, **{"tableType": "Regular", **self._values(values)})

    def user(self, name: str, *, email: str = "", display_name: str = "", bot: bool = False) -> str:
        """Add a user; returns the id."""
        values = {"email": email or f"{name}@shop.example", "displayName": display_name or name.title()}
        return self._add("user", fqns.quote(name), name=name, isBot=bot, isAdmin=False, **values)

    def team(self, name: str, *, email: str = "", display_name: str = "") -> str:
        """Add a team of type Group; returns the id."""
        values = {"email": email} if email else {}
        return self._add(
            "team", fqns.quote(name), name=name, teamType="Group", displayName=display_name or name, **values
        )

    def load(self, kind: str, body: Json) -> None:
        """Add or replace an entity by a body that a server sent with all fields."""
        stored = {
            key: value for key, value in body.items() if key not in ("href", "service", "database", "databaseSchema")
        }
        stored["owners"] = [owner for owner in body.get("owners", []) if not owner.get("inherited")]
        self._put(kind, stored)

    def id(self, fqn: str) -> str:
        """The id of a service, database, schema or table, deleted or not."""
        return str(self._named(fqn)["id"])

    # What people do

    def describe(self, fqn: str, text: str | None, *, column: str | None = None, user: str = "ada") -> None:
        """Set a description, or remove it with None. `column` is the path below the table: `addr.geo.lat`."""

        def edit(entity: Json) -> None:
            target = entity if column is None else self._column(entity, column)
            target.pop("description", None)
            if text is not None:
                target["description"] = text

        self._patch(fqn, edit, user)

    def own(self, fqn: str, owners: Sequence[str], *, user: str = "ada") -> None:
        """Replace the owners (names of users or of one team)."""
        self._patch(fqn, lambda entity: entity.update(owners=self._owners(owners)), user)

    def tag(self, fqn: str, tags: Sequence[str], *, column: str | None = None, user: str = "ada") -> None:
        """Replace the classification tags (FQNs)."""

        def edit(entity: Json) -> None:
            (entity if column is None else self._column(entity, column))["tags"] = _labels(tags)

        self._patch(fqn, edit, user)

    def delete(self, fqn: str, *, hard: bool = False, user: str = "ada") -> None:
        """Delete an entity and everything below it; only the entity itself sends an event."""
        with self.lock:
            entity = self._named(fqn)
            if hard:
                at = entity["updatedAt"]
                self._send("entityDeleted", entity, user, at)
                for child in (entity, *self._below(fqn)):
                    del self.entities[child["id"]]
                    del self._ids[self._names[child["id"]]]
            else:
                self._mark(entity, True, user, "entitySoftDeleted")

    def restore(self, fqn: str, *, user: str = "ada") -> None:
        """Take back a soft delete, children included; only the entity itself sends an event."""
        with self.lock:
            self._mark(self._named(fqn), False, user, "entityRestored")

    def forget_user(self, name: str, *, hard: bool = False) -> None:
        """Delete a user: soft deleted owners stay with `deleted: true`, hard deleted ones vanish without an event."""
        user = next(e for e in self.entities.values() if self.kinds[e["id"]] == "user" and e["name"] == name)
        if hard:
            del self.entities[user["id"]]
        else:
            user["deleted"] = True

    def forward(self, seconds: float) -> None:
        """Move the estate's clock."""
        self._ahead += int(seconds * 1000)

    def now(self) -> int:
        """The estate's clock."""
        return time.time_ns() // 1_000_000 + self._ahead

    @contextmanager
    def late_events(self) -> Iterator[list[Json]]:
        """Withhold the events of the block, as a slow transaction does, until `store` is called with them."""
        self._late = []
        try:
            yield self._late
        finally:
            self._late = None

    def store(self, late: list[Json]) -> None:
        """Store events that were withheld; their timestamps stay."""
        self.events.extend(late)

    # How it is shown

    def listed(self, kind: str, below: str = "") -> list[Json]:
        """The entities of a kind, below an FQN when one is given, in the order of the server's lists."""
        prefix = fqns.split(below) if below else ()
        chosen = [
            entity
            for id_, entity in self.entities.items()
            if self.kinds[id_] == kind and self._names[id_][: len(prefix)] == prefix
        ]
        return sorted(chosen, key=lambda entity: (entity["name"].encode(), entity["id"]))

    def shown(self, entity: Json, fields: set[str], *, href: bool = True) -> Json:
        """The entity as a read with these fields gives it."""
        kind = self.kinds[entity["id"]]
        body = {key: deepcopy(value) for key, value in entity.items() if key not in _ASKED}
        if href:
            body["href"] = self._href(kind, entity["id"])
        if "columns" in entity:
            body["columns"] = deepcopy(entity["columns"])
            if not fields >= {"columns", "tags"}:
                _strip_tags(body["columns"])
        if "owners" in fields and kind not in ("user", "team"):
            body["owners"] = self._shown_owners(entity)
        if "tags" in fields and kind not in ("user", "team"):
            body["tags"] = deepcopy(entity.get("tags", []))
        if "certification" in entity and fields & {"tags", "certification"}:
            body["certification"] = {
                "tagLabel": _labels([entity["certification"]])[0],
                "appliedDate": 1,
                "expiryDate": 2,
            }
        if "extension" in entity and "extension" in fields:
            body["extension"] = deepcopy(entity["extension"])
        domains = self._shown_domains(entity) if fields & {"domain", "domains"} else []
        if "domains" in fields:
            body["domains"] = domains
        elif domains:
            body["domain"] = domains[0]
        return body | self._parents(entity, kind, href)

    # How it changes

    def _patch(self, fqn: str, edit: Any, user: str) -> None:
        with self.lock:
            entity = self._named(fqn)
            before, draft = deepcopy(entity), deepcopy(entity)
            edit(draft)
            if _difference(before, draft) and draft.get("owners") == before.get("owners") == []:
                # The server writes back what it read, so that an inherited owner becomes the entity's own.
                draft["owners"] = [{k: v for k, v in o.items() if k != "inherited"} for o in self._shown_owners(entity)]
            now = self.now()
            session = (
                entity["updatedBy"] == user
                and now - entity["updatedAt"] < _SESSION
                and bool(self.history.get(entity["id"]))
            )
            if not session and not _difference(before, draft):
                return
            if not session:
                self.history.setdefault(entity["id"], []).append(before)
                draft["version"] = _next(before["version"])
            base = self.history[entity["id"]][-1]
            difference = _difference(base, draft)
            if not difference:
                self.entities[entity["id"]] = self.history[entity["id"]].pop()
                return
            draft |= {"updatedAt": now, "updatedBy": user}
            draft["changeDescription"] = difference | {"previousVersion": base["version"]}
            self.entities[entity["id"]] = draft
            self._send("entityUpdated", draft, user, now)

    def _mark(self, entity: Json, deleted: bool, user: str, kind: str) -> None:
        now = self.now()
        for each in (entity, *self._below(entity["fullyQualifiedName"])):
            if each["deleted"] == deleted:
                continue
            before = deepcopy(each)
            self.history.setdefault(each["id"], []).append(before)
            each |= {"deleted": deleted, "version": _next(before["version"]), "updatedAt": now, "updatedBy": user}
            each["changeDescription"] = _difference(before, each) | {"previousVersion": before["version"]}
        self._send(kind, entity, user, now)

    def _send(self, kind: str, entity: Json, user: str, at: int) -> None:
        whole = self.shown(entity, {"owners", "tags", "columns"}, href=False)
        event = {
            "id": str(uuid.uuid4()),
            "eventType": kind,
            "entityType": self.kinds[entity["id"]],
            "entityId": entity["id"],
            "entityFullyQualifiedName": entity["fullyQualifiedName"],
            "previousVersion": 0.1,
            "currentVersion": entity["version"],
            "userName": user,
            "timestamp": at,
            "entity": json.dumps(whole, ensure_ascii=False, separators=(",", ":")),
        }
        if "changeDescription" in entity:
            event["changeDescription"] = deepcopy(entity["changeDescription"])
        (self.events if self._late is None else self._late).append(event)

    def _add(self, kind: str, fqn: str, **values: Any) -> str:
        with self.lock:
            name = values.pop("name", None) or fqns.encode(fqns.split(fqn)[-1])
            entity = {
                "id": str(uuid.uuid4()),
                "name": name,
                "fullyQualifiedName": fqn,
                "version": 0.1,
                "updatedAt": self.now(),
                "updatedBy": "admin",
                "deleted": False,
                **values,
            }
            self._put(kind, entity)
            if kind in _ASIDE:
                return str(entity["id"])
            self._send("entityCreated", entity, "admin", entity["updatedAt"])
            return fqn

    def _put(self, kind: str, entity: Json) -> None:
        names = fqns.split(entity["fullyQualifiedName"])
        self.entities[entity["id"]] = entity
        self.kinds[entity["id"]] = kind
        self._names[entity["id"]] = names
        if kind not in _ASIDE:
            self._ids[names] = entity["id"]

    def _values(self, values: Mapping[str, Any]) -> Json:
        values = {key: value for key, value in values.items() if value is not None}
        return {**values, "owners": self._owners(values.get("owners", ())), "tags": _labels(values.get("tags", ()))}

    def _columns(self, parent: str, columns: Sequence[str | Json]) -> list[Json]:
        built = []
        for column in columns:
            given: Json = {"name": column} if isinstance(column, str) else dict(column)
            fqn = f"{parent}.{fqns.quote(given['name'])}"
            children = given.pop("children", None)
            built.append({"dataType": "INT", "dataTypeDisplay": "int", **given, "fullyQualifiedName": fqn})
            built[-1]["tags"] = _labels(given.get("tags", ()))
            if children:
                built[-1] |= {"dataType": "STRUCT", "children": self._columns(fqn, children)}
        return built

    def _column(self, table: Json, path: str) -> Json:
        column, below = table, table["columns"]
        for name in fqns.split(path):
            column = next(each for each in below if each["name"] == fqns.encode(name))
            below = column.get("children", [])
        return column

    def _owners(self, names: Sequence[str]) -> list[Json]:
        people = [e for e in self.entities.values() if self.kinds[e["id"]] in ("user", "team")]
        found = [person for name in names for person in people if person["name"] == name]
        if len(found) != len(names):
            raise LookupError(f"no user or team for some of {list(names)}")
        return [self._reference(person) for person in sorted(found, key=lambda person: str(person["name"]))]

    def _shown_owners(self, entity: Json) -> list[Json]:
        own = [self._reference(self.entities[o["id"]]) for o in entity.get("owners", []) if o["id"] in self.entities]
        names = self._names[entity["id"]]
        if own or not 3 <= len(names) <= 4:
            return own
        parent = self._find(names[:-1])
        return [{**owner, "inherited": True} for owner in self._shown_owners(parent)] if parent else []

    def _shown_domains(self, entity: Json) -> list[Json]:
        """The entity's own, else those of what is above it."""
        names = self._names[entity["id"]]
        if entity.get("domains"):
            return [self._domain(fqn) for fqn in entity["domains"]]
        parent = self._find(names[:-1]) if 2 < len(names) <= 4 else None
        return [{**domain, "inherited": True} for domain in self._shown_domains(parent)] if parent else []

    def _domain(self, fqn: str) -> Json:
        name = fqns.split(fqn)[-1]
        id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, fqn))
        return {
            "id": id_,
            "type": "domain",
            "name": name,
            "fullyQualifiedName": fqn,
            "description": name,
            "displayName": self.domain_names.get(fqn, name),
            "href": f"{self.href}/api/v1/domains/{id_}",
        }

    def _parents(self, entity: Json, kind: str, href: bool) -> Json:
        if kind in ("databaseService", "user", "team"):
            return {}
        names = self._names[entity["id"]]
        parents: Json = {}
        for length in range(1, len(names)):
            parent = self._find(names[:length])
            if parent is not None:
                key = "service" if length == 1 else _KINDS[length]
                parents[key] = self._reference(parent, href)
                if kind != "ingestionPipeline":
                    parents.setdefault("serviceType", parent.get("serviceType"))
        return parents

    def _reference(self, entity: Json, href: bool = True) -> Json:
        kind = self.kinds[entity["id"]]
        reference = {"id": entity["id"], "type": kind, "deleted": entity["deleted"]}
        reference |= {key: entity[key] for key in ("name", "fullyQualifiedName", "description") if key in entity}
        reference["displayName"] = entity.get("displayName", entity["name"])
        return reference | ({"href": self._href(kind, entity["id"])} if href else {})

    def _href(self, kind: str, id_: str) -> str:
        return f"{self.href}/api/v1/{_PATHS[kind]}/{id_}"

    def _named(self, fqn: str) -> Json:
        entity = self._find(fqns.split(fqn))
        if entity is None:
            raise LookupError(f"{fqn} is not in the estate")
        return entity

    def _find(self, names: Sequence[str]) -> Json | None:
        return self.entities.get(self._ids.get(tuple(names), ""))

    def _below(self, fqn: str) -> list[Json]:
        names = fqns.split(fqn)
        return [entity for length in range(len(names) + 1, 5) for entity in self.listed(_KINDS[length], fqn)]


def _next(version: float) -> float:
    return round(version + 0.1, 1)


def _labels(tags: Sequence[str]) -> list[Json]:
    names = {tag: fqns.split(tag)[-1] for tag in tags}
    common = {"source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    return [{"tagFQN": tag, "name": name, "description": name, **common} for tag, name in sorted(names.items())]


def _strip_tags(columns: list[Json]) -> None:
    for column in columns:
        column.pop("tags", None)
        _strip_tags(column.get("children", []))


def _difference(old: Json, new: Json) -> Json:
    """The change description between two states; empty when they are equal."""
    added: list[Json] = []
    updated: list[Json] = []
    deleted: list[Json] = []

    def text(name: str, before: Any, after: Any) -> None:
        if before == after:
            return
        if before is None:
            added.append({"name": name, "newValue": after})
        elif after is None:
            deleted.append({"name": name, "oldValue": before})
        else:
            updated.append({"name": name, "oldValue": before, "newValue": after})

    def items(name: str, before: list[Json], after: list[Json], key: str) -> None:
        came = [each for each in after if each[key] not in {b[key] for b in before}]
        went = [each for each in before if each[key] not in {a[key] for a in after}]
        if came:
            added.append({"name": name, "newValue": json.dumps(came)})
        if went:
            deleted.append({"name": name, "oldValue": json.dumps(went)})

    def columns(before: list[Json], after: list[Json], path: str) -> None:
        for one, other in zip(before, after, strict=True):
            name = one["name"]
            text(f"columns.{fqns.quote(name)}.description", one.get("description"), other.get("description"))
            items(f"columns.{path}{name}.tags", one.get("tags", []), other.get("tags", []), "tagFQN")
            columns(one.get("children", []), other.get("children", []), f"{path}{name}.")

    text("description", old.get("description"), new.get("description"))
    text("deleted", old["deleted"], new["deleted"])
    items("owners", old.get("owners", []), new.get("owners", []), "id")
    items("tags", old.get("tags", []), new.get("tags", []), "tagFQN")
    columns(old.get("columns", []), new.get("columns", []), "")
    if not (added or updated or deleted):
        return {}
    return {"fieldsAdded": added, "fieldsUpdated": updated, "fieldsDeleted": deleted}


def fill_with_a_shop(estate: Estate) -> None:
    """A small shop: one service, a database, two schemas, two tables, two people."""
    estate.user("ada", display_name="Ada L")
    estate.user("grace")
    estate.team("finance", email="finance@shop.example")
    estate.service("shop_pg", config={"username": "reader", "hostPort": "db:5432", "database": "shop"})
    estate.database("shop_pg.shop", description="The shop")
    estate.schema("shop_pg.shop.public", description="What customers buy", owners=["finance"])
    estate.schema("shop_pg.shop.empty")
    lat = {"name": "lat", "description": "Latitude"}
    address = {"name": "addr", "children": [{"name": "geo", "children": [lat, "lon"]}]}
    estate.table(
        "shop_pg.shop.public.orders",
        ["id", {"name": "email", "description": "E-mail", "tags": ["PII.Sensitive"]}, address],
        description="One row an order",
        owners=["ada"],
        tags=["Tier.Tier1"],
    )
    estate.table("shop_pg.shop.public.items", [{"name": "sku", "description": ""}])
