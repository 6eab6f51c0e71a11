"""The connector's comments on a real Spark, which has them in common with Databricks, but neither tags nor owners."""

from collections.abc import Iterator

import pytest

from reverse_metadata_tests.connectors.databricks.changes import change, connector
from reverse_metadata_tests.contract.peer import TEXTS
from reverse_metadata_tests.engines.asked import Asked

PLACE = "spark_catalog.comments"
HELD = [text for text in TEXTS if connector().refuse(change(f"{PLACE}.t", "table", text)) is None]


@pytest.fixture(scope="module")
def comments(spark: Asked) -> Iterator[Asked]:
    """A schema with a table and a view, whose columns are ours to describe."""
    columns = ", ".join(f"c{number} int" for number in range(len(HELD)))
    spark.run("CREATE DATABASE comments")
    spark.run(f"CREATE TABLE comments.t ({columns}) USING parquet")
    spark.run("CREATE VIEW comments.v AS SELECT * FROM comments.t")
    try:
        yield spark
    finally:
        spark.run("DROP DATABASE comments CASCADE")


def sent(spark: Asked, path: str, kind: str, text: str | None) -> None:
    """What the connector would send, sent. Files that are no Delta table's are described column by column."""
    (statement,) = connector().resolve([change(path, kind, text)])
    spark.run(statement.text)


def comment_of(spark: Asked, table: str) -> str:
    told = {name: text for name, text, _ in spark.run(f"DESCRIBE TABLE EXTENDED comments.{table}")}
    return str(told.get("Comment", ""))


def test_there_are_texts_to_send() -> None:
    assert len(HELD) == len(TEXTS) - 2


@pytest.mark.parametrize("text", HELD, ids=range(len(HELD)))
def test_the_text_of_a_table_or_schema_arrives_to_the_letter(comments: Asked, text: str) -> None:
    sent(comments, f"{PLACE}.t", "table", text)
    assert comment_of(comments, "t") == text
    sent(comments, PLACE, "schema", text)
    told = {row[0]: row[1] for row in comments.run("DESCRIBE SCHEMA EXTENDED comments")}
    assert told["Comment"] == text
    sent(comments, f"{PLACE}.t", "table", None)
    assert comment_of(comments, "t") == ""


def test_the_texts_of_columns_arrive_to_the_letter(comments: Asked) -> None:
    for number, text in enumerate(HELD):
        sent(comments, f"{PLACE}.t.c{number}", "column of a plain table", text)
    told = comments.run("DESCRIBE TABLE comments.t")
    assert [row[2] for row in told] == HELD
    sent(comments, f"{PLACE}.t.c0", "column of a plain table", None)
    assert not comments.run("DESCRIBE TABLE comments.t")[0][2]


@pytest.mark.parametrize("text", HELD, ids=range(len(HELD)))
def test_the_text_of_a_view_of_the_hive_metastore_arrives_to_the_letter(comments: Asked, text: str) -> None:
    for value in (text, None):
        (statement,) = connector().resolve([change("hive_metastore.comments.v", "view", value)])
        comments.run(statement.text.replace("hive_metastore", "spark_catalog", 1))
        assert comment_of(comments, "v") == (value or "")


def test_several_columns_in_one_statement_are_parsed(comments: Asked) -> None:
    """Only Delta carries them out, which is not part of Spark; that it is no mistake of the grammar is told."""
    (statement,) = connector().resolve([change(f"{PLACE}.t.c{number}", "column", TEXTS[0]) for number in range(2)])
    with pytest.raises(Exception, match=r"UNSUPPORTED_FEATURE\.TABLE_OPERATION"):
        comments.run(statement.text)
