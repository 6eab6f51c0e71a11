"""The catalog's JSON, read into entities: shared by the REST client and the folder of files.

Shapes: `/v1/tables`, `/v1/databaseSchemas` and `/v1/databases` of OpenMetadata 1.1 to 2.x. What a reader needs
not be there; what is there must have the right type.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.documents import Place, spell
from reverse_metadata.errors import CatalogError, FqnError
from reverse_metadata.model import Domain, Entity, EntityType, Owner, Path, Tag

_TYPE_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
}

#: The references to what is above an entity, outermost first.
_PARENTS = ("service", "database", "databaseSchema")


class MalformedEntity(CatalogError):
    """A document of the catalog does not have the shape of an entity. `path` says where, `message` what."""

    def __init__(self, path: Place, message: str) -> None:
        self.path = path
        self.message = message
        where = spell(path)
        super().__init__(f"{where}: {message}" if where else message)


def entity_from_json(data: Mapping[str, Any], *, url: str = "") -> Entity:
    """The database, schema or table of one document; the number of parts of its FQN says which of the three.

    `url` is the page of the entity in the catalog's own UI. Raises MalformedEntity.
    """
    fqn = _required_text(data, "fullyQualifiedName", ())
    try:
        service, *names = fqns.split(fqn)
    except FqnError as error:
        raise MalformedEntity(("fullyQualifiedName",), str(error)) from error
    if not 1 <= len(names) <= 3:
        count = f"{len(names) + 1} parts" if names else "1 part"
        raise MalformedEntity(
            ("fullyQualifiedName",),
            f"{fqn!r} has {count}; a database has 2, a schema 3 and a table 4"
            " (a name that contains a dot stands in double quotes)",
        )
    path = tuple(names)
    entity_id = _text(data, "id", ())
    type_ = EntityType.of(path)
    return Entity(
        fqn=fqn,
        type=type_,
        id=entity_id,
        service=service,
        path=path,
        description=_optional_text(data, "description", ()),
        owners=owners_from_json(data),
        tags=tags_from_json(data, ()),
        columns=_columns(data, "columns", (), fqn, service, path, entity_id) if type_ is EntityType.TABLE else (),
        deleted=_flag(data, "deleted", ()),
        version=str(data.get("version", "")),
        updated_by=_text(data, "updatedBy", ()),
        updated_at=_number(data, "updatedAt", ()),
        url=url,
        display_name=_text(data, "displayName", ()),
        service_type=_text(data, "serviceType", ()),
        table_type=_text(data, "tableType", ()),
        parent_names=tuple(_shown_name(data, key) for key in _PARENTS[: len(path)]),
        domains=_domains(data),
        certification=_certification(data),
        extension={} if data.get("extension") is None else _mapping(data["extension"], ("extension",)),
    )


def owners_from_json(data: Mapping[str, Any]) -> tuple[Owner, ...]:
    """The owners of a document: `owners` (a list, since 1.6) or `owner` (one reference). Raises MalformedEntity."""
    references = list(_items(data, "owners", ()))
    single = data.get("owner")
    if single is not None:
        references.append((("owner",), _mapping(single, ("owner",))))
    return tuple(
        Owner(
            id=_text(reference, "id", where),
            type=_text(reference, "type", where) or "user",
            name=_required_text(reference, "name", where),
            display_name=_text(reference, "displayName", where),
            inherited=_flag(reference, "inherited", where),
            deleted=_flag(reference, "deleted", where),
        )
        for where, reference in references
    )


def tags_from_json(data: Mapping[str, Any], where: Place) -> tuple[Tag, ...]:
    """The labels of a table or column; a plain text in place of a label is its FQN. Raises MalformedEntity."""
    tags = []
    for position, label in enumerate(_sequence(data, "tags", where)):
        here = (*where, "tags", position)
        if isinstance(label, str):
            tags.append(Tag(label))
            continue
        label = _mapping(label, here)
        tags.append(
            Tag(
                fqn=_required_text(label, "tagFQN", here),
                source=_text(label, "source", here) or "Classification",
                label_type=_text(label, "labelType", here) or "Manual",
                state=_text(label, "state", here) or "Confirmed",
            )
        )
    return tuple(tags)


def _shown_name(data: Mapping[str, Any], parent: str) -> str:
    """The display name in the reference to what is above an entity; a file need not have the reference."""
    reference = data.get(parent)
    return _text(reference, "displayName", (parent,)) if isinstance(reference, dict) else ""


def _domains(data: Mapping[str, Any]) -> tuple[Domain, ...]:
    """The domains of a document: `domains` (a list, since 1.9) or `domain` (one); a plain text is an FQN.

    The reference in an earlier version may hold an id alone, which names nothing.
    """
    references: list[tuple[Place, Any]] = [
        (("domains", place), each) for place, each in enumerate(_sequence(data, "domains", ()))
    ]
    if data.get("domain") is not None:
        references.append((("domain",), data["domain"]))
    domains = []
    for where, reference in references:
        if isinstance(reference, str):
            domains.append(Domain(_checked_fqn(reference, where)))
            continue
        reference = _mapping(reference, where)
        fqn = _text(reference, "fullyQualifiedName", where) or fqns.quote(_text(reference, "name", where))
        if fqn:
            domains.append(Domain(_checked_fqn(fqn, where), _text(reference, "displayName", where)))
    return tuple(domains)


def _checked_fqn(fqn: str, where: Place) -> str:
    try:
        return fqns.join(fqns.split(fqn))
    except FqnError as error:
        raise MalformedEntity(where, str(error)) from error


def _certification(data: Mapping[str, Any]) -> str:
    """The FQN of the tag that certifies an entity (since 1.6); a plain text is that FQN."""
    value = data.get("certification")
    if value is None or isinstance(value, str):
        return value or ""
    label = _mapping(value, ("certification",)).get("tagLabel")
    where = ("certification", "tagLabel")
    return "" if label is None else _text(_mapping(label, where), "tagFQN", where)


def _columns(
    data: Mapping[str, Any], key: str, where: Place, parent: str, service: str, path: Path, entity_id: str
) -> tuple[Entity, ...]:
    """The columns below a table or a column, nested ones inside their parent.

    Their FQNs are built from the parent's: the ones in the document are wrong after a table was renamed.
    """
    columns = []
    for here, column in _items(data, key, where):
        name = _required_text(column, "name", here)
        fqn = f"{parent}.{fqns.quote(fqns.encode(name))}"
        column_path = (*path, fqns.decode(name))
        columns.append(
            Entity(
                fqn=fqn,
                type=EntityType.COLUMN,
                id=entity_id,
                service=service,
                path=column_path,
                description=_optional_text(column, "description", here),
                tags=tags_from_json(column, here),
                columns=_columns(column, "children", here, fqn, service, column_path, entity_id),
                display_name=_text(column, "displayName", here),
            )
        )
    return tuple(columns)


def _items(data: Mapping[str, Any], key: str, where: Place) -> list[tuple[Place, Mapping[str, Any]]]:
    items = enumerate(_sequence(data, key, where))
    return [((*where, key, position), _mapping(item, (*where, key, position))) for position, item in items]


def _sequence(data: Mapping[str, Any], key: str, where: Place) -> Sequence[Any]:
    value = data.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise MalformedEntity((*where, key), _wrong(list, value))
    return value


def _mapping(value: Any, where: Place) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedEntity(where, _wrong(dict, value))
    return value


def _required_text(data: Mapping[str, Any], key: str, where: Place) -> str:
    value = _text(data, key, where)
    if not value:
        raise MalformedEntity(where, f"{key} is missing")
    return value


def _text(data: Mapping[str, Any], key: str, where: Place) -> str:
    return _optional_text(data, key, where) or ""


def _optional_text(data: Mapping[str, Any], key: str, where: Place) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        quotes = "; put it in quotes" if isinstance(value, int | float) else ""
        raise MalformedEntity((*where, key), _wrong(str, value) + quotes)
    return value


def _flag(data: Mapping[str, Any], key: str, where: Place) -> bool:
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise MalformedEntity((*where, key), _wrong(bool, value))
    return bool(value)


def _number(data: Mapping[str, Any], key: str, where: Place) -> int:
    value = data.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise MalformedEntity((*where, key), _wrong(int, value))
    return value or 0


def _wrong(expected: type, value: object) -> str:
    found = next((words for type_, words in _TYPE_NAMES.items() if type(value) is type_), "something else")
    return f"must be {_TYPE_NAMES[expected]}, not {found}"
