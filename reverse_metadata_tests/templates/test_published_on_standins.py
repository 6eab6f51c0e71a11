"""The published templates of systems that cannot be run here, as their stand-ins take them. Databricks has its own."""

from secrets import token_hex

from reverse_metadata.templates import parse
from reverse_metadata_tests.engines.oracle import Connection, oracle
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn
from reverse_metadata_tests.templates import golden


def rendered(system: str) -> list[tuple[str, dict[str, str]]]:
    """The SQL of a system's templates, and the values that stand in it."""
    rows = [row for row in golden.rows("published.yaml") if row["system"] == system]
    dialect = golden.dialect(system)
    return [
        (sql, row["values"])
        for row in rows
        for sql in parse(row["template"], dialect).render(golden.values(row["values"]))
    ]


def test_snowflake(snowflake_standin: SnowflakeStandIn) -> None:
    (tagging, tag), (describing, text) = rendered("snowflake")
    account = snowflake_standin.account
    for database in (tag["database"], text["database"]):
        account.create("database", (database,))
    schema = account.create("schema", (tag["database"], tag["schema"]))
    snowflake_standin.administer('CREATE TAG SHOP."Sales".PII', tagging, describing)
    assert schema.tags[None] == {("SHOP", "Sales", "PII"): tag["tag_value"]}
    assert account.objects[text["database"],].comments[None] == text["description"]


def test_oracle() -> None:
    ((sql, values),) = rendered("oracle")
    with oracle() as server:
        server.user(values["schema"].upper(), token_hex(8))
        server.table(values["schema"].upper(), values["table"], [values["column"]])
        with Connection(server, values["schema"].upper()).cursor() as cursor:
            cursor.execute(sql)
        assert server.described("SALES", "ORDER", "e-mail").comment == values["description"]
