"""Where the tags of an account are, and which values they take.

A tag is an object of a schema: https://docs.snowflake.com/en/user-guide/object-tagging/introduction. The catalog names
it by one word, its classification; which tag that is depends on the service's `tags.home`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Path

#: https://docs.snowflake.com/en/sql-reference/sql/show-tags: `allowed_values` is a list in JSON, or NULL for any value.
TAGS = "SHOW TAGS IN ACCOUNT"


@dataclass(frozen=True, slots=True)
class Place:
    """The tag that a key means for an object; `refusal` says why there is none, or none that may be set."""

    path: Path = ()
    created: bool = False
    refusal: str = ""


class TagCatalog:
    """The tags that the writer sees."""

    def __init__(self, home: Path | None, create: bool) -> None:
        self._home = home
        self._create = create
        self._allowed: dict[Path, tuple[str, ...] | None] = {}
        #: Whether the account told which tags it has.
        self.known = False
        #: Why the account has no tags at all; "" when it may have some.
        self.unavailable = ""

    def learn(self, rows: Iterable[Mapping[str, str | None]]) -> None:
        """Take over what `SHOW TAGS` answered."""
        self._allowed = {
            (str(row["database_name"]), str(row["schema_name"]), str(row["name"])): _values(row["allowed_values"])
            for row in rows
        }
        self.known = True

    @property
    def must_be_known(self) -> bool:
        """Whether the account must be asked before a key means a tag, and was not yet."""
        return not self.known and (self._home is None or self._create)

    @property
    def empty(self) -> bool:
        """Whether no object can carry a tag that anybody here could set or take off."""
        return self.known and not any(self._home in (None, path[:2]) for path in self._allowed)

    def place(self, key: str, table: Path) -> Place:
        """The tag that a key means for an object; `table` is the path in the source of its table or what is above."""
        if self._home is not None:
            path = (*self._home, key)
            if not self.known or path in self._allowed:
                return Place(path)
            if self._create:
                return Place(path, created=True)
            return Place(refusal=self._absent(f"{'.'.join(self._home)} has no tag {key}", key))
        own = (*table[:2], key)
        if own in self._allowed:
            return Place(own)
        named = [path for path in self._allowed if path[2] == key]
        if len(named) == 1:
            return Place(named[0])
        if named:
            homes = " and ".join(".".join(path[:2]) for path in sorted(named))
            return Place(refusal=f"{homes} have a tag {key} each; say which one is meant with tags.home of the service")
        return Place(refusal=self._absent(f"the writer sees no tag {key}", key))

    def refusal(self, key: str, value: str | None, table: Path) -> str:
        """Why a value cannot be set, or a tag not taken off; "" when nothing is known against it."""
        if self.unavailable:
            return self.unavailable
        if not self.known:
            return ""
        place = self.place(key, table)
        if place.refusal or value is None:
            return place.refusal
        allowed = self._allowed.get(place.path)
        if allowed is not None and value not in allowed:
            shown = ", ".join(allowed[:10]) + (", …" if len(allowed) > 10 else "")
            named = ".".join(place.path)
            return (
                f"the tag {named} takes none but {shown}; map the value with tags.map of the channel, or let the tag "
                f"take it (ALTER TAG … ADD ALLOWED_VALUES)"
            )
        return ""

    def key(self, tag: Path, table: Path) -> str | None:
        """The key under which a tag of an object counts; None for one that no key means."""
        return tag[2] if self.place(tag[2], table).path == tag else None

    def path(self, key: str, table: Path) -> tuple[Path, bool]:
        """The tag that a key means, and whether it is to be created. Raises SourceError when there is none."""
        place = self.place(key, table)
        if place.refusal:
            raise SourceError(Reason.MISSING_OBJECT, place.refusal)
        return place.path, place.created

    def _absent(self, what: str, key: str) -> str:
        spelled = sorted({path[2] for path in self._allowed if path[2].lower() == key.lower() and path[2] != key})
        meant = f" ({spelled[0]} is another one: letter case counts, see tags.case of the channel)" if spelled else ""
        created = "set tags.create of the service" if self._home else "set tags.home and tags.create of the service"
        return f"{what}{meant}; create it, or {created}, or grant the writer APPLY on it"


def _values(listed: str | None) -> tuple[str, ...] | None:
    return None if not listed else tuple(json.loads(listed))
