from typing import Any

import pytest

from reverse_metadata.dialects import dialect_of
from reverse_metadata.model import Aspect, EntityType
from reverse_metadata.templates import TemplateMistakes, TemplateSet, Values

POSTGRES = dialect_of("postgres")
TABLE = "COMMENT ON TABLE {schema}.{table} IS {description}"
COLUMN = "COMMENT ON COLUMN {schema}.{table}.{column} IS {description}"
CLEAR = "COMMENT ON TABLE {schema}.{table} IS NULL"
TAG = "CALL {operation}_tag({schema:literal}, {table:literal}, {tag_key:literal}, {tag_value})"


def served(spec: Any, system: str = "postgres") -> dict[tuple[str, str, str], str]:
    """The template of every change that has one."""
    templates = TemplateSet.of(spec, dialect_of(system))
    return {
        (aspect.value, level.value, operation): template.text
        for aspect in Aspect
        for level in EntityType
        for operation in ("set", "unset")
        if (template := templates.find(aspect, level, operation)) is not None
    }


def mistakes(spec: Any, system: str = "postgres") -> list[str]:
    with pytest.raises(TemplateMistakes) as wrong:
        TemplateSet.of(spec, dialect_of(system))
    assert str(wrong.value) == "\n".join(wrong.value.mistakes)
    return wrong.value.mistakes


def test_a_plain_string_serves_the_changes_that_it_speaks_about() -> None:
    assert served(TABLE) == {("description", "table", "set"): TABLE}
    assert served(COLUMN) == {("description", "column", "set"): COLUMN}
    assert served("ALTER DATABASE {database} OWNER TO {owner}") == {
        ("owner", "database", "set"): "ALTER DATABASE {database} OWNER TO {owner}"
    }


def test_a_template_that_asks_for_the_operation_serves_both() -> None:
    assert served(TAG) == {("tags", "table", "set"): TAG, ("tags", "table", "unset"): TAG}


def test_templates_by_aspect_level_and_operation() -> None:
    owner = "ALTER SCHEMA {schema} OWNER TO {owner}"
    assert served(
        {
            "description": {"table": {"set": TABLE, "unset": CLEAR}, "column": COLUMN},
            "owner": owner,
            "tags": {"table": TAG},
        }
    ) == {
        ("description", "table", "set"): TABLE,
        ("description", "table", "unset"): CLEAR,
        ("description", "column", "set"): COLUMN,
        ("owner", "schema", "set"): owner,
        ("tags", "table", "set"): TAG,
        ("tags", "table", "unset"): TAG,
    }


def test_what_serves_unset_clears() -> None:
    template = TemplateSet.of({"description": {"table": {"unset": TABLE}}}, POSTGRES).find(
        Aspect.DESCRIPTION, EntityType.TABLE, "unset"
    )
    assert template is not None
    assert template.render(Values(schema="s", table="t", operation="unset")) == ("COMMENT ON TABLE s.t IS NULL",)


def test_a_database_may_be_the_one_that_the_connection_is_to() -> None:
    text = "COMMENT ON DATABASE shop IS {description}"
    assert served({"description": {"database": text}}) == {("description", "database", "set"): text}


@pytest.mark.parametrize(
    ("spec", "verify"), [(TABLE, "read_back"), ({"description": TABLE}, "read_back"), ({"verify": "none"}, "none")]
)
def test_what_is_written_is_read_back_unless_told_otherwise(spec: Any, verify: str) -> None:
    assert TemplateSet.of(spec, POSTGRES).verify == verify


def test_every_mistake_is_told_at_once() -> None:
    assert mistakes(
        {
            "verify": "no",
            "describtion": TABLE,
            "description": {"tabel": TABLE, "table": {"sett": TABLE}, "column": ["x"]},
            "owner": 1,
            "tags": {"table": {"set": {"x": "y"}}},
        }
    ) == [
        "verify: must be read_back or none, not 'no'",
        "describtion: unknown key; did you mean description?",
        "description.tabel: unknown key; did you mean table?",
        "description.table.sett: unknown key; did you mean set?",
        "description.column: must be a template, or several by key",
        "owner: must be a template, or several by key",
        "tags.table.set: must be a template",
    ]


def test_every_mistake_of_a_template_is_told_in_its_order() -> None:
    assert mistakes("COMMENT ON TABLE {schem}.{tabel} IS {description}_") == [
        "line 1, column 19: there is no variable schem; did you mean schema?\n"
        "  COMMENT ON TABLE {schem}.{tabel} IS {description}_\n"
        "                    ^",
        "line 1, column 27: there is no variable tabel; did you mean table?\n"
        "  COMMENT ON TABLE {schem}.{tabel} IS {description}_\n"
        "                            ^",
        "line 1, column 37: {description} touches what stands beside it, and its value is a whole name or text; "
        "put quotes around both, or a blank between\n"
        "  COMMENT ON TABLE {schem}.{tabel} IS {description}_\n"
        "                                      ^",
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"description": {"database": "COMMENT ON COLUMN {table}.{column} IS {description}"}},
            "description.database: line 1, column 20: a database has no {table}\n"
            "  COMMENT ON COLUMN {table}.{column} IS {description}\n"
            "                     ^",
        ),
        (
            {"description": {"table": {"set": "COMMENT ON SCHEMA {schema} IS {description}"}}},
            "description.table.set: line 1, column 1: this names no {table}, so it would change the same thing for "
            "every table\n"
            "  COMMENT ON SCHEMA {schema} IS {description}\n"
            "  ^",
        ),
        (
            {"owner": TABLE},
            "owner: line 1, column 39: {description} has no value when the owner changes\n"
            "  COMMENT ON TABLE {schema}.{table} IS {description}\n"
            "                                        ^",
        ),
        (
            "COMMENT ON TABLE {table} IS 'x'",
            "line 1, column 1: this says not what it writes: use a variable such as {description}\n"
            "  COMMENT ON TABLE {table} IS 'x'\n"
            "  ^",
        ),
        (
            {"description": "COMMENT ON TABLE orders IS {description}"},
            "description: line 1, column 1: this says not what it changes: name it, as by {schema}.{table}\n"
            "  COMMENT ON TABLE orders IS {description}\n"
            "  ^",
        ),
    ],
)
def test_a_template_must_fit_its_keys(spec: Any, message: str) -> None:
    assert message in mistakes(spec)


def test_a_made_up_database_has_no_template() -> None:
    spec = {"description": {"database": "ALTER DATABASE shop COMMENT {description}"}}
    assert mistakes(spec, "mysql") == ["description.database: the catalog makes up the database of MySQL"]
