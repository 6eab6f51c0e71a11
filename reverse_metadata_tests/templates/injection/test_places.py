"""Every value in every position, read again by a lexer that shares nothing with the one that wrote it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.dialects import Dialect, Quoted
from reverse_metadata.errors import Unwritable
from reverse_metadata.templates import Values, parse
from reverse_metadata_tests.templates.injection.forms import SPEECHES, Form, Speech
from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Token, Unreadable
from reverse_metadata_tests.templates.injection.values import FULL, nasty, some

_MARK = re.compile("«([a-z_]+)»")
#: Words that no dialect takes for a name; ClickHouse alone takes most.
_RESERVED = {"select", "table", "null", "true", "from"}


def check(speech: Speech, dialect: Dialect, form: Form, values: Mapping[str, str]) -> None:
    """The rendered template says what its author meant, or is refused for a value that the engine cannot hold."""
    meant = [speech.tokens(statement) for statement in form.meant]
    places = [token for statement in meant for token in statement if _MARK.search(token.value)]
    given_values = {name: value for name, value in values.items() if name not in ("key", "value")}
    tags = [(values["key"], values["value"])] if "key" in values else None
    try:
        rendered = parse(form.template, dialect).render(Values(**given_values, tags=tags))
    except Unwritable as refusal:
        if not any(_unholdable(speech, place, values) for place in places):
            raise AssertionError("a value was refused that the engine can hold") from refusal
        return
    try:
        found = [speech.tokens(statement) for statement in rendered]
    except Unreadable as error:
        raise AssertionError(f"the engine would not read {rendered}: {error}") from error
    assert len(found) == len(meant), rendered
    for of_found, of_meant in zip(found, meant, strict=True):
        assert len(of_found) == len(of_meant), (rendered, of_found)
        for token, wanted in zip(of_found, of_meant, strict=True):
            assert _same(token, wanted, values), (rendered, token, wanted)


def _same(token: Token, meant: Token, values: Mapping[str, str]) -> bool:
    if not _MARK.search(meant.value):
        return token == meant
    wanted = replace(meant, value=_filled(meant, values))
    plain = wanted.kind is Kind.NAME and token.kind is Kind.WORD and token.value.lower() not in _RESERVED
    return token == wanted or (plain and token.value == wanted.value)


def _filled(place: Token, values: Mapping[str, str]) -> str:
    return _MARK.sub(lambda mark: values[mark[1]], place.value)


def _unholdable(speech: Speech, place: Token, values: Mapping[str, str]) -> bool:
    """Whether the engine can hold neither the whole nor a value in it."""
    cannot = speech.not_in_text if place.kind is Kind.TEXT else speech.not_in_name
    parts = [values[name] for name in _MARK.findall(place.value)]
    return any(map(cannot, [_filled(place, values), *parts]))


def _filled_in(form: Form) -> st.SearchStrategy[tuple[Form, dict[str, str]]]:
    names = sorted({name for statement in form.meant for name in _MARK.findall(statement)})
    return st.tuples(st.just(form), st.fixed_dictionaries(dict.fromkeys(names, nasty)))


def hold(speech: Speech, dialect: Dialect, examples: int, *, shrink: bool = True) -> None:
    """Hold the dialect against examples of all its templates. Raises AssertionError."""

    @some(examples, shrink=shrink)
    @given(st.sampled_from(speech.forms).flatmap(_filled_in))
    def each(case: tuple[Form, dict[str, str]]) -> None:
        check(speech, dialect, *case)

    each()


@pytest.mark.parametrize("name", SPEECHES)
def test_every_value_is_one_token_in_its_place(name: str) -> None:
    hold(SPEECHES[name], SPEECHES[name].dialect, 5_000 if FULL else 500)


def _with(dialect: Dialect, opening: str, **changes: Any) -> Dialect:
    """The dialect with other rules for one way to quote."""
    changed: dict[str, Any] = {"surer": "", **changes}
    quotes = [replace(each, **changed) if each.opening == opening else each for each in dialect.quotes]
    return replace(dialect, quotes=tuple(quotes))


def _forgetful(dialect: Dialect, opening: str, *characters: str) -> Dialect:
    """The dialect that does not escape these characters."""
    quoted: Quoted = dialect.quoted(opening)
    kept = {character: written for character, written in quoted.escapes.items() if character not in characters}
    return _with(dialect, opening, escapes=kept)


_WRONG_WAY = {"escapes": {"'": "\\'", "\\": "\\\\"}, "backslash": True, "doubles": False}
_BLIND = {"escapes": {"'": "''"}, "backslash": False}


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("postgres", lambda dialect: _with(dialect, "'", **_WRONG_WAY)),
        ("postgres", lambda dialect: _with(dialect, "E'", **_BLIND)),
        ("postgres", lambda dialect: _forgetful(dialect, "'", "'")),
        ("postgres", lambda dialect: _forgetful(dialect, '"', '"')),
        ("postgres", lambda dialect: replace(dialect, longest_name=None)),
        ("mysql", lambda dialect: _with(dialect, "'", **_BLIND)),
        ("mysql", lambda dialect: _forgetful(dialect, "'", "\\")),
        ("mysql", lambda dialect: _forgetful(dialect, "`", "`")),
        ("mysql-no-backslash", lambda dialect: _with(dialect, "'", **_WRONG_WAY)),
        ("mysql-ansi", lambda dialect: SPEECHES["mysql"].dialect),
        ("mysql-ansi-no-backslash", lambda dialect: SPEECHES["mysql-ansi"].dialect),
        ("clickhouse", lambda dialect: _with(dialect, "'", **_BLIND)),
        ("clickhouse", lambda dialect: _with(dialect, "`", escapes={"`": "``"}, backslash=False)),
        ("clickhouse", lambda dialect: _forgetful(dialect, "'", "\\")),
        ("trino", lambda dialect: _with(dialect, "'", **_WRONG_WAY)),
        ("trino", lambda dialect: _forgetful(dialect, '"', '"')),
        ("mssql", lambda dialect: _with(dialect, "N'", **_WRONG_WAY)),
        ("mssql", lambda dialect: _forgetful(dialect, "N'", "'")),
        ("mssql", lambda dialect: _forgetful(dialect, "[", "]")),
        ("mssql", lambda dialect: _forgetful(dialect, '"', '"')),
        ("mssql", lambda dialect: replace(dialect, unwritable_text=re.compile("\0"))),
        ("mssql-plain", lambda dialect: _with(dialect, "'", unwritable=None)),
        ("oracle", lambda dialect: _with(dialect, "'", **_WRONG_WAY)),
        ("oracle", lambda dialect: _forgetful(dialect, "'", "'")),
        (
            "oracle",
            lambda dialect: replace(
                _with(dialect, '"', escapes={'"': '""'}, doubles=True), unwritable_name=re.compile("\0")
            ),
        ),
        ("redshift", lambda dialect: SPEECHES["postgres"].dialect),
        ("redshift", lambda dialect: _with(dialect, "'", **_BLIND)),
        ("redshift", lambda dialect: _forgetful(dialect, "'", "'")),
        ("redshift", lambda dialect: _forgetful(dialect, '"', '"')),
        ("redshift", lambda dialect: replace(dialect, unwritable_name=re.compile("\0"))),
        ("bigquery", lambda dialect: _with(dialect, "'", **_BLIND, doubles=True)),
        ("bigquery", lambda dialect: _forgetful(dialect, "'", "\\")),
        ("bigquery", lambda dialect: _forgetful(dialect, "'", "\n")),
        ("bigquery", lambda dialect: _forgetful(dialect, "'''", "'")),
        ("bigquery", lambda dialect: _forgetful(dialect, "'''", "\r")),
        ("bigquery", lambda dialect: _forgetful(dialect, '"', '"')),
        ("bigquery", lambda dialect: _forgetful(dialect, '"""', '"')),
        ("bigquery", lambda dialect: _with(dialect, "`", escapes={"`": "``"}, backslash=False)),
        ("bigquery", lambda dialect: _forgetful(dialect, "`", "\\")),
        ("bigquery", lambda dialect: replace(dialect, unwritable_name=re.compile("\0"))),
        ("snowflake", lambda dialect: _with(dialect, "'", **_BLIND)),
        ("snowflake", lambda dialect: _with(dialect, '"', escapes={'"': '\\"'}, backslash=True)),
        ("snowflake", lambda dialect: _forgetful(dialect, "'", "\\")),
        ("snowflake", lambda dialect: _forgetful(dialect, "'", "'")),
        ("snowflake", lambda dialect: _forgetful(dialect, '"', '"')),
        ("snowflake", lambda dialect: replace(dialect, unwritable_text=None)),
        ("athena", lambda dialect: _with(dialect, "'", **_BLIND, doubles=True)),
        ("athena", lambda dialect: _forgetful(dialect, "'", "\\")),
        ("athena", lambda dialect: _forgetful(dialect, "'", "$")),
        ("athena", lambda dialect: _forgetful(dialect, '"', '"')),
        ("athena", lambda dialect: _forgetful(dialect, "`", "`")),
        ("spark", lambda dialect: _with(dialect, "'", **_BLIND)),
        ("spark", lambda dialect: _forgetful(dialect, "'", "$")),
        ("spark", lambda dialect: _forgetful(dialect, "'", "\\")),
    ],
)
def test_an_escaper_that_forgets_something_is_caught(name: str, broken: Callable[[Dialect], Dialect]) -> None:
    speech = SPEECHES[name]
    with pytest.raises(AssertionError):
        hold(speech, broken(speech.dialect), 2_000, shrink=False)
