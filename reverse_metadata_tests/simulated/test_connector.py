"""The connector of labelbase: what it reads, the exact statements it sends, and hostile names and values."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverse_metadata.connectors.base import ConnectorOptions
from reverse_metadata.errors import ConfigurationError, Reason
from reverse_metadata.model import Aspect, Change, EntityType, Partition, Path, SourceObject, Verdict
from reverse_metadata_tests.simulated.connector import SimulatedConnector, connect
from reverse_metadata_tests.simulated.engine import Engine, Limits

SALES = Partition("lake", "db", "sales")
ORDERS = ("db", "sales", "orders")
TOTAL = (*ORDERS, "total")


@pytest.fixture
def engine() -> Engine:
    """`db.sales` with `orders` (of one column, `total`) and `returns`; and a schema beside it."""
    engine = Engine()
    for path in (("db",), ("db", "sales"), ORDERS, TOTAL, ("db", "sales", "returns"), ("db", "hr")):
        engine.create(*path)
    return engine


def a_change(path: Path, aspect: Aspect, value: str | None, tag_key: str = "") -> Change:
    return Change(
        entity=".".join(("lake", *path)),
        entity_id="1",
        type=EntityType.of(path),
        path=path,
        aspect=aspect,
        verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
        value=value,
        actual=None,
        reason="new",
        tag_key=tag_key,
    )


def described(path: Path, value: str | None) -> Change:
    return a_change(path, Aspect.DESCRIPTION, value)


def tagged(path: Path, key: str, value: str | None) -> Change:
    return a_change(path, Aspect.TAGS, value, key)


def owned(path: Path, value: str | None) -> Change:
    return a_change(path, Aspect.OWNER, value)


def texts(engine: Engine, *changes: Change, **options: Any) -> list[str]:
    connector = connect(engine, ConnectorOptions(**options))
    return [statement.text for statement in connector.resolve(changes)]


def test_a_schema_is_read_with_what_was_set_on_each_object_itself(engine: Engine) -> None:
    engine.describe(TOTAL, "in cents")
    engine.tag(("db", "sales"), {"level": "2"})
    engine.tag(ORDERS, {"core": "", "level": "3"})
    engine.own(ORDERS, "ada")
    connector = connect(engine)
    assert connector.read(SALES) == {
        ("db", "sales"): SourceObject(("db", "sales"), "schema", "2", None, "root", {"level": "2"}),
        ORDERS: SourceObject(ORDERS, "table", "3", None, "ada", {"core": "", "level": "3"}),
        TOTAL: SourceObject(TOTAL, "column", "4", "in cents"),
        ("db", "sales", "returns"): SourceObject(("db", "sales", "returns"), "table", "5", None, "root"),
    }
    assert list(connector.read(SALES, ["returns", "lost"])) == [("db", "sales"), ("db", "sales", "returns")]
    assert list(connector.read(SALES, [])) == [("db", "sales")]
    assert list(connector.read(Partition("lake", "db", None))) == [("db",)]
    assert connector.read(Partition("lake", "db", "lost")) == {}


def test_statements_carry_all_tags_of_an_object_and_come_in_order(engine: Engine) -> None:
    assert texts(
        engine,
        owned(ORDERS, "ada"),
        tagged(("db", "sales", "returns"), "core", ""),
        tagged(ORDERS, "PII", "none"),
        tagged(TOTAL, "PII", "high"),
        tagged(ORDERS, "level", None),
        tagged(ORDERS, "it's", "a \"b\" 'c'"),
        tagged(ORDERS, "old", None),
        described(TOTAL, 'it\'s \\ "quoted"'),
        described(("db", "sales"), None),
    ) == [
        'COMMENT ON SCHEMA "db"."sales" IS NULL',
        """COMMENT ON COLUMN "db"."sales"."orders"."total" IS 'it''s \\ "quoted"'""",
        'ALTER TABLE "db"."sales"."orders" UNSET TAG "level", "old"',
        """ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'none', "it's" = 'a "b" ''c'''""",
        """ALTER COLUMN "db"."sales"."orders"."total" SET TAG "PII" = 'high'""",
        'ALTER TABLE "db"."sales"."returns" SET TAG "core"',
        'ALTER TABLE "db"."sales"."orders" SET OWNER "ada"',
    ]


def test_names_can_be_rewritten(engine: Engine) -> None:
    rewrite = {"database": {"prod": "db"}, "schema": {"shop": "sales"}}
    path = ("prod", "shop", "orders")
    assert texts(engine, described(path, "x"), rewrite=rewrite) == ["""COMMENT ON TABLE "db"."sales"."orders" IS 'x'"""]
    engine.describe(ORDERS, "x")
    state = connect(engine, ConnectorOptions(rewrite=rewrite)).read(Partition("lake", "prod", "shop"), ["orders"])
    assert list(state) == [("prod", "shop"), path, (*path, "total")]
    assert state[path].description == "x"


def test_one_refused_statement_does_not_stop_the_others(engine: Engine) -> None:
    engine.denied.add(ORDERS)
    changes = [described(ORDERS, "x"), described(("db", "sales", "lost"), "x"), tagged(TOTAL, "a?", "b")]
    changes += [
        owned(("db", "sales"), "eve"),
        described(("db", "sales"), "x" * 401),
        owned(("db", "sales", "returns"), "ada"),
    ]
    connector = connect(engine)
    asked = []
    statements = connector.resolve(changes)
    outcomes = list(connector.execute(SALES, statements, lambda: asked.append(1)))
    assert [outcome.statement for outcome in outcomes] == statements
    assert len(asked) == len(statements) == 6
    assert [outcome.error and outcome.error.reason for outcome in outcomes] == [
        Reason.INVALID_VALUE,
        Reason.MISSING_OBJECT,
        Reason.MISSING_PRIVILEGE,
        Reason.MISSING_PRIVILEGE,
        Reason.MISSING_OBJECT,
        None,
    ]
    assert engine.log == ['ALTER TABLE "db"."sales"."returns" SET OWNER "ada"']


def test_what_the_engine_cannot_hold_is_refused_before(engine: Engine) -> None:
    engine.allowed["PII"] = {"none", "high"}
    connector = connect(engine)
    listed = (Verdict.INVALID, "the values that PII takes in labelbase are: high, none")
    assert connector.refuse(tagged(ORDERS, "PII", "low")) == listed
    assert connector.refuse(tagged(ORDERS, "PII", "")) == listed
    assert connector.refuse(tagged(ORDERS, "PII", "none")) is None
    assert connector.refuse(tagged(ORDERS, "PII", None)) is None
    assert connector.refuse(tagged(ORDERS, "level", "low")) is None
    for unholdable in (described(ORDERS, "a\0"), tagged(ORDERS, "a", "\ud83c"), tagged(ORDERS, "\0", "")):
        refused = connector.refuse(unholdable)
        assert refused is not None
        assert refused[0] is Verdict.INVALID
    assert connector.refuse(described(ORDERS, None)) is None
    assert connector.refuse(owned(ORDERS, None)) == (
        Verdict.UNSUPPORTED,
        "labelbase has nothing without an owner; name another one",
    )


def test_principals_are_known_with_their_power(engine: Engine) -> None:
    found = connect(engine).principals(["ada", "root", "eve"])
    assert {name: each.superuser for name, each in found.items()} == {"ada": False, "root": True}


def test_the_capabilities_are_those_of_the_engine() -> None:
    engine = Engine(limits=Limits(description=9, column_description=5, max_tags=3, valueless=False), lossy=str.strip)
    able = connect(engine).capabilities
    assert able.limits[Aspect.DESCRIPTION, EntityType.SCHEMA] == 9
    assert able.limits[Aspect.DESCRIPTION, EntityType.COLUMN] == 5
    assert (able.tags.max_tags, able.tags.valueless, able.verbatim) == (3, False, False)
    assert SimulatedConnector.capabilities == connect(Engine()).capabilities
    assert connect(Engine()).capabilities.verbatim
    assert able.supports(Aspect.TAGS, EntityType.COLUMN)
    assert not able.supports(Aspect.OWNER, EntityType.COLUMN)


def test_a_connection_of_the_catalog_is_not_reused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        SimulatedConnector.options_from_catalog({})


hostile = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.text(alphabet="'\";,=.\\-/*\n NULSETAG", min_size=1, max_size=12),
)


@given(
    names=st.lists(hostile, min_size=4, max_size=4),
    description=hostile,
    tags=st.dictionaries(hostile, hostile | st.just("")),
)
@settings(deadline=None)
def test_any_name_and_value_comes_back_exactly(names: list[str], description: str, tags: dict[str, str]) -> None:
    engine = Engine(limits=Limits(key_characters="", max_tags=100))
    path = tuple(names)
    for depth in range(1, 5):
        engine.create(*path[:depth])
    engine.principals.add(names[0])
    changes = [described(path, description), owned(path[:3], names[0])]
    changes += [tagged(path, key, value) for key, value in tags.items()]
    partition = Partition("lake", names[0], names[1])
    connector = connect(engine)
    assert [connector.refuse(change) for change in changes] == [None] * len(changes)
    outcomes = list(connector.execute(partition, connector.resolve(changes)))
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    state = connector.read(partition)
    assert (state[path].description, state[path].tags) == (description, tags)
    assert state[path[:3]].owner == names[0]
    removals = connector.resolve([tagged(path, key, None) for key in tags])
    assert [outcome.error for outcome in connector.execute(partition, removals)] == [None] * bool(tags)
    assert connector.read(partition)[path].tags == {}
