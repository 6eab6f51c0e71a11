"""Labelbase takes its own grammar and nothing else, and fails as it is told."""

import pytest

from reverse_metadata_tests.simulated.engine import Code, Crash, Engine, EngineError, Label, Limits

ORDERS = ("db", "sales", "orders")
TOTAL = (*ORDERS, "total")
ON_ORDERS = 'TABLE "db"."sales"."orders"'


@pytest.fixture
def engine() -> Engine:
    return an_engine()


def an_engine(limits: Limits | None = None) -> Engine:
    """`db.sales.orders` with two columns."""
    engine = Engine(limits=limits)
    for path in (("db",), ("db", "sales"), ORDERS, (*ORDERS, "id"), TOTAL):
        engine.create(*path)
    return engine


def refusal(engine: Engine, statement: str) -> str:
    """Why a statement is refused; it neither changed nor logged anything."""
    before = repr(engine.objects)
    with pytest.raises(EngineError) as raised:
        engine.execute(statement)
    assert repr(engine.objects) == before
    assert engine.log == []
    return f"{raised.value.code}: {raised.value}"


def test_each_statement_does_what_it_says(engine: Engine) -> None:
    done = [
        """COMMENT ON DATABASE "db" IS 'all of it'""",
        """COMMENT ON SCHEMA "db"."sales" IS 'it''s "sales" \\ more'""",
        """COMMENT ON TABLE "db"."sales"."orders" IS 'one\nrow'""",
        """COMMENT ON COLUMN "db"."sales"."orders"."total" IS 'in cents'""",
        """ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'none', "core", "a b" = '='""",
        """ALTER TABLE "db"."sales"."orders" UNSET TAG "core", "a b\"""",
        """ALTER SCHEMA "db"."sales" SET OWNER "ada\"""",
        """COMMENT ON DATABASE "db" IS NULL""",
    ]
    for statement in done:
        engine.execute(statement)
    assert engine.log == done
    assert engine.objects[("db",)].description is None
    assert engine.objects[("db", "sales")].description == 'it\'s "sales" \\ more'
    assert engine.objects[("db", "sales")].owner == "ada"
    assert engine.objects[ORDERS].description == "one\nrow"
    assert engine.objects[ORDERS].tags == {"PII": "none"}
    assert engine.objects[ORDERS].owner == "root"
    assert engine.objects[TOTAL].description == "in cents"


def test_a_key_without_value_is_not_an_empty_value(engine: Engine) -> None:
    engine.execute(f'ALTER {ON_ORDERS} SET TAG "core"')
    assert engine.objects[ORDERS].tags == {"core": ""}


@pytest.mark.parametrize(
    "statement",
    [
        "",
        " ",
        "SELECT",
        f"COMMENT ON {ON_ORDERS} IS 'it's'",
        f"COMMENT ON {ON_ORDERS} IS 'open",
        f"COMMENT ON {ON_ORDERS} IS 'x' 'y'",
        f"COMMENT ON {ON_ORDERS} IS 'x'; COMMENT ON {ON_ORDERS} IS 'y'",
        f"COMMENT ON {ON_ORDERS} IS 'x';",
        f"COMMENT ON {ON_ORDERS} IS 'x' -- why",
        f"COMMENT ON {ON_ORDERS}\nIS 'x'",
        f"comment on {ON_ORDERS} is 'x'",
        f'COMMENT ON {ON_ORDERS} IS "x"',
        f"COMMENT ON {ON_ORDERS} IS",
        "COMMENT ON TABLE db.sales.orders IS 'x'",
        """COMMENT ON TABLE "db"."sales" IS 'x'""",
        """COMMENT ON DATABASE "db"."sales" IS 'x'""",
        """COMMENT ON COLUMN "db"."sales"."orders"."total"."part" IS 'x'""",
        """COMMENT ON VIEW "db"."sales"."orders" IS 'x'""",
        """COMMENT ON TABLE "db".""."orders" IS 'x'""",
        f"ALTER {ON_ORDERS} SET TAG",
        f"ALTER {ON_ORDERS} SET TAG \"a\" = ''",
        f"ALTER {ON_ORDERS} SET TAG \"a\" = 'x',",
        f"ALTER {ON_ORDERS} SET TAG \"a\" = 'x' \"b\" = 'y'",
        f"ALTER {ON_ORDERS} SET TAG \"a\" = 'x', \"a\" = 'y'",
        f"ALTER {ON_ORDERS} SET TAG a = 'x'",
        f'ALTER {ON_ORDERS} SET TAG "a" = NULL',
        f"ALTER {ON_ORDERS} UNSET TAG \"a\" = 'x'",
        f'ALTER {ON_ORDERS} UNSET OWNER "ada"',
        f"ALTER {ON_ORDERS} SET OWNER 'ada'",
        f'ALTER {ON_ORDERS} SET OWNER "ada", "grace"',
        f'ALTER {ON_ORDERS} SET OWNER "ada" SET OWNER "grace"',
        'ALTER COLUMN "db"."sales"."orders"."total" SET OWNER "ada"',
    ],
)
def test_anything_else_is_a_syntax_error(engine: Engine, statement: str) -> None:
    assert refusal(engine, statement).startswith(f"{Code.SYNTAX}: ")


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        (
            """COMMENT ON TABLE "db"."sales"."returns" IS 'x'""",
            "missing: table db.sales.returns does not exist",
        ),
        (f'ALTER {ON_ORDERS} SET OWNER "eve"', "missing: there is no role 'eve'"),
        (f'ALTER {ON_ORDERS} UNSET TAG "level"', "missing: table db.sales.orders itself has no tag 'level'"),
        (
            f"COMMENT ON {ON_ORDERS} IS '123456'",
            "value: a description of 6 characters; table db.sales.orders takes 5",
        ),
        (
            """COMMENT ON COLUMN "db"."sales"."orders"."id" IS '1234'""",
            "value: a description of 4 characters; column db.sales.orders.id takes 3",
        ),
        (f"ALTER {ON_ORDERS} SET TAG \"toolong\" = 'x'", "value: the tag key 'toolong' is longer than 6 characters"),
        (f"ALTER {ON_ORDERS} SET TAG \"a-b\" = 'x'", "value: the tag key 'a-b' has characters other than a-z"),
        (
            f"ALTER {ON_ORDERS} SET TAG \"a\" = 'x', \"b\" = '1234'",
            "value: the tag value '1234' is longer than 3 characters",
        ),
        (f"ALTER {ON_ORDERS} SET TAG \"a\" = 'X'", "value: the tag value 'X' has characters other than a-z0-9"),
        (f'ALTER {ON_ORDERS} SET TAG "a"', "value: the tag 'a' needs a value"),
        (f"ALTER {ON_ORDERS} SET TAG \"pii\" = 'no'", "value: 'no' is not among the allowed values of the tag 'pii'"),
        (
            f"ALTER {ON_ORDERS} SET TAG \"a\" = 'x', \"b\" = 'x', \"c\" = 'x'",
            "value: table db.sales.orders takes 2 tags, not 3",
        ),
        (f"COMMENT ON {ON_ORDERS} IS 'a\0'", "value: 'a\\x00' holds a NUL character or half of a surrogate pair"),
        (f"COMMENT ON {ON_ORDERS} IS '\ud83c'", "value: '\\ud83c' holds a NUL character or half of a surrogate pair"),
    ],
)
def test_what_it_cannot_hold_is_refused_and_nothing_of_it_done(statement: str, refused: str) -> None:
    engine = an_engine(
        Limits(
            description=5,
            column_description=3,
            max_key=6,
            max_value=3,
            max_tags=2,
            key_characters="a-z",
            value_characters="a-z0-9",
            valueless=False,
        )
    )
    engine.allowed["pii"] = {"low", "top"}
    engine.tag(("db", "sales"), {"level": "top"})
    assert refusal(engine, statement) == refused


def test_a_full_object_can_still_change_and_lose_tags() -> None:
    engine = an_engine(Limits(max_tags=2))
    engine.tag(ORDERS, {"a": "1", "b": "1"})
    engine.execute(f"ALTER {ON_ORDERS} SET TAG \"a\" = '2'")
    engine.execute(f'ALTER {ON_ORDERS} UNSET TAG "b"')
    assert engine.objects[ORDERS].tags == {"a": "2"}


def test_tags_are_inherited_unless_the_key_is_set_further_down(engine: Engine) -> None:
    engine.tag(("db",), {"env": "prod", "level": "1"})
    engine.tag(("db", "sales"), {"level": "2"})
    engine.tag(ORDERS, {"PII": "none"})
    assert engine.labels(TOTAL) == [
        Label("PII", "none", ORDERS),
        Label("env", "prod", ("db",)),
        Label("level", "2", ("db", "sales")),
    ]
    engine.tag(("db", "sales"), {"level": None})
    assert engine.labels(("db", "sales")) == [Label("env", "prod", ("db",)), Label("level", "1", ("db",))]


def test_an_object_that_was_created_again_is_another_one_and_bare(engine: Engine) -> None:
    engine.describe(ORDERS, "orders")
    engine.tag(TOTAL, {"PII": "none"})
    engine.own(ORDERS, "ada")
    before = {path: thing.object_id for path, thing in engine.objects.items()}
    engine.rebuild(*ORDERS)
    after = {path: thing.object_id for path, thing in engine.objects.items()}
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {ORDERS, (*ORDERS, "id"), TOTAL}
    assert (engine.objects[ORDERS].description, engine.objects[ORDERS].owner) == (None, "root")
    assert engine.labels(TOTAL) == []
    engine.drop("db", "sales")
    assert list(engine.objects) == [("db",)]


def test_a_lossy_engine_alters_every_description_also_past_the_limit() -> None:
    engine = an_engine(Limits(description=5))
    engine.lossy = lambda text: text.strip()[:5]
    engine.execute(f"COMMENT ON {ON_ORDERS} IS ' 1234567'")
    assert engine.objects[ORDERS].description == "12345"
    engine.describe(ORDERS, " ")
    assert engine.objects[ORDERS].description is None


def test_a_missing_privilege_covers_what_is_below(engine: Engine) -> None:
    engine.denied.add(ORDERS)
    denied = """COMMENT ON COLUMN "db"."sales"."orders"."total" IS 'x'"""
    assert refusal(engine, denied) == "privilege: permission denied for column db.sales.orders.total"
    engine.execute("""COMMENT ON SCHEMA "db"."sales" IS 'x'""")


@pytest.mark.parametrize(("after", "survived"), [(False, ["1"]), (True, ["1", "2"])])
def test_a_crash_comes_once_before_or_after_its_statement(engine: Engine, after: bool, survived: list[str]) -> None:
    statements = [f"COMMENT ON {ON_ORDERS} IS '{number}'" for number in "12"]
    engine.crash_at, engine.crash_after = 2, after
    engine.execute(statements[0])
    with pytest.raises(Crash):
        engine.execute(statements[1])
    assert engine.log == statements[: len(survived)]
    assert engine.objects[ORDERS].description == survived[-1]
    engine.execute(statements[0])


def test_a_crash_after_a_refused_statement_is_a_crash(engine: Engine) -> None:
    engine.crash_at, engine.crash_after = 1, True
    with pytest.raises(Crash):
        engine.execute("nonsense")


def test_creating_needs_what_is_above_and_a_free_name(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"schema db\.hr does not exist"):
        engine.create("db", "hr", "people")
    with pytest.raises(EngineError, match=r"table db\.sales\.orders exists already"):
        engine.create(*ORDERS)
