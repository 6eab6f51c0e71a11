import pytest
from click.testing import CliRunner, Result

from reverse_metadata.cli import main


def run(system: str, template: str, **given: str) -> Result:
    options = [option for name, value in given.items() for option in ("--set", f"{name}={value}")]
    return CliRunner().invoke(main, ["template", system, template, *options])


def test_the_sql_alone_is_on_stdout() -> None:
    result = run("postgres", "COMMENT ON TABLE {table} IS {description};", table="orders", description="it's")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "COMMENT ON TABLE orders IS 'it''s'\n", "")


def test_several_statements_are_joined() -> None:
    result = run("mysql", "FLUSH; ALTER TABLE {table} COMMENT {description};", table="order", description="a=b;c")
    assert result.stdout == "FLUSH;\nALTER TABLE `order` COMMENT 'a=b;c'\n"


def test_tags_are_pairs() -> None:
    result = run("databricks", "ALTER TABLE {table} SET TAGS {tags}", table="orders", tags="[('k', 'v'), ('l', 'w')]")
    assert result.stdout == "ALTER TABLE orders SET TAGS ('k' = 'v', 'l' = 'w')\n"


def test_the_entity_type_is_that_of_the_template() -> None:
    assert run("postgres", "COMMENT ON {entity_type.upper()} {table}", table="t").stdout == "COMMENT ON TABLE t\n"
    assert run("postgres", "x {entity_type} {table}", table="t", entity_type="schema").stdout == "x schema t\n"


def test_an_empty_value_is_a_value() -> None:
    assert run("postgres", "IS {description}", description="").stdout == "IS ''\n"
    assert run("postgres", "IS {description}").stdout == "IS NULL\n"


def test_a_caret_under_what_is_wrong() -> None:
    result = run("postgres", "COMMENT ON TABLE {tabel} IS {description}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "line 1, column 19: there is no variable tabel; did you mean table?\n"
        "  COMMENT ON TABLE {tabel} IS {description}\n"
        "                    ^\n"
    )


def test_what_shows_only_with_the_values() -> None:
    result = run("postgres", "COMMENT ON TABLE {table} IS {description}", description="x")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "                   ^"
    result = run("postgres", "OWNER TO {owner}", owner="x" * 64)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (f"PostgreSQL cuts names off after 63 bytes and would take another one: '{'x' * 64}'\n")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("tabel=x", "--set tabel=x: there is no variable 'tabel'; did you mean table?"),
        ("table", "--set table: a variable is set as name=value"),
        ("operation=drop", "--set operation=drop: must be one of set, unset"),
        ("tags=x", "--set tags=x: tags are pairs of key and value: [('PII', 'Sensitive')]"),
        ("tags=[('a', 1)]", "--set tags=[('a', 1)]: tags are pairs of key and value: [('PII', 'Sensitive')]"),
        ("tags=['abc']", "--set tags=['abc']: tags are pairs of key and value: [('PII', 'Sensitive')]"),
    ],
)
def test_a_wrong_variable(given: str, message: str) -> None:
    result = CliRunner().invoke(main, ["template", "postgres", "x {table}", "--set", given])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message + "\n")


def test_every_wrong_variable_is_told_at_once() -> None:
    result = CliRunner().invoke(main, ["template", "postgres", "x", "--set", "a", "--set", "operation="])
    assert result.stderr.splitlines()[0] == "2 mistakes:"


def test_a_system_without_templates() -> None:
    result = run("postgre", "x")
    assert (result.exit_code, result.stderr) == (
        2,
        "there are no SQL templates for 'postgre'; did you mean 'postgres'?\n",
    )
