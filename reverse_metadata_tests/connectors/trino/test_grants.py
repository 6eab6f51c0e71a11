"""What the writer lacks, and what gives it."""

import json

import pytest

from reverse_metadata.connectors.base import Connector, Missing, Need
from reverse_metadata.connectors.trino import TrinoConnector, TrinoOptions, grants
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Path
from reverse_metadata_tests.contract.trino import Trino

SALES = ("lake", "sales")
ORDERS = (*SALES, "orders")


def described(path: Path, kind: str = "table") -> Need:
    return Need(Aspect.DESCRIPTION, path, kind)


def owned(path: Path, owner: str | None, kind: str = "table") -> Need:
    return Need(Aspect.OWNER, path, kind, owner)


# Without a server


def test_each_table_is_asked_once_for_each_thing_that_may_be_written_to_it() -> None:
    needs = [
        *(described((*ORDERS, f"c{number}"), "column") for number in range(50)),
        described(ORDERS),
        owned(ORDERS, "ada"),
        owned((*SALES, "customers"), None),
        described((*SALES, "recent"), "view"),
    ]
    assert [text for _, text in grants.probes(needs, ("lake", "rehearsal"), "user")] == [
        "COMMENT ON TABLE lake.rehearsal.orders IS NULL",
        "ALTER TABLE lake.rehearsal.orders SET AUTHORIZATION USER ada",
        "COMMENT ON COLUMN lake.rehearsal.orders.c0 IS NULL",
        "COMMENT ON VIEW lake.rehearsal.recent IS NULL",
    ]


def test_of_many_tables_the_first_are_asked() -> None:
    needs = [described((*SALES, f"t{number:03}")) for number in reversed(range(150))]
    texts = [text for _, text in grants.probes(needs, SALES, "user")]
    assert texts == [f"COMMENT ON TABLE lake.sales.t{number:03} IS NULL" for number in range(100)]


def test_a_rule_is_for_one_table_alone_whatever_it_is_called() -> None:
    need = described(("lake", "a.b", "x|y"))
    missing = grants.no_rule("j.doe", need, need.path, "user")
    assert missing.what == (
        'j.doe may not comment on lake."a.b"."x|y": it needs OWNERSHIP of it, and all access to the catalog lake.'
    )
    (rule,) = json.loads(missing.grants[0])["tables"]
    assert rule == {
        "user": r"j\.doe",
        "catalog": "lake",
        "schema": r"a\.b",
        "table": r"x\|y",
        "privileges": ["SELECT", "OWNERSHIP"],
    }


def test_a_new_owner_takes_a_rule_for_the_object_and_one_for_the_owner() -> None:
    missing = grants.no_rule("rm", owned(SALES, "role:analysts", "schema"), SALES, "user")
    assert missing == Missing(
        "rm may not hand lake.sales over to role:analysts: it must own it, and all access to the catalog lake.",
        (
            '{"schemas": [{"user": "rm", "catalog": "lake", "schema": "sales", "owner": true}]}',
            '{"authorization": [{"original_user": "rm", "new_role": "analysts", "allow": true}]}',
        ),
    )


def test_a_catalog_that_goes_by_owners_wants_one_or_the_role_admin() -> None:
    grant = ("GRANT admin TO USER rm IN lake;",)
    assert grants.no_owner("rm", described(ORDERS), ORDERS) == Missing(
        "rm may not comment on lake.sales.orders: it takes the role admin of lake, which the service must name under"
        " roles: {lake: admin}; or rm, or a role of its, owns lake.sales.orders.",
        grant,
    )
    assert grants.no_owner("rm", owned(ORDERS, "ada"), ORDERS) == Missing(
        "rm may not hand lake.sales.orders over to ada: that takes the role admin of lake, which the service must name"
        " under roles: {lake: admin}.",
        grant,
    )


# With one


def as_user(peer: Trino, user: str) -> Connector:
    return TrinoConnector(TrinoOptions(**peer.front.options(user)))


def test_who_sees_no_catalog_is_told_so_and_let_in(memory: Trino) -> None:
    path = memory.table("orders")
    with as_user(memory, "stranger") as stranger:
        missing = stranger.missing(memory.partition, [described(path)])
        assert [each.what for each in missing] == [
            "stranger may not use the catalog system; look again once it may.",
            "stranger may not use the catalog memory; look again once it may.",
        ]
        with pytest.raises(SourceError) as raised:
            stranger.read(memory.partition)
        assert raised.value.reason is Reason.MISSING_PRIVILEGE
        assert all(each.grants[0] in str(raised.value) for each in missing)
        for _ in range(3):
            memory.grant(
                [grant for each in stranger.missing(memory.partition, [described(path)]) for grant in each.grants]
            )
        assert stranger.missing(memory.partition, [described(path)]) == []
        assert path in stranger.read(memory.partition)


def test_who_cannot_read_the_tables_of_system_is_told_so(memory: Trino) -> None:
    with as_user(memory, "blind") as blind:
        (missing,) = blind.missing(memory.partition, [])
        with pytest.raises(SourceError) as raised:
            blind.read(memory.partition)
        assert raised.value.reason is Reason.MISSING_PRIVILEGE
        assert missing.grants[0] in str(raised.value)
        assert blind.identity() == blind.place()
        memory.grant(missing.grants)
        assert blind.missing(memory.partition, []) == []
        assert set(blind.read(memory.partition)) == {memory.partition.path}
        blind.settle(memory.partition)


def test_an_absent_catalog_lacks_nothing(memory: Trino) -> None:
    nowhere = type(memory.partition)(memory.partition.service, "nowhere", "sales")
    with memory.connector() as connector:
        assert connector.missing(nowhere, [described(("nowhere", "sales", "orders"))]) == []
        assert connector.read(nowhere) == {}
        assert connector.read(type(nowhere)(nowhere.service, "nowhere", None)) == {}


@pytest.mark.parametrize("owner", ["ada", "role:analysts"])
def test_the_rules_for_a_new_owner_let_hand_over(iceberg: Trino, owner: str) -> None:
    needs = [owned(iceberg.elsewhere.path, owner, "schema")]
    with iceberg.lacking() as connector:
        (missing,) = connector.missing(iceberg.elsewhere, needs)
        iceberg.grant(missing.grants)
        left = connector.missing(iceberg.elsewhere, needs)
    # A user is taken at their word; of roles this catalog knows nothing, which no rule mends.
    assert [each.grants for each in left] == ([] if owner == "ada" else [()])
    assert all("does not support roles" in each.what for each in left)


@pytest.mark.parametrize("header", ["x-trino-transaction-id", "x-trino-started-transaction-id"])
def test_nothing_is_asked_where_a_gateway_drops_the_transaction(memory: Trino, header: str) -> None:
    orders = memory.table("orders")
    memory.push({orders: "kept"})
    memory.front.dropped.add(header)
    with memory.connector() as connector, pytest.raises(SourceError):
        connector.missing(memory.partition, [described(orders)])
    assert memory.stored(orders) == "kept"
    assert not [sql for sql in memory.front.statements if sql.endswith("IS NULL")]


def test_what_is_missing_is_told_and_what_stands_is_left(memory: Trino, iceberg: Trino, hive: Trino) -> None:
    for peer in (memory, iceberg, hive):
        orders = peer.table("orders")
        needs = [described(orders), described((*orders, "id"), "column")]
        peer.push({orders: "kept", (*orders, "id"): "kept, too"})
        with peer.connector() as able, peer.lacking() as unable:
            assert able.missing(peer.partition, needs) == []
            assert len(unable.missing(peer.partition, needs)) == 2
        assert [peer.stored(path) for path in (orders, (*orders, "id"))] == ["kept", "kept, too"]
