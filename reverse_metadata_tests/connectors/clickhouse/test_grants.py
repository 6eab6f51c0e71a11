"""What SHOW GRANTS means, and which GRANT is missing."""

import pytest

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.clickhouse.grants import Rights, lacks_processes, missing
from reverse_metadata.model import Aspect, Path

SALES: Path = ("default", "sales")
ORDERS: Path = (*SALES, "orders")
ID: Path = (*ORDERS, "id")


def allowed(*grants: str) -> list[Path]:
    rights = Rights("writer", grants)
    return [path for path in (SALES, ORDERS, ID) if rights.allow(path)]


@pytest.mark.parametrize(
    ("grants", "paths"),
    [
        ([], []),
        (["GRANT ALL ON *.* TO writer WITH GRANT OPTION"], [SALES, ORDERS, ID]),
        (["GRANT SHOW, SELECT, ALTER, CREATE ON *.* TO writer"], [SALES, ORDERS, ID]),
        (["GRANT ALTER TABLE ON sales.* TO writer"], [ORDERS, ID]),
        (["GRANT ALTER COLUMN ON sales.orders TO writer"], [ID]),
        (["GRANT ALTER DATABASE ON *.* TO writer"], [SALES]),
        (["GRANT ALTER MODIFY DATABASE COMMENT ON sales.* TO writer"], [SALES]),
        (["GRANT ALTER MODIFY DATABASE COMMENT ON stock.* TO writer"], []),
        (["GRANT SELECT(id, at), ALTER COMMENT COLUMN(`at`, id) ON sales.orders TO writer"], [ID]),
        (["GRANT SELECT(id), ALTER COMMENT COLUMN(at) ON sales.orders TO writer"], []),
        (["GRANT ALTER MODIFY COMMENT ON sales.or* TO writer"], [ORDERS]),
        (["GRANT ALTER MODIFY COMMENT ON sales.ox* TO writer"], []),
        (["GRANT ALTER MODIFY COMMENT ON sa*.* TO writer"], [ORDERS]),
        (["GRANT ALTER MODIFY COMMENT ON `sa*`.* TO writer"], []),
        (["GRANT ALL ON *.* TO writer", "REVOKE ALTER COMMENT COLUMN ON sales.* FROM writer"], [SALES, ORDERS]),
        (["GRANT ALL ON *.* TO writer", "REVOKE ALTER ON s*.* FROM writer"], []),
        (
            ["GRANT ALL ON *.* TO w", "REVOKE ALTER ON sales.* FROM w", "GRANT ALTER TABLE ON sales.orders TO w"],
            [ORDERS, ID],
        ),
        (
            ["GRANT ALTER ON *.* TO writer", "REVOKE ALTER COMMENT COLUMN(id) ON sales.orders FROM writer"],
            [SALES, ORDERS],
        ),
        # What a user may not, a role may.
        (
            ["GRANT ALL ON *.* TO writer", "REVOKE ALTER ON sales.* FROM writer", "GRANT ALTER TABLE ON *.* TO r"],
            [ORDERS, ID],
        ),
        # None of these is about comments.
        (["REVOKE GRANT OPTION FOR ALTER ON *.* FROM writer", "GRANT ALTER ON *.* TO writer"], [SALES, ORDERS, ID]),
        (["GRANT curators TO writer", "GRANT SET DEFINER ON * TO writer", "GRANT SOURCES ON *.* TO writer"], []),
    ],
)
def test_the_narrowest_line_of_a_grantee_counts(grants: list[str], paths: list[Path]) -> None:
    assert allowed(*grants) == paths


def test_names_are_read_as_they_are_quoted() -> None:
    odd = ("default", "a`b", "c\\d.e ON f")
    rights = Rights("writer", ["GRANT ALTER MODIFY COMMENT ON `a\\`b`.`c\\\\d.e ON f` TO `TO``writer`"])
    assert rights.allow(odd)
    assert not rights.allow(ORDERS)


def needs(*paths: Path) -> list[Need]:
    return [Need(Aspect.DESCRIPTION, path, "") for path in paths]


def test_one_grant_a_table_gives_what_is_missing_and_no_more() -> None:
    stock: Path = (*SALES, "stock of 2024")
    rights = Rights("odd user", ["GRANT ALTER MODIFY COMMENT ON sales.orders TO `odd user`"])
    wanted = needs(SALES, ORDERS, ID, stock, (*stock, "id"), (*SALES, "absent"))
    assert missing(rights, wanted, SALES, {"", "orders", "stock of 2024"}, None) == [
        Missing(
            "`odd user` lacks ALTER MODIFY DATABASE COMMENT on sales.*.",
            ("GRANT ALTER MODIFY DATABASE COMMENT ON sales.* TO `odd user`;",),
        ),
        Missing(
            "`odd user` lacks ALTER COMMENT COLUMN on sales.orders.",
            ("GRANT ALTER COMMENT COLUMN ON sales.orders TO `odd user`;",),
        ),
        Missing(
            "`odd user` lacks ALTER COMMENT COLUMN, ALTER MODIFY COMMENT on sales.`stock of 2024`.",
            ("GRANT ALTER COMMENT COLUMN, ALTER MODIFY COMMENT ON sales.`stock of 2024` TO `odd user`;",),
        ),
    ]


def test_the_names_are_those_of_the_source() -> None:
    (found,) = missing(Rights("writer", []), needs(ORDERS), ("default", "sales_copy"), {"", "orders"}, None)
    assert found.grants == ("GRANT ALTER MODIFY COMMENT ON sales_copy.orders TO writer;",)


def test_a_cluster_takes_a_privilege_of_its_own() -> None:
    grants = ["GRANT ALTER ON *.* TO writer"]
    (found,) = missing(Rights("writer", grants), needs(ORDERS), SALES, {"", "orders"}, "prod")
    assert found == Missing("writer lacks CLUSTER on *.*.", ("GRANT CLUSTER ON *.* TO writer;",))
    grants.append("GRANT CLUSTER ON *.* TO writer")
    assert missing(Rights("writer", grants), needs(ORDERS), SALES, {"", "orders"}, "prod") == []


def test_who_cannot_see_what_runs_is_told() -> None:
    assert lacks_processes("writer").grants == ("GRANT SELECT ON system.processes TO writer;",)
