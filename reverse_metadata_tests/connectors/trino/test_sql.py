import pytest

from reverse_metadata.connectors.trino import sql
from reverse_metadata.errors import Unwritable
from reverse_metadata.model import Aspect, Change, Path
from reverse_metadata_tests.connectors.postgres.shop import change

SCHEMA = ("lake", "sales")
TABLE = (*SCHEMA, "orders")


def texts(*changes: Change) -> list[str]:
    return [statement.text for statement in sql.resolve(changes, lambda path: path)]


@pytest.mark.parametrize(
    ("kind", "path", "target"),
    [
        ("table", TABLE, "TABLE lake.sales.orders"),
        ("view", TABLE, "VIEW lake.sales.orders"),
        ("column", (*TABLE, "id"), "COLUMN lake.sales.orders.id"),
    ],
)
def test_a_description_is_set_and_cleared(kind: str, path: Path, target: str) -> None:
    assert texts(change(path, "what it is", kind=kind), change(path, None, kind=kind)) == [
        f"COMMENT ON {target} IS 'what it is'",
        f"COMMENT ON {target} IS NULL",
    ]


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("it's", "'it''s'"),
        ("\\ \n\t\0", "'\\ \n\t\0'"),
        ("\\' ", "'\\'' '"),
        ("; -- ? ${x} 🎉", "'; -- ? ${x} 🎉'"),
    ],
)
def test_of_a_text_the_quote_alone_is_doubled(text: str, literal: str) -> None:
    assert texts(change(TABLE, text)) == [f"COMMENT ON TABLE lake.sales.orders IS {literal}"]


def test_half_of_a_character_is_no_text() -> None:
    with pytest.raises(Unwritable):
        texts(change(TABLE, "\ud83c"))


def test_names_are_quoted_where_they_must_be() -> None:
    path = ("my lake", "select", 'dou"ble', "a.b")
    assert texts(change(path, "x", kind="column")) == ['COMMENT ON COLUMN "my lake"."select"."dou""ble"."a.b" IS \'x\'']


@pytest.mark.parametrize(
    ("kind", "path", "target"),
    [
        ("schema", SCHEMA, "SCHEMA lake.sales"),
        ("table", TABLE, "TABLE lake.sales.orders"),
        ("view", TABLE, "VIEW lake.sales.orders"),
    ],
)
def test_an_owner_is_a_user_or_a_role(kind: str, path: Path, target: str) -> None:
    owners = ("ada", "user:ada", "role:data team")
    assert texts(*(change(path, owner, Aspect.OWNER, kind) for owner in owners)) == [
        f"ALTER {target} SET AUTHORIZATION USER ada",
        f"ALTER {target} SET AUTHORIZATION USER ada",
        f'ALTER {target} SET AUTHORIZATION ROLE "data team"',
    ]


def test_owners_are_roles_where_the_service_says_so() -> None:
    changes = [change(TABLE, owner, Aspect.OWNER) for owner in ("analysts", "user:ada")]
    assert [statement.text for statement in sql.resolve(changes, lambda path: path, "role")] == [
        "ALTER TABLE lake.sales.orders SET AUTHORIZATION ROLE analysts",
        "ALTER TABLE lake.sales.orders SET AUTHORIZATION USER ada",
    ]


def test_nothing_can_be_left_without_an_owner() -> None:
    with pytest.raises(ValueError, match=r"lake\.sales\.orders cannot be left without an owner"):
        texts(change(TABLE, None, Aspect.OWNER))


def test_a_colon_in_a_name_is_a_part_of_it() -> None:
    assert sql.principal("team:ada", "user") == ("user", "team:ada")
    assert sql.principal("user:role:ada", "role") == ("user", "role:ada")


def test_statements_are_ordered_by_aspect_and_table() -> None:
    customers = (*SCHEMA, "customers")
    changes = (change(TABLE, "ada", Aspect.OWNER), change((*TABLE, "id"), "2", kind="column"), change(customers, "1"))
    assert texts(*changes) == [
        "COMMENT ON TABLE lake.sales.customers IS '1'",
        "COMMENT ON COLUMN lake.sales.orders.id IS '2'",
        "ALTER TABLE lake.sales.orders SET AUTHORIZATION USER ada",
    ]


def test_the_server_counts_some_characters_twice() -> None:
    assert sql.length("aé🎉") == 4
