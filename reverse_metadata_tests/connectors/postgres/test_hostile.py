"""Texts and names that were written to break out of a statement."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql as composed

from reverse_metadata.connectors.postgres import sql
from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.model import Verdict
from reverse_metadata_tests.connectors.postgres.shop import Shop, a_shop

COLUMNS = 25

FIXED = [
    "'",
    "''",
    "it's",
    "\\",
    "\\'",
    "'\\",
    "\\\\'",
    "\\'; DROP TABLE wide; --",
    "'; DROP TABLE wide; --",
    "x' IS NULL; COMMENT ON TABLE wide IS 'taken",
    "$$",
    "$tag$ text $tag$",
    "E'\\x41'",
    "U&'\\0041'",
    "\\n \\t \\u0041 \\101 \\x41",
    "-- comment",
    "/* comment",
    "*/",
    ";",
    "\n",
    "one\ntwo",
    "one\r\ntwo",
    "one\rtwo",
    "\ttab\v\f",
    " leading and trailing ",
    "%s %(name)s %% {x} {{}}",
    "${env:HOME} $HOME $(id) `id`",
    "🎉👩‍👩‍👧‍👦 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "right \u202eto left\u202c \u200f\u2066",
    "\x1b[2J\x1b[31mred\x1b[0m\x07",
    "\x7f\x80\x9b\x9d",
    "\ufeff\ufffe\uffff\U0010ffff",
    "e\u0301 is not é",
    "NULL",
    "null",
    "x" * 65536,
    "'" * 65536,
    "\\" * 65535 + "'",
    "ü\n'" * 22000,
    "",
    "nul\0",
    "\0",
    "half \ud83c",
    "\udf89 half",
    "\udf89\ud83c",
]

texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="'\\\"$;-/*\n\r\t%{}E \u202e\x1b", max_size=20),
    st.text(alphabet=st.sampled_from("a'\\\0\ud800\udfff🎉"), max_size=8),
    st.lists(st.sampled_from(["'", "\\", "''", "\\'", "E'", "$$", "$a$", "--", "/*", "*/", ";", "\n"])).map("".join),
)

#: Column names that every table has already.
SYSTEM = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}

names = (
    st.one_of(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
        st.text(alphabet="aA'\\\".;$ \n-", min_size=1, max_size=12),
        st.sampled_from(["select", "user", "Table", "a" * 63, "é" * 31, "NULL", "v1.orders", '"', '""', "a.b.c", "."]),
    )
    .filter(sql.nameable)
    .filter(lambda name: name not in SYSTEM)
)


@pytest.fixture(scope="module")
def wide(engine: str) -> Iterator[Shop]:
    """A database with one wide table."""
    with a_shop(engine) as shop:
        shop.table("wide", columns=COLUMNS)
        yield shop


@pytest.fixture(scope="module", params=["on", "off"])
def setting(request: pytest.FixtureRequest, wide: Shop) -> str:
    """Each setting of `standard_conforming_strings`, as options of the session."""
    value = str(request.param)
    options = f"-c standard_conforming_strings={value}"
    with wide.connector(options=options) as connector:
        assert connector._connection(wide.database).execute("SHOW standard_conforming_strings").fetchall() == [(value,)]
    return options


def exactly_or_refused(shop: Shop, options: str, wanted: list[str]) -> None:
    """Push each text to a column of its own, in one batch."""
    columns = [("public", "wide", f"c{number}") for number in range(len(wanted))]
    changes = [shop.describe(*names, text=text) for names, text in zip(columns, wanted, strict=True)]
    with shop.connector(options=options) as connector:
        accepted = []
        for change in changes:
            assert change.value is not None
            refused = connector.refuse(change)
            if refused is None:
                accepted.append(change)
            else:
                assert refused[0] is Verdict.INVALID
                assert "\0" in change.value or any("\ud800" <= character <= "\udfff" for character in change.value)
        outcomes = list(connector.execute(shop.partition(), connector.resolve(accepted)))
        state = connector.read(shop.partition())
    assert [outcome.error for outcome in outcomes] == [None] * len(accepted)
    assert [state[change.path].description or "" for change in accepted] == [change.value for change in accepted]
    assert len(state) == 2 + COLUMNS


def test_fixed_texts_come_back_exactly_or_are_refused(wide: Shop, setting: str) -> None:
    for start in range(0, len(FIXED), COLUMNS):
        exactly_or_refused(wide, setting, FIXED[start : start + COLUMNS])


# 40 x 25 texts for each of two engines with each of two settings.
@given(wanted=st.lists(texts, min_size=COLUMNS, max_size=COLUMNS))
@settings(max_examples=40, deadline=None)
def test_any_text_comes_back_exactly_or_is_refused(wide: Shop, setting: str, wanted: list[str]) -> None:
    exactly_or_refused(wide, setting, wanted)


@given(columns=st.lists(names, min_size=1, max_size=COLUMNS, unique=True), table=names, schema=names)
@settings(max_examples=25, deadline=None)
def test_any_name_is_read_and_written(wide: Shop, columns: list[str], table: str, schema: str) -> None:
    schema = f"{schema[:15]} '\".\\"
    listed = composed.SQL(", ").join(composed.SQL("{} int").format(composed.Identifier(name)) for name in columns)
    with wide.connect() as connection:
        connection.execute(composed.SQL("CREATE SCHEMA {}").format(composed.Identifier(schema)))
        try:
            created = composed.SQL("CREATE TABLE {} ({})")
            connection.execute(created.format(composed.Identifier(schema, table), listed))
            named = [(schema,), (schema, table), *((schema, table, column) for column in columns)]
            for options in ["-c standard_conforming_strings=on", "-c standard_conforming_strings=off"]:
                about = {names: f"{options} {number}" for number, names in enumerate(named)}
                writes = [wide.describe(*names, text=text) for names, text in about.items()]
                outcomes = wide.push(writes, schema, options=options)
                assert [outcome.error for outcome in outcomes] == [None] * len(named)
                state = wide.read(schema, options=options)
                assert {path[1:]: found.description for path, found in state.items()} == about
                with wide.connector(options=options) as connector:
                    assert set(connector.read(wide.partition(schema), [table])) == set(state)
        finally:
            connection.execute(composed.SQL("DROP SCHEMA {} CASCADE").format(composed.Identifier(schema)))


ROLES = [
    "Data Team",
    "data.team",
    'say "hi"',
    "it's",
    "back\\slash",
    "current_user",
    "user",
    "all",
    "größe",
    "a" * 63,
    "line\nbreak",
    "x; DROP TABLE wide; --",
]


@pytest.mark.parametrize("role", ROLES)
def test_any_role_becomes_an_owner(wide: Shop, role: str) -> None:
    with wide.connect() as connection:
        connection.execute(composed.SQL("CREATE ROLE {}").format(composed.Identifier(role)))
        try:
            with wide.connector() as connector:
                assert set(connector.principals([role])) == {role}
            (outcome,) = wide.push([wide.give("public", "wide", owner=role)])
            assert outcome.error is None
            assert wide.read()[wide.path("public", "wide")].owner == role
        finally:
            connection.execute("ALTER TABLE wide OWNER TO postgres")
            connection.execute(composed.SQL("DROP ROLE {}").format(composed.Identifier(role)))


def test_every_word_that_the_server_quotes_is_quoted(wide: Shop) -> None:
    words = wide.ask("SELECT word FROM pg_get_keywords() WHERE quote_ident(word) <> word")
    assert [word for (word,) in words if identifier(word) != f'"{word}"'] == []
    assert len(words) > 140


def test_no_word_is_quoted_that_the_newest_server_does_not_quote(postgres_host: str) -> None:
    with a_shop(postgres_host) as shop:
        words = shop.ask("SELECT word FROM pg_get_keywords() WHERE quote_ident(word) = word")
    assert [word for (word,) in words if identifier(word) != word] == []
