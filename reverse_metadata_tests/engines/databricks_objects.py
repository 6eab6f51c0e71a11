"""What stands in a metastore: catalogs, schemas, tables with their columns, and the types of these.

Types: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatypes. Fields are reached by their path; the
elements of an array by `element`, the keys and values of a map by `key` and `value`:
https://docs.databricks.com/aws/en/delta/update-schema.
"""

import re
from dataclasses import dataclass, field
from typing import Any

_WORD = re.compile(r"\s*([A-Za-z_][\w]*|`(?:[^`]|``)+`|[<>,:])")


@dataclass
class Type:
    """`struct`, `array`, `map`, or a plain one such as `int`; its parts are columns of their own."""

    name: str
    parts: list["Column"] = field(default_factory=list)

    def __str__(self) -> str:
        """As `full_data_type` has it, which shows no comments."""
        match self.name:
            case "struct":
                return f"struct<{','.join(f'{part.name}:{part.type}' for part in self.parts)}>"
            case "array" | "map":
                return f"{self.name}<{','.join(str(part.type) for part in self.parts)}>"
        return self.name

    def as_json(self) -> dict[str, Any]:
        """As DESCRIBE … AS JSON has it."""
        match self.name:
            case "struct":
                return {"name": "struct", "fields": [part.as_json() for part in self.parts]}
            case "array":
                return {"name": "array", "element_type": self.parts[0].type.as_json(), "element_nullable": True}
            case "map":
                key, value = (part.type.as_json() for part in self.parts)
                return {"name": "map", "key_type": key, "value_type": value, "value_nullable": True}
        return {"name": self.name}


@dataclass
class Column:
    """A column, or a part of one."""

    name: str
    type: Type
    comment: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As DESCRIBE … AS JSON has it: no key for a comment that is not there."""
        told = {"name": self.name, "type": self.type.as_json(), "nullable": True}
        return told if self.comment is None else {**told, "comment": self.comment}


@dataclass
class Securable:
    """A catalog, schema or table. `table_type` is the word of the information schema, "" for what is no table."""

    owner: str
    created: int
    comment: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    table_type: str = ""
    format: str = ""
    columns: list[Column] = field(default_factory=list)

    @property
    def is_view(self) -> bool:
        return "VIEW" in self.table_type

    def part(self, path: tuple[str, ...]) -> Column | None:
        """The column or field at this path; letter case does not matter."""
        parts, found = self.columns, None
        for name in path:
            found = next((part for part in parts if part.name.lower() == name.lower()), None)
            if found is None:
                return None
            parts = found.type.parts
        return found


def parse_type(text: str) -> Type:
    """The type that `struct<a:int,b:array<struct<c:string>>>` names."""
    words = [found[1] for found in _WORD.finditer(text)]

    def take(expected: str = "") -> str:
        word = words.pop(0)
        assert not expected or word == expected, (word, expected)
        return word

    def one() -> Type:
        name = take().lower()
        if name not in ("struct", "array", "map"):
            return Type(name)
        take("<")
        parts: list[Column] = []
        labels = {"array": ["element"], "map": ["key", "value"]}.get(name, [])
        while not parts or words[0] == ",":
            if parts:
                take(",")
            if labels:
                parts.append(Column(labels[len(parts)], one()))
            else:
                label = take().strip("`").replace("``", "`")
                take(":")
                parts.append(Column(label, one()))
        take(">")
        return Type(name, parts)

    parsed = one()
    assert not words, words
    return parsed
