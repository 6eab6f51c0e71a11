"""From the owners of the catalog to a principal of the source, or a verdict."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from reverse_metadata.catalogs.base import Catalog, Person
from reverse_metadata.config import Owners
from reverse_metadata.connectors.base import Connector, Principal
from reverse_metadata.model import Entity, EntityType, Owner, Verdict
from reverse_metadata.planning.owners import OwnerRules, OwnerWish, own_owners

ADA = Owner("u1", "user", "ada")
GRACE = Owner("u2", "user", "grace")
TEAM = Owner("t1", "team", "finance-eng")
PEOPLE = {
    "ada": Person("u1", "user", "ada", "ada.l@shop.example", "Ada Lovelace"),
    "grace": Person("u2", "user", "grace", "", "Grace"),
    "finance-eng": Person("t1", "team", "finance-eng", "finance@shop.example", "Finance", "Group"),
    "retail": Person("t2", "team", "retail", team_type="Department"),
}


@dataclass
class People:
    """The part of a catalog and of a source that owner rules use; `asked` and `queries` are what they were asked."""

    roles: Iterable[str]
    asked: list[str] = field(default_factory=list)
    queries: list[set[str]] = field(default_factory=list)

    def person(self, owner: Owner) -> Person | None:
        self.asked.append(owner.name)
        return PEOPLE.get(owner.name)

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        self.queries.append(set(names))
        return {name: Principal(name, superuser=name == "root") for name in names if name in self.roles}


def rules(people: People, *named: Owner, **settings: Any) -> OwnerRules:
    return OwnerRules(
        Owners(**settings),
        [(owner,) for owner in named],
        catalog=cast(Catalog, people),
        connector=cast(Connector, people),
    )


def wish(*named: Owner, roles: Iterable[str] = ("ada",), **settings: Any) -> OwnerWish:
    """What becomes of an entity with these owners where the source has these roles."""
    people = People(roles)
    found = OwnerRules(Owners(**settings), [named], catalog=cast(Catalog, people), connector=cast(Connector, people))
    return found.wish(named)


def entity(*owners: Owner, type: EntityType = EntityType.TABLE) -> Entity:
    return Entity("s.d.x.t", type, "e1", "s", ("d", "x", "t"), owners=owners)


def test_a_user_is_the_role_of_that_name_and_a_team_needs_the_map() -> None:
    assert wish(ADA) == OwnerWish("ada")
    assert wish(TEAM, roles=["finance"], map={"finance-eng": "finance"}) == OwnerWish("finance")
    assert wish(TEAM, roles=["finance-eng"]) == OwnerWish(
        "", Verdict.UNMAPPED_OWNER, "team finance-eng has no entry in owners.map"
    )
    assert wish() == OwnerWish()


@pytest.mark.parametrize(
    ("rule", "principal"),
    [
        ("email", "ada.l@shop.example"),
        ("name", "ada"),
        ("local_part", "ada.l"),
        ("display_name", "Ada Lovelace"),
        ({"regex": "a(.*)", "replace": r"role_\1"}, "role_da"),
        ({"of": "email", "regex": r"(?P<who>.+)\.l@shop\.example", "replace": r"\g<who>_w"}, "ada_w"),
        ({"of": "display_name", "regex": "Ada .*", "replace": "lovelace"}, "lovelace"),
    ],
)
def test_what_each_rule_makes_of_a_user(rule: object, principal: str) -> None:
    assert wish(ADA, roles=[principal], users=[rule]) == OwnerWish(principal)


def test_a_regular_expression_must_match_the_whole_text() -> None:
    assert wish(ADA, roles=["x"], users=[{"regex": "ad", "replace": "x"}]).reason == (
        "user ada has no entry in owners.map, and owners.users gives no name"
    )


@pytest.mark.parametrize(
    ("roles", "principal"),
    [(["ada", "ada.l"], "ada.l"), (["ada"], "ada"), (["ada", "ada.l@shop.example"], "ada.l@shop.example")],
)
def test_the_first_rule_whose_principal_exists_wins(roles: list[str], principal: str) -> None:
    assert wish(ADA, roles=roles, users=["email", "local_part", "name"]) == OwnerWish(principal)


def test_a_rule_whose_principal_is_not_allowed_gives_way_to_the_next() -> None:
    assert wish(ADA, roles=["ada", "ada.l"], users=["local_part", "name"], allow=["ad?"]) == OwnerWish("ada")


def test_the_map_is_settled_whatever_the_rules_would_give() -> None:
    assert wish(ADA, roles=["ada", "ada_writer"], map={"ada": "ada_writer"}) == OwnerWish("ada_writer")
    assert wish(ADA, roles=["ada"], map={"ada": "ada_writer"}) == OwnerWish(
        "",
        Verdict.UNMAPPED_OWNER,
        "the source knows no role ada_writer for user ada; add an entry to owners.map or create the role",
    )


def test_allow_bounds_what_the_map_and_the_rules_give() -> None:
    assert wish(ADA, allow=["role_*"]) == OwnerWish(
        "", Verdict.UNMAPPED_OWNER, "user ada would be ada, which is not among owners.allow"
    )
    assert wish(ADA, map={"ada": "root"}, allow=["role_*"]).verdict is Verdict.UNMAPPED_OWNER
    assert wish(ADA, roles=["role_ada"], map={"ada": "role_ada"}, allow=["role_*"]) == OwnerWish("role_ada")


def test_none_leaves_it_to_the_map() -> None:
    assert wish(ADA, users=["none"]).reason == "user ada has no entry in owners.map"
    assert wish(ADA, users=["none"], map={"ada": "ada"}) == OwnerWish("ada")
    assert wish(ADA, users=["email", "name", "none"]) == OwnerWish("ada")


def test_a_verdict_names_the_user_and_what_was_looked_for() -> None:
    assert wish(ADA, roles=[], users=["email", "name"]).reason == (
        "the source knows no role ada.l@shop.example or ada for user ada; add an entry to owners.map or create the role"
    )


def test_a_hidden_email_gives_no_name_and_the_verdict_says_so() -> None:
    assert wish(GRACE, roles=["grace", "@", ""], users=["email", "local_part"]).reason == (
        "user grace has no entry in owners.map, and owners.users gives no name;"
        " the catalog shows no e-mail of it (only bots and admins see them)"
    )
    assert wish(GRACE, roles=["grace"], users=["email", "name"]) == OwnerWish("grace")


def test_a_team_becomes_a_group_role_by_the_rules_for_teams() -> None:
    assert wish(TEAM, roles=["finance-eng"], teams=["name"]) == OwnerWish("finance-eng")
    assert wish(TEAM, roles=["finance"], users=["name"], teams=["local_part"]) == OwnerWish("finance")


def test_only_some_types_of_teams_become_group_roles() -> None:
    retail = Owner("t2", "team", "retail")
    assert wish(retail, roles=["retail"], teams=["name"]) == OwnerWish(
        "",
        Verdict.UNMAPPED_OWNER,
        "team retail is of type Department, and owners.team_types has Group; add it there, or an entry to owners.map",
    )
    assert wish(retail, roles=["retail"], teams=["name"], team_types=["Group", "Department"]) == OwnerWish("retail")
    assert wish(retail, roles=["retail"], map={"retail": "retail"}) == OwnerWish("retail")


def test_somebody_who_is_gone_owns_nothing() -> None:
    assert wish(replace(ADA, deleted=True), map={"ada": "ada"}).reason == "user ada was deleted in the catalog"
    assert wish(Owner("u9", "user", "eve"), users=["email"]).reason == "user eve no longer exists in the catalog"


def test_several_owners_are_never_a_guess() -> None:
    assert wish(GRACE, ADA) == OwnerWish(
        "",
        Verdict.AMBIGUOUS,
        "the catalog names several owners (ada, grace), and the source takes one; set owners.several",
    )


@pytest.mark.parametrize(
    ("several", "owners", "principal"),
    [
        ("first", (GRACE, TEAM, ADA), "grace"),
        ("team_first", (GRACE, TEAM, ADA), "finance"),
        ("team_first", (GRACE, ADA), "grace"),
        (["ada", "finance-eng"], (GRACE, TEAM, ADA), "ada"),
        ("fail", (replace(GRACE, deleted=True), ADA), "ada"),
    ],
)
def test_how_one_of_several_owners_is_chosen(several: object, owners: tuple[Owner, ...], principal: str) -> None:
    found = wish(*owners, roles=["ada", "grace", "finance"], map={"finance-eng": "finance"}, several=several)
    assert found == OwnerWish(principal)


def test_several_owners_of_whom_the_order_knows_none() -> None:
    assert wish(GRACE, ADA, several=["linus"]) == OwnerWish(
        "",
        Verdict.AMBIGUOUS,
        "the catalog names several owners (ada, grace), and the source takes one; none of them is in owners.several",
    )


def test_the_one_who_was_chosen_is_not_passed_over_for_another() -> None:
    assert wish(GRACE, ADA, several="first").verdict is Verdict.UNMAPPED_OWNER


def test_the_source_is_asked_once_and_people_only_when_a_rule_needs_them() -> None:
    people = People(["ada", "finance"])
    found = rules(people, ADA, GRACE, TEAM, ADA, map={"finance-eng": "finance"}, default="dba")
    assert [found.wish((owner,)).principal for owner in (ADA, GRACE, TEAM)] == ["ada", "", "finance"]
    assert (people.asked, people.queries) == ([], [{"ada", "grace", "finance", "dba"}])

    people = People(["ada"])
    rules(people, ADA, TEAM, ADA, users=["email", "name"])
    assert (people.asked, people.queries) == (["ada"], [{"ada.l@shop.example", "ada"}])

    people = People([])
    rules(people)
    assert people.queries == []


def test_inherited_owners_are_not_own() -> None:
    assert own_owners(entity(replace(ADA, inherited=True)), [], Owners()) is None
    assert own_owners(entity(replace(ADA, inherited=True)), [], Owners(inherited="push")) != ()
    assert own_owners(entity(), [], Owners()) == ()


@pytest.mark.parametrize("owner", [ADA, replace(ADA, id="")])
def test_an_own_owner_that_equals_the_parents_counts_as_inherited(owner: Owner) -> None:
    schema = entity(owner, type=EntityType.SCHEMA)
    assert own_owners(entity(owner), [schema], Owners()) is None
    assert own_owners(entity(owner), [schema], Owners(inherited="push")) == (owner,)


def test_owners_without_ids_are_told_apart_by_name() -> None:
    ada, grace = replace(ADA, id=""), replace(GRACE, id="")
    assert own_owners(entity(grace), [entity(ada, type=EntityType.SCHEMA)], Owners()) == (grace,)


def test_nothing_is_handed_to_a_superuser_or_to_a_default_that_does_not_exist() -> None:
    found = rules(People(["ada", "root"]), ADA, Owner("u3", "user", "root"), default="dba")
    assert found.refusal("ada") == ""
    assert found.refusal("root") == "root is a superuser of the source; objects are never handed to one"
    assert found.refusal("dba") == ("the source knows no role dba; name another in owners.default or create the role")
