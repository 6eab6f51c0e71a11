"""What of Snowflake differs from other systems: tags and their home, roles, editions, sessions. All of it against the
stand-in, which proves nothing of Snowflake itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from reverse_metadata.connectors.base import Need
from reverse_metadata.connectors.snowflake import SnowflakeConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, EntityType, Partition, Path, Statement, Verdict
from reverse_metadata.templates import TemplateSet, Values
from reverse_metadata_tests.contract.peer import change, errors, push
from reverse_metadata_tests.contract.snowflake import Snowflake
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn

TAGS, OWNER, DESCRIPTION = Aspect.TAGS, Aspect.OWNER, Aspect.DESCRIPTION


@pytest.fixture
def snow(snowflake_standin: SnowflakeStandIn) -> Snowflake:
    return Snowflake(snowflake_standin)


@pytest.fixture
def connector(snow: Snowflake) -> Iterator[SnowflakeConnector]:
    with opened(snow) as connector:
        yield connector


def opened(snow: Snowflake, **options: Any) -> SnowflakeConnector:
    return snow.connected(*snow.writer, **options)


def tags_of(connector: SnowflakeConnector, snow: Snowflake, *names: str) -> dict[str, str]:
    return dict(connector.read(snow.partition)[snow.path(*names)].tags)


def refusal(connector: SnowflakeConnector, snow: Snowflake, value: str | None, key: str) -> tuple[Verdict, str] | None:
    state = connector.read(snow.partition)
    return connector.refuse(change(snow.path("orders"), value, state, TAGS, key))


# Tags


def test_what_is_inherited_is_not_there(snow: Snowflake, connector: SnowflakeConnector) -> None:
    snow.table("orders", ["id", "amount"])
    snow.account.objects[snow.database.path].tags[None] = {("GOVERNANCE", "TAGS", "PII"): "database"}
    snow.account.objects[snow.partition.path].tags[None] = {("GOVERNANCE", "TAGS", "Cost Center"): "schema"}
    assert tags_of(connector, snow) == {"Cost Center": "schema"}
    assert tags_of(connector, snow, "orders") == tags_of(connector, snow, "orders", "id") == {}
    assert errors(push(connector, {snow.path("orders", "id"): "own"}, TAGS, "PII")) == {}
    assert tags_of(connector, snow, "orders", "id") == {"PII": "own"}
    assert tags_of(connector, snow, "orders", "amount") == {}
    assert dict(connector.read(snow.database)[snow.database.path].tags) == {"PII": "database"}


def test_tags_of_other_homes_are_let_alone(snow: Snowflake, connector: SnowflakeConnector) -> None:
    snow.table("orders", ["id"])
    snow.account.create("schema", ("GOVERNANCE", "OTHER"))
    snow.account.granted("USAGE", "SCHEMA", ("GOVERNANCE", "OTHER"), "WRITER")
    snow.front.administer("CREATE TAG GOVERNANCE.OTHER.PII")
    snow.account.objects[snow.path("orders")].tags[None] = {("GOVERNANCE", "OTHER", "PII"): "theirs"}
    assert tags_of(connector, snow, "orders") == {}
    assert errors(push(connector, {snow.path("orders"): "ours"}, TAGS, "PII")) == {}
    assert set(snow.account.objects[snow.path("orders")].tags[None].values()) == {"theirs", "ours"}


def test_without_a_home_a_tag_is_that_of_the_own_schema_or_the_only_one(snow: Snowflake) -> None:
    snow.table("orders", ["id"])
    with opened(snow, tags={}) as connector:
        assert errors(push(connector, {snow.path("orders"): "x"}, TAGS, "PII")) == {}
        assert snow.stored(snow.path("orders"), TAGS, "PII") == "x"
        snow.account.create("schema", ("GOVERNANCE", "OTHER"))
        snow.account.granted("USAGE", "SCHEMA", ("GOVERNANCE", "OTHER"), "WRITER")
        snow.front.administer("CREATE TAG GOVERNANCE.OTHER.PII")
        assert refusal(connector, snow, "x", "PII") == (
            Verdict.UNSUPPORTED,
            "GOVERNANCE.OTHER and GOVERNANCE.TAGS have a tag PII each; say which one is meant with tags.home of the "
            "service",
        )
        own = (*snow.partition.path, "PII")
        snow.front.administer("CREATE TAG " + ".".join(f'"{name}"' for name in own))
        assert refusal(connector, snow, "x", "PII") is None
        assert errors(push(connector, {snow.path("orders"): "mine"}, TAGS, "PII")) == {}
        assert snow.account.objects[snow.path("orders")].tags[None][own] == "mine"
        assert tags_of(connector, snow, "orders") == {"PII": "mine"}


def test_a_tag_that_is_missing_is_said_or_created(snow: Snowflake, connector: SnowflakeConnector) -> None:
    snow.table("orders", ["id"])
    refused = refusal(connector, snow, "x", "pii")
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED
    assert refused[1].startswith("GOVERNANCE.TAGS has no tag pii (PII is another one: letter case counts")
    snow.account.granted("CREATE TAG", "SCHEMA", ("GOVERNANCE", "TAGS"), "WRITER")
    with opened(snow, tags={"home": "governance.tags", "create": True}) as creating:
        assert refusal(creating, snow, "x", "pii") is None
        assert errors(push(creating, {snow.path("orders"): "x"}, TAGS, "pii")) == {}
    assert snow.account.tags["GOVERNANCE", "TAGS", "pii"].owner == "WRITER"
    assert snow.stored(snow.path("orders"), TAGS, "pii") == "x"


def test_a_value_that_the_tag_does_not_take_is_refused_and_not_sent(
    snow: Snowflake, connector: SnowflakeConnector
) -> None:
    snow.table("orders", ["id"])
    snow.front.administer("CREATE TAG GOVERNANCE.TAGS.LEVEL ALLOWED_VALUES 'high', 'it''s \\\\ low'")
    assert refusal(connector, snow, "it's \\ low", "LEVEL") is None
    assert refusal(connector, snow, None, "LEVEL") is None
    refused = refusal(connector, snow, "High", "LEVEL")
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED
    assert "GOVERNANCE.TAGS.LEVEL takes none but high, it's \\ low; map the value with tags.map" in refused[1]
    failed = errors(push(connector, {snow.path("orders"): "High"}, TAGS, "LEVEL"))
    assert "is not in the allowed values" in str(failed[snow.path("orders")])


def test_an_edition_without_tags_is_told(snow: Snowflake, connector: SnowflakeConnector) -> None:
    snow.table("orders", ["id"])
    snow.account.edition = "STANDARD"
    assert connector.declines(TAGS) == ""
    assert connector.version() == "Snowflake 10.1.0, without tags (Standard Edition)"
    assert snow.path("orders") in connector.read(snow.partition)
    assert "begin with Enterprise Edition" in connector.declines(TAGS)
    assert connector.declines(DESCRIPTION) == ""
    refused = refusal(connector, snow, "x", "PII")
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED


def test_tags_that_are_not_read_are_declined(snow: Snowflake) -> None:
    snow.table("orders", ["id"])
    with opened(snow, tags={"home": "governance.tags", "read": "never"}) as connector:
        assert "set tags.read" in connector.declines(TAGS)
        connector.identity()
        with snow.counted() as asked:
            connector.read(snow.partition)
    assert asked == [3]


def test_account_usage_says_the_same_in_one_query(snow: Snowflake, connector: SnowflakeConnector) -> None:
    for name in ("orders", "customers"):
        snow.table(name, ["id"])
    for path in (snow.database.path, snow.path(), snow.path("orders"), snow.path("customers", "id")):
        assert errors(push(connector, {path: f"on {path[-1]}"}, TAGS, "PII")) == {}
    with opened(snow, tags={"home": "governance.tags", "read": "account_usage"}) as late:
        with pytest.raises(SourceError, match="does not exist or not authorized"):
            late.read(snow.database)
        (missing,) = late.missing(snow.partition, [Need(TAGS, snow.path("orders"), "table")])
        assert missing.grants == ('GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE "WRITER";',)
        snow.grant(missing.grants)
        assert late.missing(snow.partition, [Need(TAGS, snow.path("orders"), "table")]) == []
        assert late.read(snow.partition) == connector.read(snow.partition)
        assert late.read(snow.database) == connector.read(snow.database)
        with snow.counted() as asked:
            late.read(snow.partition)
        assert asked == [5]
        late.read(snow.partition, ["orders"])
    assert "TAG_REFERENCES(" in snow.front.requests[-2]


def test_a_hundred_tables_are_asked_about_in_one_query(snow: Snowflake, connector: SnowflakeConnector) -> None:
    for number in range(101):
        snow.table(f"t{number}", ["id"])
    connector.identity()
    with snow.counted() as asked:
        connector.read(snow.partition)
    # Three views, SHOW TAGS, and the schema with its tables: 203 calls of at most 200.
    assert asked == [6]
    questions = [name for name in snow.front.requests if "TAG_REFERENCES" in name]
    assert [name.count("TAG_REFERENCES") for name in questions] == [200, 3]


def test_a_table_that_is_dropped_in_the_middle_of_reading_is_left_out(
    snow: Snowflake, connector: SnowflakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, customers = snow.table("orders", ["id"]), snow.table("customers", ["id"])
    learn = connector._learn_tags

    def meanwhile() -> None:
        snow.account.objects.pop(orders, None)
        learn()

    monkeypatch.setattr(connector, "_learn_tags", meanwhile)
    assert {path for path in connector.read(snow.partition) if len(path) == 3} == {customers}


def test_the_vendors_templates_are_sent_as_they_are(snow: Snowflake, connector: SnowflakeConnector) -> None:
    database, schema = snow.partition.path
    own = (database, schema, "PII")
    snow.front.administer("CREATE TAG " + ".".join(f'"{name}"' for name in own))
    spec = "ALTER SCHEMA {database}.{schema} SET TAG {database}.{schema}.{tag_key} = '{tag_value}';"
    template = TemplateSet.of(spec, connector.dialect).find(TAGS, EntityType.SCHEMA, "set")
    assert template is not None
    values = Values(database=database, schema=schema, tag_key="PII", tag_value="it's \\ there")
    wish = change(snow.path(), "it's \\ there", connector.read(snow.partition), TAGS, "PII")
    sent = template.render(values)
    assert errors(connector.execute(snow.partition, [Statement(sent[0], (wish,), tuple(sent))])) == {}
    assert snow.account.objects[snow.path()].tags[None] == {own: "it's \\ there"}
    with opened(snow, tags={}) as homeless:
        assert tags_of(homeless, snow) == {"PII": "it's \\ there"}


def test_the_value_none_is_unsafe_where_a_policy_is_bound(snow: Snowflake, connector: SnowflakeConnector) -> None:
    orders = snow.table("orders", ["id"])
    assert refusal(connector, snow, "None", "PII") is None
    snow.account.policies["GOVERNANCE", "TAGS", "HIDE"] = lambda _value, _tag: "***"
    snow.front.administer("ALTER TAG GOVERNANCE.TAGS.PII SET MASKING POLICY GOVERNANCE.TAGS.HIDE")
    with snow.connected(*snow.writer) as again:
        refused = refusal(again, snow, "None", "PII")
        assert refused is not None
        assert refused[0] is Verdict.UNSAFE
        assert "a masking policy is bound to the tag GOVERNANCE.TAGS.PII" in refused[1]
        assert refusal(again, snow, "Sensitive", "PII") is None
        with snow.counted() as asked:
            refused = again.refuse(change(orders, "none", again.read(snow.partition), TAGS, "PII"))
        assert refused is not None
    assert asked == [5]
    with opened(snow, tags={"home": "governance.tags", "allow_none": True}) as allowing:
        assert refusal(allowing, snow, "None", "PII") is None


def test_the_value_none_is_unsafe_where_nobody_tells_of_policies(
    snow: Snowflake, connector: SnowflakeConnector
) -> None:
    snow.table("orders", ["id"])
    denied = snow.front.refusal("003001", "42501", "SQL access control error:\nInsufficient privileges.")
    snow.front.answer_next(denied, "POLICY_REFERENCES")
    refused = refusal(connector, snow, "None", "PII")
    assert refused is not None
    assert refused[0] is Verdict.UNSAFE
    assert refused[1].startswith("the writer may not see whether a masking policy is bound to the tag")


# Owners and privileges


def test_what_was_granted_outlives_a_change_of_owner(snow: Snowflake, connector: SnowflakeConnector) -> None:
    orders = snow.table("orders", ["id"])
    before = {grant for grant in snow.account.grants if grant.path == orders}
    assert errors(push(connector, {orders: snow.owner()}, OWNER)) == {}
    assert {grant for grant in snow.account.grants if grant.path == orders} == before != set()


def test_roles_that_may_do_everything_count_as_superusers(connector: SnowflakeConnector, snow: Snowflake) -> None:
    found = connector.principals(["ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", snow.owner(), "accountadmin"])
    assert {name for name, principal in found.items() if principal.superuser} == {"ACCOUNTADMIN", "SECURITYADMIN"}
    assert len(found) == 4
    assert connector.principals([]) == {}


@pytest.mark.parametrize(
    ("aspect", "names", "grants"),
    [
        (DESCRIPTION, (), ['GRANT MODIFY ON SCHEMA {schema} TO ROLE "STOCK_WRITER";']),
        (DESCRIPTION, ("orders",), ['GRANT ROLE "SALES_OWNER" TO ROLE "STOCK_WRITER";']),
        (
            TAGS,
            ("orders", "id"),
            [
                'GRANT APPLY TAG ON ACCOUNT TO ROLE "STOCK_WRITER";',
                'GRANT USAGE ON DATABASE "GOVERNANCE" TO ROLE "STOCK_WRITER";',
                'GRANT USAGE ON SCHEMA "GOVERNANCE"."TAGS" TO ROLE "STOCK_WRITER";',
                'GRANT CREATE TAG ON SCHEMA "GOVERNANCE"."TAGS" TO ROLE "STOCK_WRITER";',
            ],
        ),
        (OWNER, ("orders",), ['GRANT MANAGE GRANTS ON ACCOUNT TO ROLE "STOCK_WRITER";']),
    ],
)
def test_preflight_names_the_least_that_is_missing_and_it_is_enough(
    snow: Snowflake, aspect: Aspect, names: tuple[str, ...], grants: list[str]
) -> None:
    snow.table("orders", ["id"])
    path, role = snow.path(*names), snow.owner()
    need = Need(aspect, path, "table", role if aspect is OWNER else None)
    schema = ".".join(f'"{name}"' for name in snow.partition.path)
    with snow.connected(*snow.other, tags={"home": "governance.tags", "create": True}) as lacking:
        missing = lacking.missing(snow.partition, [need])
        found = [grant for each in missing for grant in each.grants]
        assert found == [grant.format(schema=schema) for grant in grants]
        snow.grant(found)
        assert lacking.missing(snow.partition, [need]) == []
        value = role if aspect is OWNER else "x"
        assert errors(push(lacking, {path: value}, aspect, "NEW" if aspect is TAGS else "")) == {}


def test_preflight_for_a_database_and_for_what_nobody_should_inherit(snow: Snowflake) -> None:
    system = snow.table("system", ["id"])
    snow.account.objects[system].owner = "SYSADMIN"
    with snow.connected(*snow.other) as lacking:
        (missing,) = lacking.missing(snow.database, [Need(DESCRIPTION, snow.database.path, "database")])
        assert missing.grants == (f'GRANT MODIFY ON DATABASE "{snow.partition.database}" TO ROLE "STOCK_WRITER";',)
        (missing,) = lacking.missing(snow.partition, [Need(DESCRIPTION, system, "table")])
        assert missing.grants == ()
        assert "belongs to SYSADMIN, for which STOCK_WRITER should not act" in missing.what


def test_what_is_not_there_lacks_nothing(snow: Snowflake, connector: SnowflakeConnector) -> None:
    nowhere = Partition("source", "NOWHERE", "S")
    assert connector.missing(nowhere, [Need(DESCRIPTION, (*nowhere.path, "t"), "table")]) == []
    assert connector.read(nowhere) == {}
    assert connector.read(Partition("source", "x" * 256, None)) == {}


# Sessions and errors


def test_a_session_that_ended_is_opened_anew(snow: Snowflake, connector: SnowflakeConnector) -> None:
    orders = snow.table("orders", ["id"])
    connector.read(snow.partition)
    snow.front.expire()
    snow.front.forget()
    assert errors(push(connector, {orders: "x"})) == {}
    assert snow.front.count("login-request") == 2


def test_without_a_warehouse_the_message_says_what_to_do(snow: Snowflake) -> None:
    with opened(snow, warehouse=None) as connector, pytest.raises(SourceError, match="Name a `warehouse`"):
        connector.read(snow.partition)


def test_a_role_that_was_not_granted_is_a_refused_login(snow: Snowflake) -> None:
    with opened(snow, role="ACCOUNTADMIN") as connector, pytest.raises(SourceError) as refused:
        connector.identity()
    assert refused.value.reason is Reason.AUTHENTICATION
    assert "is not granted to this user" in str(refused.value)


def test_a_refusal_names_the_query(snow: Snowflake, connector: SnowflakeConnector) -> None:
    orders = snow.table("orders", ["id"])
    statements = connector.resolve([change(orders, "x", connector.read(snow.partition))])
    snow.account.create("iceberg table", orders, ["id"], "SALES_OWNER")
    ((path, error),) = errors(connector.execute(snow.partition, statements)).items()
    assert path == orders
    assert error.reason is Reason.MISSING_OBJECT
    assert "Iceberg tables should use ALTER ICEBERG TABLE commands (query " in str(error)


def test_identity_and_version(connector: SnowflakeConnector) -> None:
    assert connector.identity() == "ACME.SHOP"
    assert connector.version() == "Snowflake 10.1.0"


def test_statements_of_a_dead_run_are_waited_for(snow: Snowflake, connector: SnowflakeConnector) -> None:
    waited: list[int] = []
    row: dict[str, Any] = {
        "QUERY_ID": "1",
        "QUERY_TAG": "reverse_metadata:a",
        "QUERY_TYPE": "ALTER",
        "EXECUTION_STATUS": "RUNNING",
    }
    others = [
        {**row, "QUERY_ID": "2", "QUERY_TAG": "dbt"},
        {**row, "QUERY_ID": "3", "QUERY_TAG": None},
        {**row, "QUERY_ID": "4", "QUERY_TAG": "reverse_metadata_of_others:b"},
        {**row, "QUERY_ID": "5", "EXECUTION_STATUS": "SUCCESS"},
    ]
    snow.front.history += [row, *others]

    def pause(_attempt: int) -> None:
        waited.append(1)
        assert len(waited) < 10, "it waits for statements that came later"
        # Another statement of ours begins; nobody waits for that one.
        snow.front.history.append({**row, "QUERY_ID": f"later {len(waited)}"})
        if len(waited) == 3:
            row["EXECUTION_STATUS"] = "SUCCESS"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reverse_metadata.connectors.batches.pause", pause)
        connector.settle(snow.partition)
    assert len(waited) == 3
    snow.front.history.clear()
    connector.settle(Partition("source", "NOWHERE", "S"))


def test_the_query_tag_names_the_run(snow: Snowflake, connector: SnowflakeConnector) -> None:
    connector.run_id = "8f2c"
    connector.identity()
    assert snow.front.logins[-1]["SESSION_PARAMETERS"]["QUERY_TAG"] == "reverse_metadata:8f2c"


def test_columns_of_event_tables_and_tags_on_those_of_materialized_views_are_refused(
    snow: Snowflake, connector: SnowflakeConnector
) -> None:
    snow.kinds()
    state = connector.read(snow.partition)

    def refused(path: Path, aspect: Aspect) -> Verdict | None:
        answer = connector.refuse(change(path, "x", state, aspect, "PII" if aspect is TAGS else ""))
        return None if answer is None else answer[0]

    columns = [path for path in state if EntityType.of(path) is EntityType.COLUMN]
    assert {path[2] for path in columns if refused(path, DESCRIPTION)} == {"EVENTS"}
    assert {path[2] for path in columns if refused(path, TAGS)} == {"totals"}
    for path in columns:
        if not refused(path, TAGS):
            assert errors(push(connector, {path: "x"}, TAGS, "PII")) == {}


def test_a_table_of_50_columns_takes_two_statements(snow: Snowflake, connector: SnowflakeConnector) -> None:
    columns = [f"c{number}" for number in range(50)]
    tables = [snow.table(f"t{number}", columns) for number in range(20)]
    state = connector.read(snow.partition)
    before = snow.requests()
    connector.read(snow.partition)
    # Objects, columns, and tags by hundreds of tables: none of it grows with the columns.
    read = snow.requests() - before
    assert read <= connector.capabilities.requests.schema
    wishes = [change(path, "x", state) for table in tables for path in (table, *((*table, name) for name in columns))]
    wishes += [change((*table, name), "Sensitive", state, TAGS, "PII") for table in tables for name in columns]
    statements = connector.resolve(wishes)
    before = snow.requests()
    assert errors(connector.execute(snow.partition, statements)) == {}
    # Its own comment, those of its columns, and their tags.
    assert snow.requests() - before == 3 * len(tables)
