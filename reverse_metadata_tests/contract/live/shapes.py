"""What is said of each system: how an administrator makes what the contract needs, and looks at what is stored.

Statements have holes. `{at}` is the whole quoted name of what a statement is about, `{database}`, `{schema}`, `{table}`
and `{column}` are its parts; each of them is also there as a literal: `{at_text}`, `{table_text}`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reverse_metadata.model import Aspect, EntityType, Path
from reverse_metadata_tests.contract.peer import Peer

_LEVELS = ("database", "schema", "table", "column")


@dataclass(frozen=True)
class Answer:
    """Where a value stands: the last of the statements gives it, in one of the columns of its rows.

    `rows` are what the first column of the right row may say; none where there is one row at most.
    """

    statements: tuple[str, ...]
    column: int = 0
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Second:
    """A login that may read the tables of one schema and write those of the other.

    `who` asks a login for its name as GRANT takes it: the hole `{who}`, and `{writer}` for the administrator. `prepare`
    comes before the schemas and `admit` after them; there `{at}` is the first and `{elsewhere}` the other. `table` and
    `table_elsewhere` follow each table, and `dismiss` is the end, when the schemas are gone. With `revokes` what a
    scenario granted is taken back then. `{team}` and `{other}` are names for roles.
    """

    who: str = ""
    admit: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    table_elsewhere: tuple[str, ...] = ()
    dismiss: tuple[str, ...] = ()
    revokes: bool = False


@dataclass(frozen=True, kw_only=True)
class LiveSystem:
    """How one system is administered.

    `kinds` are the name and kind of tables, and what creates them; `{orders}` and `{id}` are the first table and its
    column there. `tags` is where a tag stands: `{key}`, and `{created}` where it is created first. `options` take
    the place of those of the service, with the holes of the first schema.
    """

    quoted: Callable[[str], str]
    literal: Callable[[str], str]
    create_schema: tuple[str, ...]
    drop_schema: tuple[str, ...]
    column_type: str
    kinds: tuple[tuple[str, str, str], ...]
    comments: Mapping[EntityType, Answer]
    #: Takes the description of the database away, where one can have any.
    undescribe_database: str = ""
    tags: Mapping[EntityType, Answer] = field(default_factory=dict)
    #: Whether only some releases have tags: then a connector that refuses them is right.
    tags_by_release: bool = False
    create_tag: str = ""
    #: Takes a tag of the database away, where it does not go with a schema.
    untag_database: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    second: Second | None = None
    #: Whether the second login is the owner of the other schema, whom `create_schema` makes with `{password}`.
    schemas_log_in: bool = False
    #: Whether names begin with the database, and `LIVE_DATABASE` must say which.
    in_database: bool = True
    named_by_database: bool = True
    #: Gives a name of the catalog as the system keeps it.
    kept: Callable[[str], str] = str
    names: tuple[str, ...] = Peer.names
    tag_values: tuple[tuple[str, str], ...] = ()
    #: Levels that some product of the system has no descriptions of, by what its version begins with.
    undescribed: Mapping[str, tuple[EntityType, ...]] = field(default_factory=dict)
    #: What a login of the administrator needs, and what the second one needs beforehand, for people.
    needs: str = ""

    def holes(self, path: Path) -> dict[str, str]:
        """The values of the holes for what stands at a path of the catalog; `{column_at}` is the whole of a column."""
        parts = [self.kept(name) for name in path]
        holes = {level: self.quoted(part) for level, part in zip(_LEVELS, parts, strict=False)}
        named = list(holes.values())[0 if self.named_by_database or len(path) == 1 else 1 :]
        texts = {level: self.literal(part) for level, part in zip(_LEVELS, parts, strict=False)}
        for hole, name in (("at", ".".join(named[: 3 - len(path) + len(named)])), ("column_at", ".".join(named))):
            holes[hole], texts[hole] = name, self.literal(name)
        return holes | {f"{hole}_text": text for hole, text in texts.items()}

    def filled(self, statements: Sequence[str], path: Path, **more: str) -> list[str]:
        """Statements about what stands at a path."""
        return [statement.format(**{**self.holes(path), **more}) for statement in statements]

    def table(self, path: Path, columns: Sequence[str]) -> str:
        """What creates a table of numbers."""
        listed = ", ".join(f"{self.quoted(self.kept(column))} {self.column_type}" for column in columns)
        return f"CREATE TABLE {self.holes(path)['at']} ({listed})"

    def tables(self, schema: Path) -> list[str]:
        """What creates a table of each kind in a schema, in this order."""
        more = {
            "id": self.quoted(self.kept("id")),
            "orders": self.holes((*schema, "orders"))["at"],
            "type": self.column_type,
        }
        return [each for name, _, sql in self.kinds for each in self.filled([sql], (*schema, name), **more)]

    def where(self, path: Path, aspect: Aspect, key: str, home: Path) -> Answer:
        """How to ask for the description of what stands at a path, or for its tag of this key, which was created in the
        schema `home` where tags are created."""
        found = (self.comments if aspect is Aspect.DESCRIPTION else self.tags)[EntityType.of(path)]
        created = f"{self.holes(home)['at']}.{self.quoted(key)}"
        more = {"key": self.quoted(key), "key_text": self.literal(key), "created_text": self.literal(created)}
        rows = [row.format(**dict(zip(_LEVELS, path, strict=False))) for row in found.rows]
        return Answer(tuple(self.filled(found.statements, path, **more)), found.column, tuple(rows))
