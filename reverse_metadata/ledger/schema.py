"""The tables of the ledger.

The Alembic history in `migrations` creates exactly these; a test compares the two. `pushes` is public: a column of
it is never renamed, removed or given another meaning.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

#: The newest revision in `migrations/versions`.
REVISION = "0002"
#: Not Alembic's usual name: Dagster's storage may live in the same database and has its own.
VERSION_TABLE = "reverse_metadata_version"


class Words(TypeDecorator[str]):
    """Text that can always be stored: NUL becomes ␀ and a lone surrogate �, which PostgreSQL cannot hold.

    No engine that is written to holds either in a description, so values survive unchanged; it is messages of
    drivers and names from a hostile catalog that may contain them.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as it is stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\u2400").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Moment(TypeDecorator[datetime]):
    """An aware datetime: `timestamptz` in PostgreSQL, ISO text in UTC in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC. Raises ValueError for a naive datetime, whose meaning nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC; SQLite stores no zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()


def _key(name: str) -> Column[str]:
    return Column(name, Words, primary_key=True)


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False)


def _optional(name: str) -> Column[str]:
    return Column(name, Words, nullable=True)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _moment(name: str) -> Column[datetime]:
    return Column(name, Moment, nullable=False)


#: What is known of the last value of each aspect.
last_values = Table(
    "last_values",
    metadata,
    _key("catalog"),
    _key("service"),
    _key("entity"),
    _key("aspect"),
    _key("tag_key"),
    _words("partition_key"),
    _words("table_entity"),
    _words("entity_type"),
    _words("entity_id"),
    _words("object_id"),
    _optional("wanted"),
    _optional("stored"),
    _words("origin"),
    _words("template"),
    _words("channel"),
    _words("filter_hash"),
    _moment("updated_at"),
    Index("last_values_partition", "catalog", "service", "partition_key", "table_entity"),
    Index("last_values_channel", "catalog", "channel", "partition_key"),
)

#: The databases that a service stood for, each with the name under which the ledger keeps what is known of it.
sources = Table(
    "sources",
    metadata,
    _key("catalog"),
    _key("service"),
    _key("identity"),
    _words("name"),
)

#: What one step of a run gives to the next, compressed.
handoffs = Table(
    "handoffs",
    metadata,
    _key("run_id"),
    _key("partition_key"),
    _key("step"),
    Column("payload", LargeBinary, nullable=False),
    _moment("created_at"),
    Index("handoffs_created_at", "created_at"),
)

plans = Table(
    "plans",
    metadata,
    _key("plan_id"),
    _words("channel"),
    _words("catalog"),
    _words("service"),
    _words("partition_key"),
    _words("run_id"),
    _words("scope"),
    _words("hash"),
    _words("filter_hash"),
    _words("approved_by"),
    _moment("created_at"),
    Index("plans_partition", "catalog", "channel", "partition_key", "created_at"),
)

#: Plans that wait for approval, one a channel and partition, compressed.
waiting_plans = Table(
    "waiting_plans",
    metadata,
    _key("catalog"),
    _key("channel"),
    _key("partition_key"),
    _words("hash"),
    _words("run_id"),
    _moment("created_at"),
    _moment("expires_at"),
    # Last: SQLite would read through it to reach a column behind it.
    Column("payload", LargeBinary, nullable=False),
)

#: Changes that were undone: they are not pushed again while the catalog wants what it wanted then.
holds = Table(
    "holds",
    metadata,
    _key("catalog"),
    _key("service"),
    _key("entity"),
    _key("aspect"),
    _key("tag_key"),
    _words("partition_key"),
    _optional("wanted"),
    _moment("held_at"),
    Index("holds_partition", "catalog", "service", "partition_key"),
)

#: The write-ahead record: planned -> started -> applied | failed | stale | abandoned.
plan_changes = Table(
    "plan_changes",
    metadata,
    _key("plan_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _words("state"),
    _words("entity"),
    _words("entity_id"),
    _words("entity_type"),
    _words("path"),
    _words("table_entity"),
    _words("aspect"),
    _words("tag_key"),
    _words("kind"),
    _words("object_id"),
    _optional("before"),
    _optional("after"),
    _optional("wanted"),
    _words("statement"),
    _flag("replaces"),
    _flag("removes"),
    _words("origin"),
    _words("changed_by"),
    _words("catalog_version"),
    Column("lease_token", BigInteger, nullable=True),
    Column("started_at", Moment, nullable=True),
    Column("finished_at", Moment, nullable=True),
    _optional("error"),
    # The defaults are for rows from before there were these columns.
    Column("flips", Boolean, nullable=False, server_default=false()),
    Column("template", Words, nullable=False, server_default=""),
    # All stay small however long the history grows: what is open now, what the brakes count, what was contested.
    Index(
        "plan_changes_open",
        "plan_id",
        sqlite_where=text("state = 'started'"),
        postgresql_where=text("state = 'started'"),
    ),
    Index(
        "plan_changes_braked",
        "plan_id",
        sqlite_where=text("replaces OR removes"),
        postgresql_where=text("replaces OR removes"),
    ),
    Index("plan_changes_flips", "finished_at", sqlite_where=text("flips"), postgresql_where=text("flips")),
)

#: Public, one row a change that was tried; see docs/ledger.md.
pushes = Table(
    "pushes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _words("catalog"),
    _words("service"),
    _words("entity"),
    _words("entity_id"),
    _words("entity_type"),
    _words("aspect"),
    _words("tag_key"),
    _words("channel"),
    _words("plan_id"),
    _optional("before"),
    _optional("after"),
    _words("statement"),
    _words("outcome"),
    _optional("error"),
    _words("changed_by"),
    _words("approved_by"),
    _words("catalog_version"),
    _words("run_id"),
    _moment("pushed_at"),
    Index("pushes_entity", "entity", "id"),
    Index("pushes_run", "run_id", "id"),
    Index("pushes_service", "catalog", "service", "id"),
    Index("pushes_pushed_at", "pushed_at"),
    sqlite_autoincrement=True,
)

#: Held leases; times are seconds since 1970 by the clock of the database (SQLite: of the machine).
leases = Table(
    "leases",
    metadata,
    _key("name"),
    _number("token"),
    _words("owner"),
    _words("host"),
    _words("boot_id"),
    _words("pid_namespace"),
    _number("pid"),
    _words("process_start"),
    Column("acquired_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
)

#: Strictly increasing numbers that must survive the rows that use them: `lease`.
counters = Table("counters", metadata, _key("name"), _number("value"))

#: How far the event stream of a catalog was read; `seq` is the number of its newest inbox row.
tails = Table("tails", metadata, _key("catalog"), _number("seq"), _words("cursor"), _moment("updated_at"))

#: The newest event of each entity. `channel` is empty, or names the only channel that the row is for.
#: `full_seq` is the number of the newest event that asked for a full look at the partition.
inbox = Table(
    "inbox",
    metadata,
    _key("catalog"),
    _key("channel"),
    _key("entity"),
    _words("service"),
    _words("partition_key"),
    _number("seq"),
    _number("full_seq"),
    _number("at"),
    _words("changed_by"),
    _words("kind"),
    Index("inbox_partition", "catalog", "partition_key"),
)

#: How far a channel dealt with an entity. It is parked until an event with a number above `parked_seq` arrives.
deliveries = Table(
    "deliveries",
    metadata,
    _key("channel"),
    _key("catalog"),
    _key("entity"),
    _words("partition_key"),
    _number("applied_seq"),
    Column("attempts", Integer, nullable=False),
    Column("next_try", Moment, nullable=True),
    _number("parked_seq"),
    _optional("error"),
)

#: The number after which a channel looks at the inbox, and the number of the newest request to look at everything
#: in its scope; NULL when it has.
subscriptions = Table(
    "subscriptions",
    metadata,
    _key("channel"),
    _key("catalog"),
    _number("start_seq"),
    Column("owed_seq", BigInteger, nullable=True),
)
