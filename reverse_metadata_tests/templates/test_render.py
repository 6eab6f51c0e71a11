import pytest

from reverse_metadata.dialects import dialect_of
from reverse_metadata.errors import Unwritable
from reverse_metadata.templates import TemplateError, Values, parse

POSTGRES = dialect_of("postgres")
ORDERS = Values(
    schema="sales", table="orders", description="It's all", tag_key="PII", tag_value="Sensitive", operation="set"
)


def rendered(text: str, values: Values = ORDERS, system: str = "postgres") -> tuple[str, ...]:
    return parse(text, dialect_of(system)).render(values)


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        ("tag_value.upper()", "'SENSITIVE'"),
        ("tag_value.lower()", "'sensitive'"),
        ("tag_value.replace('s', tag_key)", "'SenPIIitive'"),
        ("tag_value.strip('Se')", "'nsitiv'"),
        ("tag_value[:3]", "'Sen'"),
        ("tag_value[-1]", "'e'"),
        ("tag_value[99]", "''"),
        ("tag_value[::-1]", "'evitisneS'"),
        ("tag_value + tag_value.title()", "'SensitiveSensitive'"),
        ("tag_key + tag_value:literal", "'PIISensitive'"),
        ("tag_key + tag_value:identifier", '"PIISensitive"'),
        ("tag_value!s", "'Sensitive'"),
        ("tag_key!s:literal", "'PII'"),
        (" \n tag_value\n ", "'Sensitive'"),
        ("'SET' if operation == 'set' else 'UNSET'", "SET"),
        ("operation.upper() + ' TAG'", "SET TAG"),
        ("'yes' if tag_value in ('Sensitive', 'x') else 'no'", "yes"),
        ("'yes' if 'Sens' in tag_value else 'no'", "yes"),
        ("'yes' if tag_value.startswith('Sens') and not tag_key.endswith('X') else 'no'", "yes"),
        ("'yes' if tag_key != 'PII' or tag_value is None else 'no'", "no"),
        ("'yes' if previous is None else 'no'", "yes"),
        ("previous or tag_value", "'Sensitive'"),
        ("tag_value if previous else \"'new'\"", "'new'"),
        ("'}' if operation == 'set' else '{'", "}"),
        ("'x' if tag_value == '\\'' else 'y'", "y"),
        ("previous.upper()", "NULL"),
        ("previous[:2]", "NULL"),
        ("previous + tag_value", "'Sensitive'"),
    ],
)
def test_expressions(expression: str, sql: str) -> None:
    assert rendered(f"= {{{expression}}}") == (f"= {sql}",)


def test_braces_are_doubled_as_in_python() -> None:
    assert rendered("{{ {table} }} '{{{table}}}'") == ("{ orders } '{orders}'",)


def test_statements_are_split_where_the_engine_would() -> None:
    template = "a ';' \"{table};\"; ; -- ;\nb /* ; /* ; */ ; */ $x$ ; $x$;\n\n -- the end ;\n"
    assert rendered(template) == ("a ';' \"orders;\"", "-- ;\nb /* ; /* ; */ ; */ $x$ ; $x$")


def test_a_value_is_not_split() -> None:
    assert rendered("IS {description}; x", Values(description="a; b")) == ("IS 'a; b'", "x")


def test_the_level_is_that_of_the_deepest_identifier_and_the_aspect_that_of_the_value() -> None:
    template = parse("COMMENT ON COLUMN {schema}.{table}.{column} IS {description}", POSTGRES)
    assert (template.level, template.aspect) == ("column", "description")
    template = parse("ALTER DATABASE shop OWNER TO {owner}", POSTGRES)
    assert (template.level, template.aspect) == (None, "owner")
    template = parse("CALL log({fqn:literal})", POSTGRES)
    assert (template.level, template.aspect) == (None, None)


def test_a_variable_in_a_condition_is_used_too() -> None:
    template = parse("COMMENT {'x' if operation == 'set' else 'y'} {table}", POSTGRES)
    assert template.uses("operation")
    assert template.uses("table")
    assert not template.uses("schema")


@pytest.mark.parametrize(("system", "nothing"), [("postgres", "NULL"), ("trino", "NULL"), ("mysql", "''")])
def test_no_text_is_written_as_the_dialect_does(system: str, nothing: str) -> None:
    assert rendered("IS {description}", Values(), system) == (f"IS {nothing}",)
    assert rendered("IS '{description}'", Values(), system) == ("IS ''",)


@pytest.mark.parametrize("text", ["x {table}", 'x "{table}"', "x {description:identifier}"])
def test_a_name_must_have_a_value(text: str) -> None:
    with pytest.raises(TemplateError) as missing:
        rendered(text, Values())
    assert missing.value.line == 1


def test_which_name_has_no_value() -> None:
    with pytest.raises(TemplateError) as missing:
        rendered("COMMENT ON {schema}.{table}", Values(schema="s"))
    assert str(missing.value) == (
        "line 1, column 21: {table} has no value here and stands where a name or list must be\n"
        "  COMMENT ON {schema}.{table}\n"
        "                      ^"
    )


@pytest.mark.parametrize("tags", [[], None])
def test_a_list_of_tags_is_never_empty(tags: list[tuple[str, str]] | None) -> None:
    with pytest.raises((Unwritable, TemplateError)):
        rendered("SET TAGS {tags}", Values(tags=tags), "databricks")


def test_plain_quotes_with_a_backslash_take_the_form_that_no_setting_changes() -> None:
    # The author's own backslash is a plain character, as the author's quotes say.
    values = Values(table="o", description="\\'; DROP TABLE o; --")
    assert rendered(r"IS 'C:\{{x}} {description}'", values) == (r"IS E'C:\\{x} \\''; DROP TABLE o; --'",)
    assert rendered(r"IS 'C:\{{x}} {description}'", Values(description="y")) == (r"IS 'C:\{x} y'",)


def test_prefixes_belong_to_the_value_that_follows() -> None:
    assert rendered("IS E{description}", Values(description="a\\b'c")) == ("IS E'a\\\\b''c'",)
    assert rendered("IS e{description}", Values(description="x")) == ("IS E'x'",)
    assert rendered("= N{description}", Values(description="a\\b"), "mysql") == ("= N'a\\\\b'",)
    assert rendered("IS E{description}", Values()) == ("IS NULL",)


def test_text_of_ours_may_be_part_of_a_word() -> None:
    text = "ALTER {'UN' if operation == 'unset' else ''}SET TAG {tag_key}"
    assert rendered(text, Values(operation="unset", tag_key="PII")) == ('ALTER UNSET TAG "PII"',)


def test_names_may_be_joined_within_quotes() -> None:
    assert rendered('"{schema}_{table}"', Values(schema='a"', table="b")) == ('"a""_b"',)


def test_what_a_name_in_spark_cannot_say() -> None:
    for name in ("${env:HOME}", "a$", "a\0", "\ud800", ""):
        with pytest.raises(Unwritable):
            rendered("x `{table}`", Values(table=name), "databricks")


@pytest.mark.parametrize(
    ("text", "values", "system"),
    [
        # Together with what the author wrote, the value would begin a comment, a substitution, another string.
        ("-{'' if operation == 'set' else ' '}-x {table}", Values(table="t"), "postgres"),
        ("'{'$' if operation == 'set' else ''}{{{tag_value}'", Values(tag_value="env:HOME}"), "databricks"),
    ],
)
def test_what_was_written_is_read_once_more(text: str, values: Values, system: str) -> None:
    with pytest.raises(Unwritable, match="in the template"):
        rendered(text, values, system)


def test_a_comment_at_the_end_swallows_nothing_that_is_put_behind_it() -> None:
    template = parse("COMMENT ON TABLE {schema}.{table} IS {description} -- ours", dialect_of("postgres"))
    assert template.render(Values(schema="s", table="t", description="x")) == ("COMMENT ON TABLE s.t IS 'x' -- ours\n",)
    block = parse("COMMENT ON TABLE {schema}.{table} IS {description} /* ours */", dialect_of("postgres"))
    assert block.render(Values(schema="s", table="t", description="x")) == ("COMMENT ON TABLE s.t IS 'x' /* ours */",)
