"""A folder of entity files as the catalog: for demos, air-gapped sites and metadata kept in Git.

Any `.json`, `.yaml` or `.yml` file at any depth holds one entity, a list of them, or `{"data": [...]}` as the API
returns it. A table needs no more than

    fullyQualifiedName: shop_pg.shop.sales.orders
    description: One row per order
    columns: [{name: id, description: Number of the order}]
    owners: [{type: user, name: ada}]

Two parts of the FQN are a database, three a schema, four a table; one part is a service (`serviceType`), a team
(`teamType`) or a user. Databases and schemas need no file of their own. Hidden files are left out.
"""

import base64
import hashlib
import json
import os
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Event, EventBatch, Person, Service
from reverse_metadata.catalogs.entities import MalformedEntity, entity_from_json
from reverse_metadata.catalogs.openmetadata.services import with_connection
from reverse_metadata.documents import Document, DocumentError, Place, parse_yaml, read_json, read_yaml, spell
from reverse_metadata.errors import CatalogError, FqnError
from reverse_metadata.model import Entity, EntityType, Owner, Partition

_SUFFIXES = (".json", ".yaml", ".yml")
#: So many broken files are named in one message.
_MOST_MISTAKES = 20
#: The keys by which services, teams and users are told apart from databases, schemas and tables.
_ONE_PART = frozenset({"serviceType", "teamType", "email", "isBot", "type"})
#: Ids of entities whose file holds none: the same FQN has the same id for ever.
_NAMESPACE = uuid.UUID("0a4b5c0e-6d0f-5f3e-9a51-6c1d0b6f7a11")


@dataclass(frozen=True, slots=True)
class _Record:
    """One document of a file: an entity, a service or a person. `digest` stands for its content."""

    file: str
    kind: str
    name: str
    data: Mapping[str, Any]
    entity: Entity | None
    digest: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read last. `stamp` changes when somebody saves it."""

    stamp: tuple[int, ...]
    records: tuple[_Record, ...]


@dataclass(frozen=True, slots=True)
class _Content:
    """Everything in the folder, by FQN or name. Databases and schemas that only tables imply are in `entities` too."""

    entities: Mapping[str, Entity]
    tables: Mapping[str, tuple[Entity, ...]]
    services: Mapping[str, Mapping[str, Any]]
    people: Mapping[tuple[str, str], Mapping[str, Any]]
    digests: Mapping[str, str]


class FolderCatalog:
    """Reads a folder; a file is parsed again only after it was saved. Not to be shared between threads."""

    has_history = False

    def __init__(self, path: Path, *, name: str = "", service_types: Mapping[str, str] | None = None) -> None:
        """`name` identifies the catalog in the ledger, by default its absolute path. `service_types` are the types of
        services that have no file. Nothing is read yet.
        """
        self._path = path
        self._name = name
        self._service_types = service_types or {}
        self._files: dict[str, _File] = {}
        self._content: _Content | None = None

    @property
    def name(self) -> str:
        """The name given, else the absolute path."""
        return self._name or str(self._path.resolve())

    def services(self) -> list[Service]:
        """The services that have a file, and those that an entity belongs to; sorted by name."""
        content = self._read()
        names = {entity.service for entity in content.entities.values()} | set(content.services)
        return [self._service(name, content) for name in sorted(names)]

    def service(self, name: str) -> Service | None:
        """One service, with the connection in its file; None when the folder does not know it."""
        content = self._read()
        if name in content.services and "connection" in content.services[name]:
            return with_connection({**content.services[name], "serviceType": self._service(name, content).service_type})
        return next((service for service in self.services() if service.name == name), None)

    def partitions(self, service: str) -> Iterator[Partition]:
        """The databases and schemas that are not deleted, also those that only a table implies, sorted by key."""
        content = self._read()
        found = [
            Partition.holding(service, entity.path)
            for entity in content.entities.values()
            if entity.service == service
            and entity.type is not EntityType.TABLE
            and not _is_gone(entity, content.entities)
        ]
        yield from sorted(found, key=lambda partition: partition.key)

    def entity(self, fqn: str) -> Entity | None:
        """The entity of that FQN. A database or schema without a file exists, and has no description, while a table
        is in it.
        """
        try:
            return self._read().entities.get(fqns.join(fqns.split(fqn)))
        except FqnError as error:
            raise CatalogError(f"{self.name}: {error}") from error

    def tables(self, partition: Partition) -> Iterator[Entity]:
        """The tables of a schema that are not deleted, sorted by FQN; a database has none."""
        yield from self._read().tables.get(partition.key, ())

    def close(self) -> None:
        """Forget what was read."""
        self._files.clear()

    def versions(self, entity: Entity) -> Iterator[Entity]:
        """Nothing: files have no history here."""
        yield from ()

    def person(self, owner: Owner) -> Person | None:
        """The user or team of the folder, as of the last look at an entity, else what the reference itself says.

        A team without a type is a Group, as in OpenMetadata. None for a deleted one.
        """
        content = self._content or self._read()
        data = content.people.get((owner.type, owner.name), {})
        if owner.deleted or data.get("deleted") is True:
            return None
        return Person(
            id=owner.id or str(data.get("id", "")),
            type=owner.type,
            name=owner.name,
            email=str(data.get("email", "")),
            display_name=owner.display_name or str(data.get("displayName", "")),
            team_type=str(data.get("teamType", "Group")) if owner.type == "team" else "",
        )

    def overriding(self, service: str = "") -> dict[str, list[str]]:
        """Nothing: a folder ingests no service."""
        return {}

    def events(self, cursor: str) -> EventBatch:
        """The entities whose content differs from what the cursor remembers.

        The cursor is the packed digest of every entity: about 30 bytes each.
        """
        now = time.time_ns()
        seen = self._read().digests
        packed = _pack(seen)
        if not cursor:
            return EventBatch((), packed, f"{self.name} is looked at for the first time")
        known = _unpack(cursor)
        if known is None:
            return EventBatch((), packed, f"{self.name}: what was seen last cannot be read any more")
        changed = [fqn for fqn in sorted(seen.keys() | known.keys()) if seen.get(fqn) != known.get(fqn)]
        return EventBatch(tuple(_event(fqn, known.get(fqn), seen.get(fqn), now) for fqn in changed), packed)

    def _service(self, name: str, content: _Content) -> Service:
        written = content.services.get(name, {}).get("serviceType")
        return Service(name, str(written or self._service_types.get(name, "")))

    def _read(self) -> _Content:
        """What stands in the folder now. Raises CatalogError with every file that is wrong, up to 20."""
        files: dict[str, _File] = {}
        mistakes: list[str] = []
        for file, stamp in self._walk():
            known = self._files.get(file)
            try:
                files[file] = (
                    known if known and known.stamp == stamp else _File(stamp, tuple(_records(Path(file), stamp)))
                )
            except (DocumentError, CatalogError) as error:
                mistakes.append(str(error))
        if mistakes:
            raise CatalogError(_told(mistakes))
        if self._content is None or files != self._files:
            records = (record for file in files.values() for record in file.records)
            self._content = _gather(records, self._service_types)
            self._files = files
        return self._content

    def _walk(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every file to read, in a fixed order, with what changes when it is saved."""

        def refuse(error: OSError) -> None:
            raise CatalogError(f"the catalog folder {self._path} cannot be read: {error.strerror}") from error

        for directory, folders, names in os.walk(self._path, onerror=refuse):
            folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
            for name in sorted(names):
                if name.startswith(".") or not name.endswith(_SUFFIXES):
                    continue
                file = os.path.join(directory, name)
                try:
                    status = os.stat(file)
                except FileNotFoundError:  # Saved by replacing it, or removed, since the directory was listed.
                    continue
                yield file, (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def _told(mistakes: list[str]) -> str:
    more = len(mistakes) - _MOST_MISTAKES
    return "\n".join([*mistakes[:_MOST_MISTAKES], *([f"and {more} more files"] if more > 0 else [])])


def _records(file: Path, stamp: tuple[int, ...]) -> Iterator[_Record]:
    """The documents of one file. Raises DocumentError, or CatalogError with file, line and key."""
    document = read_json(file) if file.suffix == ".json" else read_yaml(file)
    for duplicate in document.duplicates:
        raise CatalogError(
            f"{document.label}:{duplicate.line}: {spell(duplicate.place)}: this key stands twice, first in line"
            f" {duplicate.first_line}; remove one of them"
        )
    for place, data in _documents(document):
        try:
            yield _record(file, stamp, data)
        except MalformedEntity as error:
            raise CatalogError(_located(document, (*place, *error.path), error.message)) from error


def _documents(document: Document) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    value: Any = document.value
    place: Place = ()
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value, place = value["data"], ("data",)
    items = [(place, value)] if not isinstance(value, list) else [((*place, i), item) for i, item in enumerate(value)]
    for where, item in items:
        if not isinstance(item, dict):
            raise CatalogError(_located(document, where, "must be an entity: a mapping with a fullyQualifiedName"))
        yield where, item


def _record(file: Path, stamp: tuple[int, ...], data: Mapping[str, Any]) -> _Record:
    parts = _names(data)
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:10]
    record = partial(_Record, str(file), data=data)
    if len(parts) == 1:
        return record(kind=_kind_of_one(data), name=parts[0], entity=None, digest=digest)
    fqn = fqns.join(parts)
    saved = stamp[0] // 1_000_000
    defaults = {"id": str(uuid.uuid5(_NAMESPACE, fqn)), "updatedAt": saved}
    entity = entity_from_json({**defaults, **data, "fullyQualifiedName": fqn}, url=file.resolve().as_uri())
    if entity.type is not EntityType.TABLE:
        # The second half tells a change that reaches everything below: an owner, or the deletion.
        below = repr((entity.deleted, entity.owners)).encode()
        digest += hashlib.sha256(below).hexdigest()[:10]
    return record(kind=entity.type.value, name=fqn, entity=entity, digest=digest)


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of the FQN; services and people may have a name alone."""
    fqn, name = data.get("fullyQualifiedName"), data.get("name")
    if fqn is None and isinstance(name, str) and name and _ONE_PART & data.keys():
        return (name,)
    if not isinstance(fqn, str):
        raise MalformedEntity((), "fullyQualifiedName is missing; write for example shop_pg.shop.sales.orders")
    try:
        return fqns.split(fqn)
    except FqnError as error:
        raise MalformedEntity(("fullyQualifiedName",), str(error)) from error


def _kind_of_one(data: Mapping[str, Any]) -> str:
    """What a document with a single name is: "service", "team" or "user"."""
    if "serviceType" in data:
        return "service"
    if "teamType" in data or data.get("type") == "team":
        return "team"
    if _ONE_PART & data.keys():
        return "user"
    raise MalformedEntity(
        ("fullyQualifiedName",),
        "has 1 part; a database has 2, a schema 3 and a table 4; a service has a serviceType, a team a teamType and"
        " a user an email",
    )


def _located(document: Document, place: Place, message: str) -> str:
    """The message with the file, the line and the key. A JSON file is read once more, as YAML, to find the line."""
    if not document.lines:
        try:
            document = parse_yaml(Path(document.label).read_text("utf-8-sig"), document.label)
        except (DocumentError, OSError, UnicodeDecodeError):
            return f"{document.label}: {spell(place)}: {message}"
    where = spell(place)
    return f"{document.label}:{document.line(place)}: {f'{where}: ' if where else ''}{message}"


def _gather(records: Iterator[_Record], service_types: Mapping[str, str]) -> _Content:
    """All documents by name, with the databases and schemas that tables imply. Raises CatalogError for a name that
    two files have.
    """
    found: dict[tuple[str, str], _Record] = {}
    for record in records:
        kind = record.kind if record.entity is None else "entity"
        other = found.setdefault((kind, record.name), record)
        if other is not record:
            where = f"{other.file} and {record.file}" if other.file != record.file else f"twice in {record.file}"
            raise CatalogError(f"{record.name} stands in {where}; keep one of them")
    entities = {record.name: record.entity for record in found.values() if record.entity is not None}
    for entity in list(entities.values()):
        if not entity.deleted:
            for length in range(1, len(entity.path)):
                implied = _implied(entity.service, entity.path[:length])
                entities.setdefault(implied.fqn, implied)
    services = {name: record.data for (kind, name), record in found.items() if kind == "service"}
    people = {key: record.data for key, record in found.items() if key[0] in ("user", "team")}
    entities = {fqn: _completed(each, entities, services, people, service_types) for fqn, each in entities.items()}
    tables: dict[str, list[Entity]] = {}
    for _, entity in sorted(entities.items()):
        if entity.type is EntityType.TABLE and not _is_gone(entity, entities):
            tables.setdefault(Partition.holding(entity.service, entity.path).key, []).append(entity)
    return _Content(
        entities=entities,
        tables={key: tuple(items) for key, items in tables.items()},
        services=services,
        people=people,
        digests={record.name: record.digest for record in found.values() if record.entity is not None},
    )


def _implied(service: str, path: tuple[str, ...]) -> Entity:
    fqn = fqns.join((service, *path))
    return Entity(fqn, EntityType.of(path), str(uuid.uuid5(_NAMESPACE, fqn)), service, path)


def _completed(
    entity: Entity,
    entities: Mapping[str, Entity],
    services: Mapping[str, Mapping[str, Any]],
    people: Mapping[tuple[str, str], Mapping[str, Any]],
    service_types: Mapping[str, str],
) -> Entity:
    """The entity with what filters ask and other files say: the service's type, the display names of what is above it
    and of its owners. What its own file says comes first."""
    service = services.get(entity.service, {})
    above = [entities.get(fqns.join((entity.service, *entity.path[:length]))) for length in range(1, len(entity.path))]
    shown = (str(service.get("displayName", "")), *("" if each is None else each.display_name for each in above))
    own = entity.parent_names or ("",) * len(shown)
    return replace(
        entity,
        service_type=entity.service_type or str(service.get("serviceType") or service_types.get(entity.service, "")),
        parent_names=tuple(name or other for name, other in zip(own, shown, strict=True)),
        owners=tuple(
            replace(owner, display_name=owner.display_name or str(person.get("displayName", "")))
            for owner in entity.owners
            for person in [people.get((owner.type, owner.name), {})]
        ),
    )


def _is_gone(entity: Entity, entities: Mapping[str, Entity]) -> bool:
    """Whether the entity or one that holds it is deleted."""
    above = (fqns.join((entity.service, *entity.path[:length])) for length in range(1, len(entity.path)))
    return entity.deleted or any(entities[fqn].deleted for fqn in above if fqn in entities)


def _event(fqn: str, before: str | None, after: str | None, now: int) -> Event:
    """The hint that an entity changed; the time is in its id, since a change may be made, taken back and made again."""
    kind = "entityDeleted" if after is None else "entityCreated" if before is None else "entityUpdated"
    whole = len(fqns.split(fqn)) < 4 and (before or "")[10:] != (after or "")[10:]
    event_id = hashlib.sha256(f"{fqn} {before} {after} {now}".encode()).hexdigest()[:32]
    return Event(event_id, fqn, now // 1_000_000, kind=kind, whole=whole)


def _pack(digests: Mapping[str, str]) -> str:
    text = json.dumps(dict(sorted(digests.items())), separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpack(cursor: str) -> dict[str, str] | None:
    try:
        known = json.loads(zlib.decompress(base64.b64decode(cursor, validate=True)))
    except (ValueError, zlib.error):
        return None
    return known if isinstance(known, dict) else None
