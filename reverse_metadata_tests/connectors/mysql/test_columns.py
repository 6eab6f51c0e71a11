"""No attribute of a column is lost with a comment: definitions are compared byte by byte before and after."""

import pymysql
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reverse_metadata.connectors.mysql.sql import quoted
from reverse_metadata.dialects.mysql import MYSQL
from reverse_metadata.errors import Reason
from reverse_metadata.model import Verdict
from reverse_metadata_tests.connectors.mysql.shop import Shop
from reverse_metadata_tests.contract.peer import TEXTS, change
from reverse_metadata_tests.templates.injection.values import FULL, nasty, some

#: Each is the only column of its kind in `hostile`, named c0, c1, ...
HOSTILE = [
    "varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'é'",
    "char(3) CHARACTER SET ascii",
    "enum('it''s', 'a,b', ')', '\\\\', 'COMMENT ''x''', '') NOT NULL DEFAULT 'it''s'",
    "set('x', 'y y') DEFAULT 'x,y y'",
    "timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)",
    "timestamp NOT NULL",
    "timestamp NULL DEFAULT '2020-10-25 01:30:00'",
    "datetime(6) DEFAULT '0000-00-00 00:00:00'",
    "decimal(10, 2) UNSIGNED ZEROFILL DEFAULT 1.5",
    "bigint UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE",
    "int GENERATED ALWAYS AS (c8 * 2) VIRTUAL INVISIBLE",
    "varchar(99) GENERATED ALWAYS AS (concat(c0, ', CHECK (\\'', \"it's\", '\\\\')) VIRTUAL",
    "int DEFAULT 5 CHECK (c12 > 0 AND c12 <> 7)",
    "varchar(30) CHECK (c13 <> ' COMMENT ''x'') CHECK (')",
    "bit(3) NOT NULL DEFAULT b'101'",
    "int INVISIBLE DEFAULT 3",
    "varchar(40) DEFAULT (concat('it''s (', uuid(), ')', \"\\\\\"))",
    "binary(2) DEFAULT x'FFFE'",
    "varbinary(9) DEFAULT x'00275CFF0A1A'",
    "binary(4) DEFAULT 'ab'",
    "point NOT NULL",
    "uuid DEFAULT uuid()",
    "inet6 DEFAULT '::1'",
    "longtext COMPRESSED",
    "text CHARACTER SET utf8mb3 COLLATE utf8mb3_bin DEFAULT 'x''y\\\\ COMMENT'",
    "double DEFAULT 1e10",
    "year DEFAULT 1999",
    "time(2) DEFAULT '-12:00:00.25'",
    "varchar(10) NOT NULL DEFAULT 'NULL'",
    "int DEFAULT nextval(numbers)",
    "mediumblob NOT NULL",
    "boolean DEFAULT true",
]
REBUILT = {
    "total": "int GENERATED ALWAYS AS (amount + 1) STORED",
    "hidden": "varchar(9) GENERATED ALWAYS AS (concat(amount, '\\'')) STORED INVISIBLE",
    "note": "json NOT NULL DEFAULT '{\"it''s\": [1]}'",
    "found": "int GENERATED ALWAYS AS (amount * 2) VIRTUAL UNIQUE",
}


def bare(created: str, *comments: str) -> str:
    for comment in comments:
        created = created.replace(f" COMMENT '{comment}'", "")
    return created


def test_no_attribute_is_lost_from_any_type(shop: Shop) -> None:
    names = [f"c{number}" for number in range(len(HOSTILE))]
    listed = ", ".join(f"{name} {definition}" for name, definition in zip(names, HOSTILE, strict=True))
    shop.run(
        f"CREATE SEQUENCE {shop.sales}.numbers",
        "SET sql_mode = ''",
        f"USE {shop.sales}",
        f"CREATE TABLE {shop.sales}.hostile ({listed}, KEY (c3), CHECK (c25 < 5e10)) CHARACTER SET latin2",
    )
    before = shop.created("hostile")
    assert shop.failed({shop.path("hostile", name): f"about {name}" for name in names}) == {}
    assert {name: shop.comment(shop.sales, "hostile", name) for name in names} == {n: f"about {n}" for n in names}
    assert bare(shop.created("hostile"), *(f"about {name}" for name in names)) == before
    assert shop.failed({shop.path("hostile", name): None for name in names}) == {}
    assert shop.created("hostile") == before


def test_columns_that_would_rebuild_the_table_are_unsafe_until_somebody_means_it(shop: Shop) -> None:
    listed = ", ".join(f"{name} {definition}" for name, definition in REBUILT.items())
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int, amount int, {listed})")
    before = shop.created("orders")
    state = shop.read()
    wishes = {shop.path("orders", name): f"about {name}" for name in ("id", *REBUILT)}
    with shop.connector() as connector:
        for path, text in wishes.items():
            refused = connector.refuse(change(path, text, state))
            if path[-1] == "id":
                assert refused is None
            else:
                assert refused is not None
                assert refused[0] is Verdict.UNSAFE
                assert "`rebuild_tables: true`" in refused[1]
    with shop.connector(rebuild_tables=True) as connector:
        changes = [change(path, text, state) for path, text in wishes.items()]
        assert [connector.refuse(each) for each in changes] == [None] * len(changes)
        instant, rebuilt = connector.resolve(changes)
        assert [each.path[-1] for each in instant.changes] == ["id"]
        assert instant.text.endswith("ALGORITHM=INSTANT")
        assert {each.path[-1] for each in rebuilt.changes} == set(REBUILT)
        assert "ALGORITHM" not in rebuilt.text
        outcomes = connector.execute(shop.partition, [instant, rebuilt])
        assert [outcome.error for outcome in outcomes] == [None, None]
    assert bare(shop.created("orders"), *wishes.values()) == before
    assert {shop.comment(shop.sales, *path[2:]) for path in wishes} == set(wishes.values())


def unforeseen(shop: Shop) -> None:
    """A virtual column that is indexed in the second place, of which information_schema says nothing."""
    shop.run(
        f"CREATE TABLE {shop.sales}.orders (id int, amount int, twice int AS (2 * amount) VIRTUAL, KEY (id, twice))"
    )


def test_a_rebuild_that_nobody_foresaw_is_refused_by_the_engine_alone(shop: Shop) -> None:
    unforeseen(shop)
    failed = shop.failed({shop.path("orders", name): "x" for name in ("id", "amount", "twice")})
    assert set(failed) == {"twice"}
    assert failed["twice"].reason is Reason.OTHER
    assert "ALGORITHM=INSTANT is not supported" in str(failed["twice"])
    assert str(failed["twice"]).endswith("set `rebuild_tables: true` in the block of the service where that is meant.")
    assert [shop.comment(shop.sales, "orders", name) for name in ("id", "amount", "twice")] == ["x", "x", ""]


@pytest.mark.parametrize(
    "made",
    [
        "(id int, amount int, twice int AS (2 * amount) VIRTUAL, KEY (id, twice))",
        "(id int, amount date, twice date, PERIOD FOR p (amount, twice), UNIQUE (id, p WITHOUT OVERLAPS))",
    ],
)
def test_a_rebuild_that_nobody_foresaw_is_done_where_it_is_allowed(shop: Shop, made: str) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders {made}")
    before = shop.created("orders")
    wishes = {shop.path("orders", name): "x" for name in ("id", "amount", "twice")} | {shop.path("orders"): "y"}
    assert shop.failed(wishes, rebuild_tables=True) == {}
    assert bare(shop.created("orders"), "x").replace(" COMMENT='y'", "") == before


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("varchar(20) CHARACTER SET latin1 DEFAULT (concat(_latin1 x'E9', 'a'))", "by the bytes"),
        ("varchar(20) DEFAULT (concat(_utf8mb4'🎉', 'a'))", "by the bytes"),
    ],
)
def test_what_the_engine_itself_shows_wrongly_is_not_sent_back(shop: Shop, definition: str, why: str) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int, odd {definition})")
    before = shop.created("orders")
    failed = shop.failed({shop.path("orders", "id"): "x", shop.path("orders", "odd"): "y"})
    assert set(failed) == {"odd"}
    assert "the definition cannot be repeated" in str(failed["odd"])
    assert why in str(failed["odd"])
    assert bare(shop.created("orders"), "x") == before


def test_a_type_that_is_shown_wrongly_is_never_sent_without_the_guard(shop: Shop) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int, odd enum(x'FF') CHARACTER SET binary)")
    before = shop.created("orders")
    assert "enum('?')" in before
    failed = shop.failed({shop.path("orders", "odd"): "x"}, rebuild_tables=True)
    assert "Cannot change column type" in str(failed["odd"])
    assert shop.created("orders") == before
    shop.run(f"INSERT INTO {shop.sales}.orders VALUES (1, x'FF')")


def test_an_option_that_the_engine_does_not_know_is_not_dropped(shop: Shop) -> None:
    shop.run(
        "SET sql_mode = 'IGNORE_BAD_TABLE_OPTIONS'",
        f"CREATE TABLE {shop.sales}.orders (id int, odd int `flavour`='sour')",
    )
    before = shop.created("orders")
    assert set(shop.failed({shop.path("orders", "id"): "x", shop.path("orders", "odd"): "y"})) == {"odd"}
    assert bare(shop.created("orders"), "x") == before


def test_system_versioned_tables_keep_their_history(shop: Shop) -> None:
    shop.run(
        f"CREATE TABLE {shop.sales}.prices (id int, price int, note int WITHOUT SYSTEM VERSIONING)"
        " WITH SYSTEM VERSIONING",
        f"INSERT INTO {shop.sales}.prices VALUES (1, 2, 3)",
        f"UPDATE {shop.sales}.prices SET price = 4",
    )
    before = shop.created("prices")
    wishes = {shop.path("prices", name): "x" for name in ("id", "price", "note")} | {shop.path("prices"): "y"}
    assert shop.failed(wishes) == {}
    assert bare(shop.created("prices"), "x").replace(" COMMENT='y'", "") == before
    assert len(shop.ask(f"SELECT * FROM {shop.sales}.prices FOR SYSTEM_TIME ALL")) == 2


def test_columns_of_a_period_of_system_time_are_refused(shop: Shop) -> None:
    shop.run(
        f"CREATE TABLE {shop.sales}.prices (id int, since timestamp(6) GENERATED ALWAYS AS ROW START,"
        " until timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until))"
        " WITH SYSTEM VERSIONING"
    )
    state = shop.read()
    with shop.connector() as connector:
        refused = connector.refuse(change(shop.path("prices", "since"), "x", state))
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED


def test_sequences_are_described_and_their_columns_are_not(shop: Shop) -> None:
    shop.run(f"CREATE SEQUENCE {shop.sales}.numbers")
    assert shop.failed({shop.path("numbers"): "counts"}) == {}
    assert shop.comment(shop.sales, "numbers") == "counts"
    state = shop.read()
    with shop.connector() as connector:
        refused = connector.refuse(change(shop.path("numbers", "increment"), "x", state))
    assert refused == (Verdict.UNSUPPORTED, "the columns of a sequence are the engine's own")


def test_a_view_is_never_described_and_its_own_words_are_no_description(shop: Shop) -> None:
    shop.run(
        f"CREATE TABLE {shop.sales}.orders (id int COMMENT 'of the table')",
        f"CREATE VIEW {shop.sales}.recent AS SELECT id FROM {shop.sales}.orders",
        f"CREATE VIEW {shop.sales}.broken AS SELECT id FROM {shop.sales}.orders",
    )
    state = shop.read()
    assert [state[shop.path(*names)].description for names in (("recent",), ("recent", "id"))] == [None, None]
    assert state[shop.path("orders", "id")].description == "of the table"


# Any definition

_TYPES = {
    "int": ("5", "-1"),
    "int(3) unsigned zerofill": ("5",),
    "varchar(40)": ("'it''s'", "'\\\\'", "''", "'COMMENT'", "')'", "(concat('a', ',', 'b)'))"),
    "varchar(40) CHARACTER SET latin1": ("'é'", "'`'"),
    "varbinary(9)": ("x'FF00'", "'\\'\\n'"),
    "enum('''', ',', ')', '\"') CHARACTER SET utf8mb4": ("','", "''''"),
    "timestamp(2)": ("current_timestamp(2)", "current_timestamp(2) ON UPDATE current_timestamp(2)"),
    "datetime": ("'2020-01-01 00:00:00'", "current_timestamp() ON UPDATE current_timestamp()"),
    "decimal(9,3)": ("0.125",),
    "text": ("(concat('x', \"'\"))", "'y'"),
    "bit(9)": ("b'101'",),
    "double": ("1e-9",),
    "inet6": ("'::'",),
    "longtext COMPRESSED": ("'z'",),
}
_CHECKS = ("", " CHECK ({name} <> '),')", " CHECK (char_length({name}) > 0)", " CHECK ({name} is not null)")

#: What a comment can hold, within its limit.
_texts = nasty.map(
    lambda text: "".join(c for c in text if "\0" < c <= "\uffff" and not "\ud800" <= c <= "\udfff")[:500]
)


@st.composite
def _columns(draw: st.DrawFn, name: str) -> tuple[str, str]:
    """A column as somebody may have created it, and its comment."""
    type_ = draw(st.sampled_from(sorted(_TYPES)))
    default = draw(st.sampled_from(["", *(f" DEFAULT {value}" for value in _TYPES[type_])]))
    null = draw(st.sampled_from(["", " NOT NULL", " NULL"]))
    invisible = " INVISIBLE" if default and draw(st.booleans()) else ""
    comment = draw(
        st.one_of(
            st.just(""),
            st.sampled_from([text for text in TEXTS if len(text) < 99]).filter(
                lambda text: all("\0" < c <= "\uffff" and not "\ud800" <= c <= "\udfff" for c in text)
            ),
            _texts,
        )
    )
    about = f" COMMENT {MYSQL.literal(comment)}" if comment else ""
    check = draw(st.sampled_from(_CHECKS)).format(name=quoted(name))
    return f"{quoted(name)} {type_}{null}{default}{invisible}{about}{check}", comment


def test_any_definition_survives_any_comment(shop: Shop) -> None:
    accepted: list[str] = []
    names = ("a", "it's", "CHECK", "COMMENT", "back`tick", "a,b)")

    @some(300 if FULL else 15, shrink=FULL)
    @given(st.tuples(*(_columns(name) for name in names)), st.lists(_texts, min_size=len(names), max_size=len(names)))
    def tried(columns: tuple[tuple[str, str], ...], texts: list[str]) -> None:
        listed = ", ".join(definition for definition, _ in columns)
        try:
            shop.run("SET sql_mode = ''", f"CREATE OR REPLACE TABLE {shop.sales}.t ({listed}, last int)")
        except pymysql.MySQLError:
            assume(False)
        before = shop.created("t")
        accepted.append(before)
        paths = [shop.path("t", name) for name in names]
        assert shop.failed(dict(zip(paths, texts, strict=True))) == {}
        assert [shop.comment(*path[1:]) for path in paths] == texts
        # The comments that it had are put back: then everything is as it was.
        assert shop.failed({path: comment for path, (_, comment) in zip(paths, columns, strict=True)}) == {}
        assert shop.created("t") == before

    tried()
    assert len(set(accepted)) > 5
