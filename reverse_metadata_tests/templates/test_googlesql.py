"""What Google's own parser says of the SQL that is rendered for BigQuery."""

from reverse_metadata_tests.templates import googlesql


def test_what_was_judged_is_what_is_rendered() -> None:
    assert [sql for sql, _ in googlesql.judged()] == [*googlesql.statements(), *googlesql.MISTAKES]


def test_googles_parser_takes_every_statement_and_no_mistake() -> None:
    assert {sql for sql, refused in googlesql.judged() if refused} == set(googlesql.MISTAKES)
    assert len(googlesql.statements()) > 200
