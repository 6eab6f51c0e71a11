"""Labelbase: a small, strict database with descriptions, owners and inherited tags, in memory.

Its whole grammar, in capitals and with single statements only:

    COMMENT ON object IS {'text' | NULL}
    ALTER object SET TAG "key" [= 'value'] [, ...]
    ALTER object UNSET TAG "key" [, ...]
    ALTER object SET OWNER "role"
    object: DATABASE "d" | SCHEMA "d"."s" | TABLE "d"."s"."t" | COLUMN "d"."s"."t"."c"

A quote inside a name or text is doubled, a backslash means itself, blanks separate words. A key without a value
is written without `=`. An object has the tags of everything above it, unless it sets the key itself. A statement does
all that it says or nothing. Nothing of this module is shared with the code under test.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

Path = tuple[str, ...]

LEVELS = ("DATABASE", "SCHEMA", "TABLE", "COLUMN")


class Code(StrEnum):
    """What kind of refusal an `EngineError` is."""

    SYNTAX = "syntax"
    MISSING = "missing"
    PRIVILEGE = "privilege"
    VALUE = "value"


class EngineError(Exception):
    """A statement was refused; nothing of it was done."""

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        super().__init__(message)


class Crash(BaseException):
    """The process that sent the statement dies here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an object holds: lengths in characters, `max_tags` the tags set on one object itself.

    `key_characters` and `value_characters` are the inside of a character class; "" takes any.
    """

    description: int = 400
    column_description: int = 200
    max_key: int = 64
    max_value: int = 128
    max_tags: int = 20
    key_characters: str = "A-Za-z0-9_ .-"
    value_characters: str = ""
    #: Whether a key can stand without a value.
    valueless: bool = True


@dataclass(slots=True)
class Thing:
    """A database, schema, table or column. `tags` are set on itself; "" is a key without a value."""

    object_id: str
    owner: str
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """A tag in effect on an object; `set_on` is the object itself, or the one above it that it is inherited from."""

    key: str
    value: str
    set_on: Path


class Engine:
    """The state of one labelbase server, and the switches that make it misbehave."""

    def __init__(
        self,
        name: str = "labelbase",
        *,
        limits: Limits | None = None,
        lossy: Callable[[str], str] | None = None,
        principals: tuple[str, ...] = ("root", "ada", "grace", "finance"),
        superusers: tuple[str, ...] = ("root",),
    ) -> None:
        """`lossy` is applied to every description before it is stored; the first superuser owns what is created."""
        self.name = name
        self.limits = limits or Limits()
        self.lossy = lossy
        self.principals = set(principals)
        self.superusers = set(superusers)
        #: The values that a key takes; a key that is absent takes any.
        self.allowed: dict[str, set[str]] = {}
        #: Paths that the writer lacks the privilege for, everything below them included.
        self.denied: set[Path] = set()
        #: Every statement that was done, oldest first.
        self.log: list[str] = []
        #: The process dies at the n-th statement from now, 1 being the next one; refused ones count, too.
        self.crash_at: int | None = None
        #: Whether it dies after that statement was done or refused, and not before it arrives.
        self.crash_after = False
        self.objects: dict[Path, Thing] = {}
        self._creator = superusers[0]
        self._created = 0

    def create(self, *path: str) -> None:
        """Create a database, schema, table or column; what stands above it must exist, it must not. Raises
        EngineError."""
        if not 1 <= len(path) <= len(LEVELS):
            raise EngineError(Code.SYNTAX, f"{path} names no database, schema, table or column")
        if len(path) > 1:
            self._thing(path[:-1])
        if path in self.objects:
            raise EngineError(Code.VALUE, f"{_shown(path)} exists already")
        self._created += 1
        self.objects[path] = Thing(str(self._created), self._creator)

    def drop(self, *path: str) -> None:
        """Drop an object and everything below it. Raises EngineError when there is none."""
        self._thing(path)
        self.objects = {each: thing for each, thing in self.objects.items() if each[: len(path)] != path}

    def rebuild(self, *path: str) -> None:
        """Drop an object and create it again with everything below it, but without any metadata."""
        self._thing(path)
        again = [each for each in self.objects if each[: len(path)] == path]
        self.drop(*path)
        for each in again:
            self.create(*each)

    def describe(self, path: Path, text: str | None) -> None:
        """Somebody describes an object by hand; '' is none. Raises EngineError, as the next two do."""
        limit = self.limits.column_description if len(path) == len(LEVELS) else self.limits.description
        thing = self._thing(path)
        if text is not None:
            text = _storable(text if self.lossy is None else self.lossy(text))
            if len(text) > limit:
                raise EngineError(Code.VALUE, f"a description of {len(text)} characters; {_shown(path)} takes {limit}")
        thing.description = text or None

    def tag(self, path: Path, tags: dict[str, str | None]) -> None:
        """Somebody sets tags by hand, or takes off those whose value is None."""
        thing = self._thing(path)
        after = dict(thing.tags)
        for key, value in tags.items():
            if value is not None:
                self._check_tag(key, value)
                after[key] = value
            elif after.pop(key, None) is None:
                raise EngineError(Code.MISSING, f"{_shown(path)} itself has no tag {key!r}")
        if len(after) > self.limits.max_tags:
            raise EngineError(Code.VALUE, f"{_shown(path)} takes {self.limits.max_tags} tags, not {len(after)}")
        thing.tags = after

    def own(self, path: Path, role: str) -> None:
        """Somebody hands an object to a role; columns have no owner of their own."""
        thing = self._thing(path)
        if len(path) == len(LEVELS):
            raise EngineError(Code.SYNTAX, "a column has no owner")
        if role not in self.principals:
            raise EngineError(Code.MISSING, f"there is no role {role!r}")
        thing.owner = role

    def labels(self, path: Path) -> list[Label]:
        """The tags in effect on an object, inherited ones included, by key. Raises EngineError."""
        self._thing(path)
        found: dict[str, Label] = {}
        for depth in range(1, len(path) + 1):
            for key, value in self.objects[path[:depth]].tags.items():
                found[key] = Label(key, value, path[:depth])
        return [found[key] for key in sorted(found)]

    def execute(self, statement: str) -> None:
        """Do what a statement says, and log it. Raises EngineError, and Crash where that was asked for."""
        crash = self._crashes_now()
        if crash and not self.crash_after:
            raise Crash(f"before {statement}")
        try:
            self._do(statement)
        finally:
            if crash:
                raise Crash(f"after {statement}")

    def _do(self, statement: str) -> None:
        parsed = _Parser(statement).statement()
        if any(parsed.path[:depth] in self.denied for depth in range(1, len(parsed.path) + 1)):
            raise EngineError(Code.PRIVILEGE, f"permission denied for {_shown(parsed.path)}")
        match parsed:
            case Comment(path, text):
                self.describe(path, text)
            case Tagging(path, tags):
                self.tag(path, tags)
            case Handover(path, role):
                self.own(path, role)
        self.log.append(statement)

    def _crashes_now(self) -> bool:
        if self.crash_at is None:
            return False
        self.crash_at -= 1
        if self.crash_at > 0:
            return False
        self.crash_at = None
        return True

    def _thing(self, path: Path) -> Thing:
        if path not in self.objects:
            raise EngineError(Code.MISSING, f"{_shown(path)} does not exist")
        return self.objects[path]

    def _check_tag(self, key: str, value: str) -> None:
        limits = self.limits
        for what, text, longest, characters in (
            ("key", key, limits.max_key, limits.key_characters),
            ("value", value, limits.max_value, limits.value_characters),
        ):
            if len(_storable(text)) > longest:
                raise EngineError(Code.VALUE, f"the tag {what} {text!r} is longer than {longest} characters")
            if characters and not re.fullmatch(f"[{characters}]*", text):
                raise EngineError(Code.VALUE, f"the tag {what} {text!r} has characters other than {characters}")
        if not value and not limits.valueless:
            raise EngineError(Code.VALUE, f"the tag {key!r} needs a value")
        if key in self.allowed and value not in self.allowed[key]:
            raise EngineError(Code.VALUE, f"{value!r} is not among the allowed values of the tag {key!r}")


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON."""

    path: Path
    text: str | None


@dataclass(frozen=True, slots=True)
class Tagging:
    """SET TAG or UNSET TAG: the values by key, None to take off."""

    path: Path
    tags: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Handover:
    """SET OWNER."""

    path: Path
    role: str


_TOKEN = re.compile(
    r"""(?P<name>"(?:[^"]|"")*") | (?P<text>'(?:[^']|'')*') | (?P<word>[A-Z]+) | (?P<mark>[.,=]) | (?P<blank>[ ]+)""",
    re.VERBOSE,
)


def _tokens(statement: str) -> Iterator[tuple[str, str]]:
    """The kind and the meaning of every token, and an end."""
    position = 0
    while position < len(statement):
        match = _TOKEN.match(statement, position)
        if match is None or match.lastgroup is None:
            raise EngineError(Code.SYNTAX, f"character {position + 1} is not understood: {statement[position:][:20]!r}")
        kind, token = match.lastgroup, match.group()
        if kind in ("name", "text"):
            quote = token[0]
            yield kind, token[1:-1].replace(quote * 2, quote)
        elif kind != "blank":
            yield kind, token
        position = match.end()
    yield "end", "the end of the statement"


class _Parser:
    def __init__(self, statement: str) -> None:
        self._tokens = list(_tokens(statement))
        self._at = 0

    def statement(self) -> Comment | Tagging | Handover:
        parsed = self._comment() if self._word("COMMENT", "ALTER") == "COMMENT" else self._alter()
        self._take("end")
        return parsed

    def _comment(self) -> Comment:
        self._word("ON")
        path = self._object()
        self._word("IS")
        if self._accept("word", "NULL"):
            return Comment(path, None)
        return Comment(path, self._take("text"))

    def _alter(self) -> Tagging | Handover:
        path = self._object()
        if self._word("SET", "UNSET") == "UNSET":
            self._word("TAG")
            return Tagging(path, self._tag_list(valued=False))
        if self._word("TAG", "OWNER") == "TAG":
            return Tagging(path, self._tag_list(valued=True))
        return Handover(path, self._name())

    def _object(self) -> Path:
        depth = LEVELS.index(self._word(*LEVELS)) + 1
        names = [self._name()]
        while self._accept("mark", "."):
            names.append(self._name())
        if len(names) != depth:
            raise EngineError(Code.SYNTAX, f"a {LEVELS[depth - 1]} has {depth} names, not {len(names)}")
        return tuple(names)

    def _tag_list(self, *, valued: bool) -> dict[str, str | None]:
        tags: dict[str, str | None] = {}
        while True:
            key = self._name()
            if key in tags:
                raise EngineError(Code.SYNTAX, f"the tag {key!r} stands twice in one statement")
            tags[key] = "" if valued else None
            if valued and self._accept("mark", "="):
                tags[key] = self._take("text")
                if not tags[key]:
                    raise EngineError(Code.SYNTAX, f"an empty value for the tag {key!r}; a key without one has no '='")
            if not self._accept("mark", ","):
                return tags

    def _name(self) -> str:
        name = self._take("name")
        if not name:
            raise EngineError(Code.SYNTAX, "a name is empty")
        return name

    def _word(self, *words: str) -> str:
        word = self._take("word")
        if word not in words:
            raise EngineError(Code.SYNTAX, f"{word} stands where {' or '.join(words)} was expected")
        return word

    def _take(self, kind: str) -> str:
        found, token = self._tokens[self._at]
        if found != kind:
            raise EngineError(Code.SYNTAX, f"{token!r} stands where a {kind} was expected")
        self._at += 1
        return token

    def _accept(self, kind: str, token: str) -> bool:
        accepted = self._tokens[self._at] == (kind, token)
        self._at += accepted
        return accepted


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise EngineError(Code.VALUE, f"{text!r} holds a NUL character or half of a surrogate pair")
    return text


def _shown(path: Path) -> str:
    return f"{LEVELS[min(len(path), len(LEVELS)) - 1].lower()} {'.'.join(path)}"
