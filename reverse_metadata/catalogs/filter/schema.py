"""A filter as a JSON schema, for editors: the short form in full, the pasted ones by how they begin."""

from typing import Any

from reverse_metadata.catalogs.filter.facts import FIELDS

_CLAUSE = {"$ref": "#/$defs/Clause"}
_CLAUSES = {"type": "array", "items": _CLAUSE, "minItems": 1}
_VALUE = {"type": ["string", "number", "boolean"]}
_LIMIT = {"type": ["string", "number"]}


def _one_or_more(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


_TEXTS = _one_or_more({"type": "string", "minLength": 1})
_REGEX = {"type": "object", "required": ["regex"], "additionalProperties": False, "properties": {"regex": _TEXTS}}
_PATTERNS = _one_or_more({"anyOf": [_VALUE, _REGEX]})
_DETAILS = {
    "type": "object",
    "description": "All that is said here must hold.",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "include": {**_PATTERNS, "description": "Globs, or `{regex: ...}`, of which one must match."},
        "exclude": {**_PATTERNS, "description": "Globs, or `{regex: ...}`, of which none may match."},
        "glob": {**_TEXTS, "description": "One of the globs matches the whole value."},
        "equals": {**_one_or_more(_VALUE), "description": "The value is one of these, to the letter."},
        "regex": {**_TEXTS, "description": "One of the regular expressions matches the whole value."},
        "contains": {**_TEXTS, "description": "One of the texts is in the value."},
        "words": {**_TEXTS, "description": "All words of one of the texts are in the value."},
        "exists": {"type": "boolean", "description": "Whether there is a value at all."},
        "greater": {**_LIMIT, "description": "A number, or a date such as 2026-01-31."},
        "at_least": _LIMIT,
        "less": _LIMIT,
        "at_most": _LIMIT,
        "between": {"type": "array", "items": _LIMIT, "minItems": 2, "maxItems": 2, "description": "Both included."},
        "any_case": {"type": "boolean", "description": "Whether letter case does not count."},
    },
}


def _field(help: str) -> dict[str, Any]:
    return {"description": help, "anyOf": [*_PATTERNS["anyOf"], _DETAILS]}


#: The schema of a clause; it refers to itself as `#/$defs/Clause`.
CLAUSE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A clause of a filter. Several keys must all hold.",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "all": {**_CLAUSES, "description": "Every clause must hold."},
        "any": {**_CLAUSES, "description": "One of the clauses must hold."},
        "not": {**_CLAUSE, "description": "The clause must not hold."},
        **{name: _field(field.help) for name, field in FIELDS.items()},
    },
    "patternProperties": {
        r"^(extension|customPropertiesTyped\.[a-zA-Z]+)\..": _field("A custom property of the entity.")
    },
}

#: The schema of a whole filter.
FILTER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _CLAUSE,
        {"type": "string", "pattern": r"^\s*\{", "description": "The query builder's JSON, pasted as text."},
        {"type": "object", "required": ["query"], "description": "The query that the catalog's query builder saves."},
        {"type": "object", "required": ["bool"], "description": "The same without its outermost key."},
        {"type": "object", "required": ["type", "children1"], "description": "The tree of the query builder."},
    ]
}
