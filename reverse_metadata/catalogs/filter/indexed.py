"""The fields of the catalog's search index, as fields of ours with the index's own rules for letter case.

Sources: OpenMetadata, `AdvancedSearch.enum.ts` for what the query builder offers and `table_index_mapping.json` for
the case rules. A field with the `lowercase_normalizer` compares in any letter case, one without to the letter, and a
text field in any case.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from reverse_metadata.catalogs.filter.facts import EXTENSION, TYPED
from reverse_metadata.catalogs.filter.typed import NUMBER_PARTS, TEXT_PARTS


class Kind(Enum):
    """What a field of the index holds: that decides what can be asked of it."""

    KEYWORD = "a name"
    TEXT = "a text"
    NUMBER = "a number"
    DATE = "a date"
    FLAG = "true or false"
    PROPERTY = "a custom property"
    TYPED_TEXT = "a text of a custom property"


@dataclass(frozen=True, slots=True)
class Indexed:
    """A field of the index: the field of ours (`facts.FIELDS`), and whether letter case does not count."""

    field: str
    any_case: bool
    kind: Kind = Kind.KEYWORD


def _reference(name: str, ours: str, shown: str) -> dict[str, Indexed]:
    """The fields of a reference to a service, database or schema."""
    return {
        f"{name}.name": Indexed(ours, False),
        f"{name}.name.keyword": Indexed(ours, True),
        f"{name}.displayName": Indexed(shown, False),
        f"{name}.displayName.keyword": Indexed(shown, True),
    }


def _owners(name: str) -> dict[str, Indexed]:
    return {
        f"{name}.name": Indexed("owner.name", True),
        f"{name}.name.keyword": Indexed("owner.name", False),
        f"{name}.displayName": Indexed("owner.display_name", False),
        f"{name}.displayName.keyword": Indexed("owner.display_name", True),
    }


def _domains(name: str) -> dict[str, Indexed]:
    return {
        f"{name}.name": Indexed("domain.name", False),
        f"{name}.name.keyword": Indexed("domain.name", False),
        f"{name}.displayName": Indexed("domain.display_name", False),
        f"{name}.displayName.keyword": Indexed("domain.display_name", True),
        f"{name}.fullyQualifiedName": Indexed("domain.fqn", False),
    }


#: `owner` and `domain` are the names of before 1.5 and 1.9.
FIELDS: dict[str, Indexed] = {
    **_reference("service", "service", "service.display_name"),
    **_reference("database", "database", "database.display_name"),
    **_reference("databaseSchema", "schema", "schema.display_name"),
    **_owners("owners"),
    **_owners("owner"),
    **_domains("domains"),
    **_domains("domain"),
    "id": Indexed("catalog.id", False),
    "id.keyword": Indexed("catalog.id", False),
    "name": Indexed("name", True, Kind.TEXT),
    "name.keyword": Indexed("name", True),
    "displayName": Indexed("display_name", True, Kind.TEXT),
    "displayName.keyword": Indexed("display_name", True),
    "displayName.actualCase": Indexed("display_name", False),
    "fullyQualifiedName": Indexed("fqn", True),
    "entityType": Indexed("catalog.entity_type", False),
    "entityType.keyword": Indexed("catalog.entity_type", True),
    "serviceType": Indexed("service_type", True),
    "tableType": Indexed("table_type", True),
    "columns.name.keyword": Indexed("columns.name", True),
    "description": Indexed("description", True, Kind.TEXT),
    "descriptionStatus": Indexed("description.status", False),
    "columnDescriptionStatus": Indexed("columns.description_status", False),
    "tags.tagFQN": Indexed("tags.without_tier", True),
    "tags.labelType": Indexed("tags.label_type", False),
    "tier.tagFQN": Indexed("tier", True),
    "tier.labelType": Indexed("tier.label_type", False),
    "classificationTags": Indexed("tags.classification", True),
    "glossaryTags": Indexed("tags.glossary", True),
    "certification.tagLabel.tagFQN": Indexed("certification", True),
    "ownerName": Indexed("owner.name", True),
    "ownerDisplayName": Indexed("owner.display_name", True),
    "updatedBy": Indexed("updated_by", True, Kind.TEXT),
    "updatedAt": Indexed("updated_at", False, Kind.DATE),
    "deleted": Indexed("deleted", False, Kind.FLAG),
}

#: Objects of the index, of which only `exists` can be asked.
_OBJECTS = {
    "service": "service",
    "database": "database",
    "databaseSchema": "schema",
    "owners": "owner.name",
    "owner": "owner.name",
    "domains": "domain.fqn",
    "domain": "domain.fqn",
    "tags": "tags.without_tier",
    "tier": "tier",
    "certification": "certification",
    "columns": "columns.name",
}
#: What follows the name of a custom property, and the part of the property that is meant.
_SUFFIXES = {
    ".displayName": "stringValue",
    ".name": "refName",
    ".fullyQualifiedName": "refFqn",
    ".start": "start",
    ".end": "end",
}


def find(name: str) -> Indexed:
    """The field of that name. Raises ValueError with the name of the nearest one."""
    if name in FIELDS:
        return FIELDS[name]
    if name.startswith(EXTENSION) and name != EXTENSION:
        return _extension(name.removeprefix(EXTENSION))
    near = get_close_matches(name, FIELDS, n=1, cutoff=0.75)
    hint = f"; did you mean {near[0]}?" if near else "; docs/filters.md lists those that can"
    raise ValueError(f"the field {name} of the catalog's search index cannot be looked at here{hint}")


def find_any(name: str) -> Indexed:
    """The field of that name, or what stands for an object of the index. Raises ValueError."""
    return Indexed(_OBJECTS[name], False) if name in _OBJECTS else find(name)


def find_typed(name: str, property_name: str) -> Indexed:
    """The part of a custom property that a field below `customPropertiesTyped` names. Raises ValueError."""
    part = name.removeprefix(TYPED)
    if part not in (*TEXT_PARTS, *NUMBER_PARTS):
        raise ValueError(f"the field {name} cannot be looked at here; {TYPED}* is one of {_PARTS}")
    return _typed(part, property_name)


def _extension(name: str) -> Indexed:
    """`extension.<property>`, which names a custom property until 2025, and a part of it after a dot."""
    name = name.removesuffix(".keyword")
    if ".rows." in name or name.endswith((".url", ".displayText")):
        return _typed("stringValue", name)
    for suffix, part in _SUFFIXES.items():
        if name.endswith(suffix) and name != suffix:
            return _typed(part, name.removesuffix(suffix))
    return Indexed(f"{EXTENSION}{name}", False, Kind.PROPERTY)


def _typed(part: str, name: str) -> Indexed:
    if part in NUMBER_PARTS:
        return Indexed(f"{TYPED}{part}.{name}", False, Kind.NUMBER)
    text = part == "textValue"
    return Indexed(f"{TYPED}{part}.{name}", text, Kind.TEXT if text else Kind.TYPED_TEXT)


_PARTS = ", ".join((*TEXT_PARTS, *NUMBER_PARTS))
