"""An account of somebody's, in which two schemas are created for a scenario and dropped after it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Any, ClassVar, Literal

import pytest

from reverse_metadata.config.models import is_secret
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Capabilities, Connector, ConnectorOptions
from reverse_metadata.connectors.sql import SqlConnector
from reverse_metadata.model import Aspect, EntityType, Outcome, Partition, Path, Verdict
from reverse_metadata.redaction import register_secret
from reverse_metadata_tests.contract.live.counting import Requests
from reverse_metadata_tests.contract.live.settings import LACKING, Settings, read_settings
from reverse_metadata_tests.contract.live.shapes import LiveSystem, Second
from reverse_metadata_tests.contract.live.systems import SYSTEMS
from reverse_metadata_tests.contract.peer import SERVICE, NotHere, Peer, change

#: What everything is called that a scenario creates.
PREFIX = "rm_live"
_GRANT = re.compile(r"GRANT (.*) TO (.*)", re.DOTALL)


class LivePeer(Peer):
    """The administrator is the login of the service itself, over the connector's own connection."""

    live: ClassVar[LiveSystem]

    def __init__(self, settings: Settings, end: ExitStack) -> None:
        """Create both schemas; `end` drops them, and puts back what else a scenario may change."""
        self._settings, self._end = settings, end
        self._requests = Requests()
        self._type = registry.connector_type(settings.system)
        name = f"{PREFIX}_{token_hex(4)}"
        self.partition = Partition(SERVICE, settings.database, f"{name}_sales")
        self.elsewhere = Partition(SERVICE, settings.database, f"{name}_stock")
        self._administrator = end.enter_context(self._type(settings.options))
        # Some rules for passwords want a capital letter.
        self._password = f"A{token_hex(12)}"
        register_secret(self._password)
        self._second = self._second_login()
        self._holes = self._holes_of_roles(name)
        self._granted: list[str] = []
        self._tagged = False
        self._begin()

    # The life of the two schemas

    def _begin(self) -> None:
        """Create what every scenario needs. What was created is dropped at the end, the last first, also when the rest
        cannot be."""
        self._end.callback(self._clear_database)
        if self._second:
            self._end.callback(self._dismiss, self._second)
            self._run(*self._roles(self._second.prepare))
        for partition in (self.partition, self.elsewhere):
            self._end.callback(self._drop_schema, partition, *self._create_schema(partition))
        if self._second:
            self._run(*self._roles(self._second.admit))

    def _create_schema(self, partition: Partition) -> list[str]:
        """Create a schema; what drops it."""
        first, *more = self.live.filled(self.live.create_schema, partition.path, password=self._password)
        self._run(first)
        drops = self.live.filled(self.live.drop_schema, partition.path)
        try:
            self._run(*more)
        except BaseException:
            self._run(*drops)
            raise
        return drops

    def _drop_schema(self, partition: Partition, *drops: str) -> None:
        try:
            self._run(*drops)
        except Exception as error:
            by_hand = "; ".join(drops)
            raise RuntimeError(f"{partition.schema} is still there ({error}); drop it by hand: {by_hand}") from None

    def _clear_database(self) -> None:
        """Take away what a scenario wrote to the database itself, which had no description before."""
        database = self.database.path
        if self.live.undescribe_database and self.stored(database):
            self._run(*self.live.filled([self.live.undescribe_database], database))
        if self._tagged and self.live.untag_database:
            for key, _, _ in self.tags[EntityType.DATABASE]:
                if self.stored(database, Aspect.TAGS, key) is not None:
                    self._run(*self.live.filled([self.live.untag_database], database, key_text=self.live.literal(key)))

    # Who writes

    def connector(self) -> Connector:
        return self._connected(self._settings.options)

    def _connected(self, options: ConnectorOptions, **changed: Any) -> Connector:
        added = fill(self.live.options, self.live.holes(self.partition.path))
        given = options.model_dump(exclude_unset=True, by_alias=True)
        model = self._type.options_type
        return self._requests.counting(self._type, model.model_validate({**given, **added, **changed}))

    def _second_login(self) -> Second | None:
        """What makes a second login work, where there is one."""
        if self.live.schemas_log_in or self._settings.lacking is not None:
            return self.live.second
        return None

    def lacking(self) -> Connector:
        if self.live.second is None:
            raise NotHere(f"no second login is prepared on {self.system}")
        if self.live.schemas_log_in:
            schema = self.live.kept(self.elsewhere.path[1])
            return self._connected(self._settings.options, username=schema, password=self._password)
        if self._settings.lacking is None:
            raise NotHere(f"{LACKING} names no second login")
        return self._connected(self._settings.lacking)

    def locked_out(self) -> tuple[Connector, Sequence[str]]:
        model, given = self._type.options_type, self._settings.options.model_dump(exclude_unset=True)
        wrong = {
            key: token_hex(8)
            for key, value in given.items()
            # Another URL would be no URL.
            if value and is_secret(model, key) and "://" not in str(value)
        }
        if not wrong:
            raise NotHere("the service block has no secret that could be wrong")
        # Nobody's: real logins are locked after a few mistakes.
        nobody = {"username": f"{PREFIX}_nobody"} if "username" in model.model_fields else {}
        return self._connected(self._settings.options, **nobody, **wrong), list(wrong.values())

    def owner(self) -> str:
        raise NotHere("nothing of a live account is handed over: its login might not get it back")

    def lost(self, when: Literal["before", "after"]) -> AbstractContextManager[None]:
        raise NotHere("nobody can cut the connection to a live account at the right moment")

    # What is there

    @property
    def capabilities(self) -> Capabilities:
        """What the connector claims, without what this product of the system has no place for."""
        claimed: Capabilities = super().capabilities
        if not self.live.undescribed:
            return claimed
        version = self._administrator.version()
        without = {
            level for name, levels in self.live.undescribed.items() if version.startswith(name) for level in levels
        }
        described = tuple(level for level in claimed.levels[Aspect.DESCRIPTION] if level not in without)
        limits = {place: most for place, most in claimed.limits.items() if place[1] not in without}
        return replace(claimed, levels={**claimed.levels, Aspect.DESCRIPTION: described}, limits=limits)

    def table(self, name: str, columns: Sequence[str] = ("id",), partition: Partition | None = None) -> Path:
        partition = partition or self.partition
        path = (*partition.path, name)
        self._run(self.live.table(path, columns))
        if self._second:
            there = partition == self.elsewhere
            after = self._second.table_elsewhere if there else self._second.table
            self._run(*self.live.filled(after, path, **self._holes))
        return path

    def kinds(self) -> Mapping[str, str]:
        self._run(*self.live.tables(self.partition.path))
        return {name: kind for name, kind, _ in self.live.kinds}

    def drop(self, table: Path) -> None:
        self._run(f"DROP TABLE {self.live.holes(table)['at']}")

    def stored(self, path: Path, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> str | None:
        answer = self.live.where(path, aspect, tag_key, self.partition.path)
        rows = self._run(*answer.statements)
        values = [row[answer.column] for row in rows if not answer.rows or row[0] in answer.rows]
        return None if not values or values[0] is None else str(values[0])

    def push(
        self, wishes: Mapping[Path, str | None], aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = ""
    ) -> list[Outcome]:
        if aspect is Aspect.TAGS and not self._tagged:
            self._ready_for_tags()
        return super().push(wishes, aspect, tag_key)

    def _ready_for_tags(self) -> None:
        """Create the tags, where they are. Raises NotHere with the connector's own reason where the account has none.

        No other refusal is a reason: what the connector should write and does not is a failure.
        """
        keys = [key for key, _, _ in next(iter(self.tags.values()))]
        with self.connector() as connector:
            connector.version()
            if why := connector.declines(Aspect.TAGS):
                raise NotHere(why)
            sample = change(self.path("orders"), "x", self.read(), Aspect.TAGS, keys[0])
            refused = connector.refuse(sample) if self.live.tags_by_release else None
        if refused is not None and refused[0] is Verdict.UNSUPPORTED:
            raise NotHere(refused[1])
        self._tagged = True
        if self.live.create_tag:
            for key in keys:
                self._run(*self.live.filled([self.live.create_tag], self.partition.path, key=self.live.quoted(key)))

    def requests(self) -> int:
        return self._requests.count

    def grant(self, grants: Sequence[str]) -> None:
        for grant in grants:
            self._run(grant.rstrip(";"))
            self._granted.append(grant.rstrip(";"))

    def _dismiss(self, second: Second) -> None:
        if second.revokes:
            self._run(*(_GRANT.sub(r"REVOKE \1 FROM \2", grant) for grant in reversed(self._granted)))
        self._run(*self._roles(second.dismiss))

    def _roles(self, statements: Sequence[str]) -> list[str]:
        return self.live.filled(statements, self.partition.path, **self._holes)

    def _holes_of_roles(self, name: str) -> dict[str, str]:
        if self._second is None:
            return {}
        names = {"team": self.live.quoted(f"{name}_team"), "other": self.live.quoted(f"{name}_other")}
        names["elsewhere"] = self.live.holes(self.elsewhere.path)["at"]
        if self.live.schemas_log_in:
            return {**names, "who": names["elsewhere"]}
        assert self._settings.lacking is not None
        with self._type(self._settings.lacking) as lacking:
            names["who"] = _asked(lacking, self._settings.database, self._second.who)[0][0]
        return {**names, "writer": self._run(self._second.who)[0][0]}

    def _run(self, *statements: str) -> list[tuple[Any, ...]]:
        """The rows of the last statement, run by the administrator."""
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = _asked(self._administrator, self._settings.database, statement)
        return rows


def _asked(connector: Connector, database: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, over the connection that the connector opens for itself; text as text."""
    # By the one thing that all connectors have: those of one connection are not asked for a database.
    where = () if isinstance(connector, SqlConnector) else (database,)
    connection: Any = connector._connection(*where)  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [tuple(map(_text, row)) for row in cursor.fetchall()] if cursor.description else []


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def fill(options: Any, holes: Mapping[str, str]) -> Any:
    """The options with their holes filled, at any depth."""
    match options:
        case Mapping():
            return {key: fill(value, holes) for key, value in options.items()}
        case str():
            return options.format(**holes)
    return options


def peer_type(system: str) -> type[LivePeer]:
    """The peer of a system, with tags of names that nobody else has."""
    live, name = SYSTEMS[system], f"{PREFIX} {token_hex(3)}"
    tags = tuple((f"{name} {number}", *pair) for number, pair in enumerate(live.tag_values, 1))
    said = {"system": system, "live": live, "names": live.names, "tags": dict.fromkeys(live.tags, tags)}
    return type("Live", (LivePeer,), said)


@contextmanager
def live(_: pytest.FixtureRequest) -> Iterator[LivePeer]:
    """The account that the environment names, with two empty schemas."""
    settings = read_settings()
    with ExitStack() as end:
        yield peer_type(settings.system)(settings, end)
