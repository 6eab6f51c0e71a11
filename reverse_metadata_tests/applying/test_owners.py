"""Owners from a catalog to a real PostgreSQL: rules, verdicts, removal and order."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import yaml

from reverse_metadata.applying.apply import Applied
from reverse_metadata.connectors.base import Principal
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.model import Aspect
from reverse_metadata_tests.world import World

OWNERS: dict[str, Any] = {"update_owners": True, "update_descriptions": False}


@contextmanager
def roles(world: World, *names: str) -> Iterator[None]:
    """Roles of the server, dropped with all that they came to own."""
    quoted = ", ".join(f'"{name}"' for name in names)
    for name in names:
        world.run(f'CREATE ROLE "{name}"')
    try:
        yield
    finally:
        world.run(f"REASSIGN OWNED BY {quoted} TO postgres")
        world.run(f"DROP ROLE {quoted}")


def counts(world: World, **channel: Any) -> dict[str, int]:
    result = world.sync(**channel)[world.fqn("sales")]
    assert isinstance(result, Applied), result
    return {verdict: count for verdict, count in result.counts.items() if count}


def test_the_documented_example(world: World) -> None:
    page = (Path(__file__).parents[2] / "docs/owners.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    listed = re.search(r"With the roles (.*) in the database:\n\n(.*?)\n\n", page, re.DOTALL)
    assert example is not None
    assert listed is not None
    (channel,) = yaml.safe_load(example[1])["channels"]
    del channel["name"], channel["filter"]
    rows = [[re.findall("`(.+?)`", cell) for cell in row.split("|")[1:3]] for row in listed[2].splitlines()[2:]]
    assert len(rows) == 5
    for user in ("ada", "grace", "linus"):
        world.estate.user(user)
    for team in ("finance-eng", "sales_team"):
        world.estate.team(team)
    with roles(world, *re.findall("`(.+?)`", listed[1])):
        for number, (owners, _) in enumerate(rows):
            world.estate.own(world.table("sales", f"t{number}"), owners)
        assert counts(world, **channel) == {"apply": 4, "unmapped_owner": 1}
        found = [world.owner("sales", f"t{number}") for number in range(5)]
        assert found == [expected if expected != "unmapped_owner" else "postgres" for _, (expected,) in rows]
        assert counts(world, **channel) == {"in_sync": 4, "unmapped_owner": 1}
        world.estate.own(world.fqn("sales", "t0"), [])
        assert counts(world, **channel) == {"apply": 1, "in_sync": 3, "unmapped_owner": 1}
        assert world.owner("sales", "t0") == "shop_team"


def test_an_unmapped_owner_is_named_with_the_owner_that_stays(world: World) -> None:
    world.estate.user("linus")
    world.estate.own(world.table("sales", "orders"), ["linus"])
    (change,) = world.plan("sales", **OWNERS, owners={"users": ["email", "name"]}).others
    assert (change.verdict.value, change.actual, change.reason) == (
        "unmapped_owner",
        "postgres",
        "the source knows no role linus@shop.example or linus for user linus; add an entry to owners.map or create the"
        " role",
    )


def test_nothing_is_handed_to_a_superuser_by_a_rule_or_as_the_default(world: World) -> None:
    ada, root = f"ada_{world.database}", f"root_{world.database}"
    world.estate.user(ada)
    world.estate.user(root)
    with roles(world, ada, root):
        world.run(f"ALTER ROLE {root} SUPERUSER")
        world.estate.own(world.table("sales", "secrets"), [root])
        fqn = world.table("sales", "orders")
        world.estate.own(fqn, [ada])
        assert counts(world, **OWNERS) == {"apply": 1, "unmapped_owner": 1}
        world.estate.own(fqn, [])
        found = world.plan("sales", **OWNERS, owners={"default": root})
        assert {change.reason for change in found.others} == {
            f"{root} is a superuser of the source; objects are never handed to one"
        }
        assert (found.counts, found.statements) == ({"unmapped_owner": 2}, ())
        (change, _) = world.plan("sales", **OWNERS, owners={"default": "nobody-here"}).others
        assert change.reason == (
            "the source knows no role nobody-here; name another in owners.default or create the role"
        )


def test_the_default_stands_in_for_an_owner_until_the_catalog_names_one_again(world: World) -> None:
    ada, dba = f"ada_{world.database}", f"dba_{world.database}"
    settings = {**OWNERS, "owners": {"default": dba}}
    world.estate.user(ada)
    with roles(world, ada, dba):
        fqn = world.table("sales", "orders")
        world.table("sales", "never_ours")
        world.estate.own(fqn, [ada])
        assert counts(world, **settings) == {"apply": 1}
        world.estate.own(fqn, [])
        assert counts(world, **settings, max_removals=0) == {"braked": 1}
        assert counts(world, **settings) == {"apply": 1}
        assert (world.owner("sales", "orders"), world.owner("sales", "never_ours")) == (dba, "postgres")
        assert counts(world, **settings) == {"in_sync": 1}
        push = world.pushes()[-1]
        assert (push.before, push.after, push.outcome) == (ada, dba, "applied")
        world.estate.own(fqn, [ada])
        assert counts(world, **settings, on_conflict="keep") == {"apply": 1}
        assert world.owner("sales", "orders") == ada


def test_the_default_does_not_take_what_somebody_handed_on_in_the_source(world: World) -> None:
    ada, dba, eve = (f"{name}_{world.database}" for name in ("ada", "dba", "eve"))
    world.estate.user(ada)
    with roles(world, ada, dba, eve):
        fqn = world.table("sales", "orders")
        world.estate.own(fqn, [ada])
        assert counts(world, **OWNERS) == {"apply": 1}
        world.run(f"ALTER TABLE sales.orders OWNER TO {eve}")
        world.estate.own(fqn, [])
        assert counts(world, **OWNERS, owners={"default": dba}) == {}
        assert world.owner("sales", "orders") == eve


def test_an_owner_that_was_taken_off_is_gone_also_where_another_one_is_inherited(world: World) -> None:
    ada, grace, dba = (f"{name}_{world.database}" for name in ("ada", "grace", "dba"))
    world.estate.user(ada)
    world.estate.user(grace)
    with roles(world, ada, grace, dba):
        fqn = world.table("sales", "orders")
        world.estate.own(fqn, [ada])
        assert counts(world, **OWNERS) == {"apply": 1}
        world.estate.own(world.fqn("sales"), [ada])
        world.estate.own(fqn, [])
        assert counts(world, **OWNERS, owners={"default": dba}) == {
            "apply": 1
        }  # of the schema; the table is hers still
        assert world.owner("sales", "orders") == ada
        world.estate.own(world.fqn("sales"), [grace])
        assert counts(world, **OWNERS) == {"apply": 1, "unsupported": 1}
        assert counts(world, **OWNERS, owners={"default": dba}) == {"apply": 1, "in_sync": 1}
        assert world.owner("sales", "orders") == dba


class CountingConnector(PostgresConnector):
    """Keeps what it was asked of principals."""

    asked: ClassVar[list[set[str]]] = []

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        self.asked.append(set(names))
        return super().principals(names)


def test_all_principals_of_a_plan_are_looked_up_in_one_query(world: World) -> None:
    world.connector_type = CountingConnector
    CountingConnector.asked.clear()
    for user in ("linus", "eve"):
        world.estate.user(user)
        world.estate.own(world.table("sales", f"of_{user}"), [user])
    world.plan("sales", **OWNERS, owners={"users": ["email", "name"], "default": "dba"})
    assert CountingConnector.asked == [{"linus", "linus@shop.example", "eve", "eve@shop.example", "dba"}]
    world.plan("sales")
    assert len(CountingConnector.asked) == 1


def test_owners_come_after_every_description_of_the_schema(world: World) -> None:
    ada = f"ada_{world.database}"
    world.estate.user(ada)
    with roles(world, ada):
        for name in ("a", "b"):
            world.estate.own(world.table("sales", name, description=name), [ada])
        found = world.plan("sales", update_owners=True)
        assert [(statement.aspect, statement.table[-1]) for statement in found.statements] == [
            (Aspect.DESCRIPTION, "a"),
            (Aspect.DESCRIPTION, "b"),
            (Aspect.OWNER, "a"),
            (Aspect.OWNER, "b"),
        ]
