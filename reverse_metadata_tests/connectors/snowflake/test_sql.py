"""The exact SQL for every level, kind and aspect, without a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.snowflake import sql
from reverse_metadata.model import Change
from reverse_metadata_tests.connectors.snowflake.changes import DESCRIPTION, OWNER, TAGS, connector, made, resolved
from reverse_metadata_tests.engines.snowflake_grammar import Comment, SetTags, parse
from reverse_metadata_tests.templates.injection.values import FULL, nasty, some

_T = '"Shop"."s"."T"'
_PII = '"GOV"."TAGS"."PII"'


@pytest.mark.parametrize(
    ("kind", "path", "set_", "unset"),
    [
        ("database", ("Shop",), """ALTER DATABASE "Shop" SET COMMENT = 'x'""", 'ALTER DATABASE "Shop" UNSET COMMENT'),
        (
            "schema",
            ("Shop", "s"),
            """ALTER SCHEMA "Shop"."s" SET COMMENT = 'x'""",
            'ALTER SCHEMA "Shop"."s" UNSET COMMENT',
        ),
        *(
            (kind, ("Shop", "s", "T"), f"ALTER {word} {_T} SET COMMENT = 'x'", f"ALTER {word} {_T} UNSET COMMENT")
            for kind, word in (
                ("table", "TABLE"),
                ("transient table", "TABLE"),
                ("hybrid table", "TABLE"),
                ("event table", "TABLE"),
                ("dynamic table", "DYNAMIC TABLE"),
                ("iceberg table", "ICEBERG TABLE"),
                ("view", "VIEW"),
                ("materialized view", "MATERIALIZED VIEW"),
            )
        ),
        ("external table", ("Shop", "s", "T"), f"COMMENT ON TABLE {_T} IS 'x'", f"COMMENT ON TABLE {_T} IS ''"),
    ],
)
def test_descriptions_of_objects(kind: str, path: tuple[str, ...], set_: str, unset: str) -> None:
    assert resolved(made(path, kind, DESCRIPTION, "x")) == [set_]
    assert resolved(made(path, kind, DESCRIPTION, None)) == [unset]


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("table", f"""ALTER TABLE {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" UNSET COMMENT"""),
        ("transient table", f"""ALTER TABLE {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" UNSET COMMENT"""),
        ("hybrid table", f"""ALTER TABLE {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" UNSET COMMENT"""),
        ("dynamic table", f"""ALTER DYNAMIC TABLE {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" UNSET COMMENT"""),
        ("iceberg table", f"""ALTER ICEBERG TABLE {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" COMMENT ''"""),
        ("view", f"""ALTER VIEW {_T} ALTER COLUMN "a" COMMENT 'x', COLUMN "B" COMMENT ''"""),
        ("materialized view", f"""COMMENT ON COLUMN {_T}."a" IS 'x';\nCOMMENT ON COLUMN {_T}."B" IS ''"""),
        ("external table", f"""COMMENT ON COLUMN {_T}."a" IS 'x';\nCOMMENT ON COLUMN {_T}."B" IS ''"""),
    ],
)
def test_descriptions_of_columns_go_together(kind: str, statement: str) -> None:
    a, b = (made(("Shop", "s", "T", name), kind, DESCRIPTION, value) for name, value in (("a", "x"), ("B", None)))
    assert resolved(a, b) == [statement]


@pytest.mark.parametrize(
    ("kind", "path", "named"),
    [
        ("database", ("Shop",), 'DATABASE "Shop"'),
        ("schema", ("Shop", "s"), 'SCHEMA "Shop"."s"'),
        ("table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("transient table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("hybrid table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("event table", ("Shop", "s", "T"), f"EVENT TABLE {_T}"),
        ("external table", ("Shop", "s", "T"), f"EXTERNAL TABLE {_T}"),
        ("dynamic table", ("Shop", "s", "T"), f"DYNAMIC TABLE {_T}"),
        ("iceberg table", ("Shop", "s", "T"), f"ICEBERG TABLE {_T}"),
        ("view", ("Shop", "s", "T"), f"VIEW {_T}"),
        ("materialized view", ("Shop", "s", "T"), f"VIEW {_T}"),
    ],
)
def test_owners(kind: str, path: tuple[str, ...], named: str) -> None:
    given = f'GRANT OWNERSHIP ON {named} TO ROLE "Data Team" COPY CURRENT GRANTS'
    assert resolved(made(path, kind, OWNER, "Data Team")) == [given]
    with pytest.raises(ValueError, match="without an owner"):
        resolved(made(path, kind, OWNER, None))


@pytest.mark.parametrize(
    ("kind", "path", "named"),
    [
        ("database", ("Shop",), 'DATABASE "Shop"'),
        ("schema", ("Shop", "s"), 'SCHEMA "Shop"."s"'),
        ("table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("event table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("external table", ("Shop", "s", "T"), f"TABLE {_T}"),
        ("dynamic table", ("Shop", "s", "T"), f"DYNAMIC TABLE {_T}"),
        ("iceberg table", ("Shop", "s", "T"), f"ICEBERG TABLE {_T}"),
        ("view", ("Shop", "s", "T"), f"VIEW {_T}"),
        ("materialized view", ("Shop", "s", "T"), f"VIEW {_T}"),
    ],
)
def test_tags_of_objects(kind: str, path: tuple[str, ...], named: str) -> None:
    wanted = [
        made(path, kind, TAGS, "Sensitive", "PII"),
        made(path, kind, TAGS, "it's", "Cost Center"),
        made(path, kind, TAGS, None, "Old"),
    ]
    assert resolved(*wanted) == [
        f"""ALTER {named} SET TAG {_PII} = 'Sensitive', "GOV"."TAGS"."Cost Center" = 'it''s';\n"""
        f"""ALTER {named} UNSET TAG "GOV"."TAGS"."Old\""""
    ]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("table", "TABLE"),
        ("external table", "TABLE"),
        ("event table", "TABLE"),
        ("dynamic table", "DYNAMIC TABLE"),
        ("iceberg table", "ICEBERG TABLE"),
        ("view", "VIEW"),
    ],
)
def test_tags_of_a_table_and_its_columns_go_together(kind: str, word: str) -> None:
    wanted = [
        made(("Shop", "s", "T"), kind, TAGS, "1", "A"),
        made(("Shop", "s", "T", "c"), kind, TAGS, "2", "A"),
        made(("Shop", "s", "T", "c"), kind, TAGS, "3", "B"),
        made(("Shop", "s", "T", "d"), kind, TAGS, "4", "A"),
        made(("Shop", "s", "T", "d"), kind, TAGS, None, "B"),
        made(("Shop", "s", "T", "e"), kind, TAGS, None, "B"),
    ]
    home = '"GOV"."TAGS"'
    assert resolved(*wanted) == [
        f"""ALTER {word} {_T} SET TAG {home}."A" = '1';\n"""
        f"""ALTER {word} {_T} MODIFY COLUMN "c" SET TAG {home}."A" = '2', {home}."B" = '3', """
        f"""COLUMN "d" SET TAG {home}."A" = '4';\n"""
        f"""ALTER {word} {_T} MODIFY COLUMN "d" UNSET TAG {home}."B", COLUMN "e" UNSET TAG {home}."B\""""
    ]


def test_aspects_and_tables_go_in_order() -> None:
    table, other = ("Shop", "s", "T"), ("Shop", "s", "A")
    statements = resolved(
        made(table, "table", OWNER, "R"),
        made((*table, "c"), "table", DESCRIPTION, "x"),
        made(table, "table", TAGS, "v", "k"),
        made(other, "view", DESCRIPTION, "x"),
        made(table, "table", DESCRIPTION, "x"),
    )
    assert [statement.split(" SET ")[0].split(" TO ")[0] for statement in statements] == [
        'ALTER VIEW "Shop"."s"."A"',
        f"ALTER TABLE {_T}",
        f"ALTER TABLE {_T}",
        f"GRANT OWNERSHIP ON TABLE {_T}",
    ]
    assert statements[1].count(";\n") == 1


def test_names_and_texts_mean_what_they_say() -> None:
    path = ('a"b', "c.d", "e'f", "g\\h;\n--")
    (statement,) = resolved(made(path, "table", DESCRIPTION, "it's \\ ;\n' \\'"))
    assert statement == (
        'ALTER TABLE "a""b"."c.d"."e\'f" ALTER COLUMN "g\\h;\n--" COMMENT \'it\'\'s \\\\ ;\n\'\' \\\\\'\'\''
    )
    assert sql.parts(statement) == [statement]


@some(300 if FULL else 50)
@given(st.dictionaries(nasty, nasty, min_size=1, max_size=5), st.sampled_from(["table", "view", "external table"]))
def test_any_name_and_text_is_one_place_of_a_statement(texts: dict[str, str], kind: str) -> None:
    """Read by the stand-in's parser, which shares nothing with what wrote it."""
    texts = {name: text for name, text in texts.items() if sql.nameable(name) and storable(text)}
    table = ("D", "S", "T")
    found: dict[str | None, str] = {}
    tags: dict[str | None, str | None] = {}
    wishes = [made((*table, name), kind, DESCRIPTION, text) for name, text in texts.items()]
    wishes += [made((*table, name), kind, TAGS, text, name) for name, text in texts.items()]
    for statement in resolved(*wishes):
        for part in sql.parts(statement):
            parsed = parse(part)
            assert isinstance(parsed, Comment | SetTags)
            assert parsed.path == table
            if isinstance(parsed, Comment):
                found |= parsed.texts
            else:
                tags |= {column: set_["GOV", "TAGS", str(column)] for column, set_ in parsed.tags.items()}
    assert found == tags == texts


def test_names_are_rewritten() -> None:
    change = made(("Shop", "s", "T"), "table", DESCRIPTION, "x")
    rewrite = {"database": {"Shop": "SHOP_CLONE"}}
    assert resolved(change, rewrite=rewrite) == ["""ALTER TABLE "SHOP_CLONE"."s"."T" SET COMMENT = 'x'"""]


def test_the_parts_of_a_statement_are_found_behind_any_text() -> None:
    texts = ["';\nDROP", "\\", "\\';\n", '"', ";\n", "x"]
    wanted = [made(("d", "s", "t", text), "external table", DESCRIPTION, text) for text in texts]
    (statement,) = resolved(*wanted)
    parts = sql.parts(statement)
    assert [part.count("COMMENT ON COLUMN") for part in parts] == [1] * len(texts)
    assert ";\n".join(parts) == statement


def test_a_statement_stays_below_the_size_that_snowflake_takes() -> None:
    wanted = [made(("d", "s", "t", f"c{number}"), "table", DESCRIPTION, "x" * 60_000) for number in range(10)]
    (statement,) = resolved(*wanted)
    parts = sql.parts(statement)
    assert [part.count("COLUMN") for part in parts] == [4, 4, 2]
    assert max(map(len, parts)) < 1_000_000


def test_no_statement_has_more_tags_than_snowflake_takes() -> None:
    wanted = [made(("d", "s", "t", f"c{number}"), "table", TAGS, "v", "k") for number in range(150)]
    (statement,) = resolved(*wanted)
    assert [part.count("SET TAG") for part in sql.parts(statement)] == [100, 50]


def test_tags_that_are_missing_are_created_first() -> None:
    change = made(("d", "s", "t"), "table", TAGS, "v", "k")

    def texts(*changes: Change, known: list[str]) -> list[str]:
        writer = connector(tags={"home": '"Gov"."t"', "create": True})
        names = {"database_name": "Gov", "schema_name": "t", "allowed_values": None}
        writer._tags.learn([{**names, "name": name} for name in known])
        return [statement.text for statement in writer.resolve(changes)]

    set_ = """ALTER TABLE "d"."s"."t" SET TAG "Gov"."t"."k" = 'v'"""
    assert texts(change, known=[]) == [f'CREATE TAG IF NOT EXISTS "Gov"."t"."k";\n{set_}']
    assert texts(change, known=["k"]) == [set_]
    gone = made(("d", "s", "t"), "table", TAGS, None, "k")
    assert texts(gone, known=["k"]) == ['ALTER TABLE "d"."s"."t" UNSET TAG "Gov"."t"."k"']
