"""A ledger of the first release, with a row in every table, as this version finds it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from reverse_metadata.ledger import FinishedChange, InboxEvent, Ledger, upgrade
from reverse_metadata.ledger.database import normalise
from reverse_metadata.ledger.handoffs import packed
from reverse_metadata.ledger.schema import REVISION, VERSION_TABLE
from reverse_metadata.model import Aspect, Last, LastKey, Origin
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, last

Rows = dict[str, list[dict[str, Any]]]

THEN = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
MS = int(THEN.timestamp() * 1000)
TEXT = "it's \\ “ours”\n🛒"


def _change(seq: int, state: str, **others: Any) -> dict[str, Any]:
    return {
        "plan_id": "p-1",
        "seq": seq,
        "state": state,
        "entity": f"{PARTITION}.orders.c{seq}",
        "entity_id": "e-1",
        "entity_type": "column",
        "path": f'["shop", "public", "orders", "c{seq}"]',
        "table_entity": f"{PARTITION}.orders",
        "aspect": "description",
        "tag_key": "",
        "kind": "table",
        "object_id": "16384",
        "before": None,
        "after": TEXT,
        "wanted": TEXT,
        "statement": "COMMENT",
        "replaces": True,
        "removes": False,
        "origin": "pushed",
        "changed_by": "ada",
        "catalog_version": "0.3",
        "lease_token": 1,
        "started_at": THEN,
        "finished_at": None,
        "error": None,
        **others,
    }


#: Every table of revision 0001 and every column of it, so that a change to that revision is seen here.
RELEASED: Rows = {
    "sources": [{"catalog": CATALOG, "service": SERVICE, "identity": "db-1", "name": SERVICE}],
    "last_values": [
        {
            "catalog": CATALOG,
            "service": SERVICE,
            "entity": f"{PARTITION}.orders.c0",
            "aspect": "description",
            "tag_key": "",
            "partition_key": PARTITION,
            "table_entity": f"{PARTITION}.orders",
            "entity_type": "column",
            "entity_id": "e-1",
            "object_id": "16384",
            "wanted": TEXT,
            "stored": TEXT,
            "origin": "pushed",
            "template": "",
            "channel": "descriptions",
            "filter_hash": "f-1",
            "updated_at": THEN,
        }
    ],
    "handoffs": [
        {"run_id": "run-1", "partition_key": PARTITION, "step": "plan", "payload": packed(b"x"), "created_at": THEN}
    ],
    "plans": [
        {
            "plan_id": "p-1",
            "channel": "descriptions",
            "catalog": CATALOG,
            "service": SERVICE,
            "partition_key": PARTITION,
            "run_id": "run-1",
            "scope": "full",
            "hash": "0123456789abcdef",
            "template": "t-1",
            "filter_hash": "f-1",
            "approved_by": "",
            "created_at": THEN,
        }
    ],
    "holds": [
        {
            "catalog": CATALOG,
            "service": SERVICE,
            "entity": f"{PARTITION}.users",
            "aspect": "tags",
            "tag_key": "PII",
            "partition_key": PARTITION,
            "wanted": None,
            "held_at": THEN,
        }
    ],
    "plan_changes": [
        _change(0, "applied", finished_at=THEN),
        _change(1, "started"),
        _change(2, "planned", lease_token=None, started_at=None),
        _change(3, "started", aspect="owner"),
    ],
    "pushes": [
        {
            "id": 1,
            "catalog": CATALOG,
            "service": SERVICE,
            "entity": f"{PARTITION}.orders.c0",
            "entity_id": "e-1",
            "entity_type": "column",
            "aspect": "description",
            "tag_key": "",
            "channel": "descriptions",
            "plan_id": "p-1",
            "before": None,
            "after": TEXT,
            "statement": "COMMENT",
            "outcome": "applied",
            "error": None,
            "changed_by": "ada",
            "approved_by": "",
            "catalog_version": "0.3",
            "run_id": "run-1",
            "pushed_at": THEN,
        }
    ],
    "leases": [
        {
            "name": "shop_pg.shop.public",
            "token": 1,
            "owner": "run-1",
            "host": "elsewhere",
            "boot_id": "b",
            "pid_namespace": "n",
            "pid": 1,
            "process_start": "1",
            "acquired_at": 1_767_323_045.678901,
            "expires_at": 1_767_323_105.678901,
        }
    ],
    "counters": [{"name": "lease", "value": 1}],
    "tails": [{"catalog": CATALOG, "seq": 7, "cursor": "c-7", "updated_at": THEN}],
    "inbox": [
        {
            "catalog": CATALOG,
            "channel": "",
            "entity": f"{PARTITION}.orders",
            "service": SERVICE,
            "partition_key": PARTITION,
            "seq": 7,
            "full_seq": 0,
            "at": MS,
            "changed_by": "ada",
            "kind": "entityUpdated",
        }
    ],
    "deliveries": [
        {
            "channel": "descriptions",
            "catalog": CATALOG,
            "entity": f"{PARTITION}.orders",
            "partition_key": PARTITION,
            "applied_seq": 6,
            "attempts": 2,
            "next_try": THEN,
            "parked_seq": 0,
            "error": "no",
        }
    ],
    "subscriptions": [{"channel": "descriptions", "catalog": CATALOG, "start_seq": 1, "owed_seq": None}],
}


@pytest.fixture
def released(ledger_url: str) -> Iterator[sa.Engine]:
    """The engine of a ledger as the first release left it, with `RELEASED` in it."""
    engine = sa.create_engine(normalise(ledger_url))
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "newline")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table in _tables(connection):
            # The id of a push is the database's to give: it goes on counting from there.
            rows = [{name: value for name, value in row.items() if name != "id"} for row in RELEASED[table.name]]
            connection.execute(sa.insert(table), rows)
    yield engine
    engine.dispose()


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """The tables as the database has them, without that of the revision."""
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name != VERSION_TABLE)
    return list(found.tables.values())


def _content(engine: sa.Engine) -> Rows:
    with engine.begin() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in _tables(connection)
        }


def _revision(engine: sa.Engine) -> object:
    with engine.begin() as connection:
        return connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()


def test_the_first_revision_is_as_it_was_released(released: sa.Engine) -> None:
    assert _revision(released) == "0001"
    columns = {name: [set(row) for row in rows] for name, rows in _content(released).items()}
    assert columns == {name: [set(row) for row in rows] for name, rows in RELEASED.items()}


def test_an_upgrade_keeps_every_row(released: sa.Engine, ledger_url: str) -> None:
    before = _content(released)
    Ledger.open(ledger_url).close()
    assert _revision(released) == REVISION
    after = _content(released)
    assert after.pop("waiting_plans") == []
    assert [row.pop("flips") for row in after["plan_changes"]] == [False] * 4
    # The template was that of the descriptions of a plan; only what is not finished will be asked for it.
    assert [row.pop("template") for row in after["plan_changes"]] == ["", "t-1", "", ""]
    assert [row.pop("template") for row in before["plans"]] == ["t-1"]
    assert after == before


def test_an_upgraded_ledger_goes_on_where_it_was(released: sa.Engine, ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        assert ledger.source(CATALOG, SERVICE, "db-1") == SERVICE
        assert ledger.last(CATALOG, SERVICE, PARTITION) == {
            LastKey(f"{PARTITION}.orders.c0", Aspect.DESCRIPTION): Last(
                TEXT, TEXT, Origin.PUSHED, "e-1", "16384", "", "descriptions", "f-1"
            )
        }
        assert ledger.holds(CATALOG, SERVICE, PARTITION) == {LastKey(f"{PARTITION}.users", Aspect.TAGS, "PII"): None}
        assert ledger.get_handoff("run-1", PARTITION, "plan") == b"x"
        assert ledger.cursor(CATALOG) == "c-7"
        (work,) = ledger.due("descriptions", CATALOG, datetime.now(UTC))
        assert (work.entities, work.full, work.attempts, work.newest_seq) == ((f"{PARTITION}.orders",), False, 2, 7)
        left = ledger.open_changes(CATALOG, SERVICE, PARTITION)
        assert [(each.seq, each.after, each.template) for each in left] == [(1, TEXT, "t-1"), (3, TEXT, "")]
        ledger.finish("p-1", [FinishedChange(1, "applied", None, last(TEXT))])
        assert [(push.id, push.after) for push in ledger.pushes()] == [(2, TEXT), (1, TEXT)]
        long_ago = THEN - timedelta(days=1)
        assert ledger.brake_counts(CATALOG, "descriptions", long_ago) == (3, 0)
        assert ledger.contests(CATALOG, SERVICE, PARTITION, long_ago) == {}
        with ledger.lease("another", owner="run-2") as lease:
            assert lease.token == 2
        ledger.record_events(CATALOG, [InboxEvent(f"{PARTITION}.users", PARTITION, SERVICE, at=MS)], "c-8")
        assert ledger.newest_seq(CATALOG) == 8


def test_an_interrupted_upgrade_leaves_the_ledger_as_it_was(
    released: sa.Engine, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _content(released)
    migrate = upgrade._migrate

    def fail(connection: sa.Connection, revision: str | None) -> None:
        migrate(connection, revision)
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrade, "_migrate", fail)
    with pytest.raises(KeyboardInterrupt):
        Ledger.open(ledger_url)
    assert _revision(released) == "0001"
    assert _content(released) == before
