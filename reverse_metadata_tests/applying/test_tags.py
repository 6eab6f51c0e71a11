"""Which tags are pushed and which are not, against a simulated system that knows them."""

from typing import Any

import pytest

from reverse_metadata.model import Tag
from reverse_metadata_tests.applying.lake import (
    a_lake,
    by_hand,
    found,
    label,
    orders,
    reason,
    rules,
    sync,
    tags,
    unlabel,
)
from reverse_metadata_tests.simulated.connector import SimulatedConnector
from reverse_metadata_tests.simulated.engine import Engine, Limits
from reverse_metadata_tests.simulated.world import SimulatedWorld


@pytest.fixture
def lake() -> SimulatedWorld:
    """One table in a channel that pushes tags."""
    return a_lake()


# What is pushed


def test_one_statement_carries_all_keys_of_an_object_after_descriptions_and_before_owners(lake: SimulatedWorld) -> None:
    lake.catalog.user("ada")
    lake.catalog.own(orders(lake), "ada")
    lake.catalog.describe(orders(lake, "id"), "the key")
    lake.catalog.tag(lake.fqn(), "Domain.Lake")
    lake.catalog.tag(lake.fqn("sales"), "Domain.Sales")
    lake.catalog.tag(orders(lake, "email"), "PII.Sensitive")
    label(lake, "PII.None", "Domain.Sales.Orders", 'Retention."7.5 Years"')
    assert sync(lake, update_owners=True) == [
        """ALTER DATABASE "db" SET TAG "Domain" = 'Lake'""",
        """COMMENT ON COLUMN "db"."sales"."orders"."id" IS 'the key'""",
        """ALTER SCHEMA "db"."sales" SET TAG "Domain" = 'Sales'""",
        'ALTER TABLE "db"."sales"."orders" SET TAG'
        """ "Domain" = 'Sales.Orders', "PII" = 'None', "Retention" = '7.5 Years'""",
        """ALTER COLUMN "db"."sales"."orders"."email" SET TAG "PII" = 'Sensitive'""",
        """ALTER TABLE "db"."sales"."orders" SET OWNER "ada\"""",
    ]
    assert sync(lake, update_owners=True) == []
    recorded = {push.tag_key: (push.before, push.after, push.changed_by) for push in lake.pushes() if push.tag_key}
    assert recorded["Retention"] == (None, "7.5 Years", "curator")


def test_what_stands_there_already_is_adopted_and_taken_off_with_its_label(lake: SimulatedWorld) -> None:
    by_hand(lake, PII="Sensitive")
    label(lake, "PII.Sensitive")
    assert sync(lake) == []
    assert lake.pushes() == []
    unlabel(lake, "PII.Sensitive")
    # The history of the catalog shows that the label was there: row 16.
    assert sync(lake) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']


def test_a_label_that_takes_the_place_of_another_is_written_once(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    unlabel(lake, "PII.Sensitive")
    label(lake, "PII.Contact")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact'"""]
    assert sync(lake) == []


def test_a_label_that_is_taken_off_takes_its_key_along_and_no_other(lake: SimulatedWorld) -> None:
    by_hand(lake, cost_center="42", Retention="7 years")
    label(lake, "PII.Sensitive", "Domain.Sales")
    sync(lake)
    unlabel(lake, "PII.Sensitive")
    assert sync(lake) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
    assert tags(lake) == {"cost_center": "42", "Retention": "7 years", "Domain": "Sales"}
    assert sync(lake) == []


def test_a_key_that_was_changed_by_hand_stays_when_its_label_is_taken_off(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    by_hand(lake, PII="Contact")
    unlabel(lake, "PII.Sensitive")
    assert found(lake) == {}
    assert sync(lake) == []
    assert tags(lake) == {"PII": "Contact"}


def test_a_rebuilt_table_gets_its_tags_back(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    lake.catalog.tag(orders(lake, "email"), "PII.Sensitive")
    written = sync(lake)
    lake.engine.rebuild(*lake.path("sales", "orders"))
    assert sync(lake) == written
    assert sync(lake) == []


def test_a_rebuilt_table_that_somebody_tagged_otherwise_is_ambiguous(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    sync(lake)
    lake.engine.rebuild(*lake.path("sales", "orders"))
    by_hand(lake, PII="Contact")
    assert found(lake) == {"Domain": "apply", "PII": "ambiguous"}


# Somebody else's values


def test_a_foreign_value_at_first_contact_is_ambiguous_and_both_values_and_the_label_are_named(
    lake: SimulatedWorld,
) -> None:
    by_hand(lake, PII="Contact")
    label(lake, "PII.Sensitive", "Domain.Sales")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "Domain" = 'Sales'"""]
    (change,) = lake.plan("sales").others
    assert (change.verdict.value, change.tag_key, change.actual, change.value) == (
        "ambiguous",
        "PII",
        "Contact",
        "Sensitive",
    )
    assert change.reason == (
        "the source has a value of its own, which the catalog never held: 'Contact' there, 'Sensitive' in the catalog"
        " (PII.Sensitive); kept"
    )
    assert tags(lake) == {"PII": "Contact", "Domain": "Sales"}


def test_first_contact_and_conflict_have_no_say_over_another_value(lake: SimulatedWorld) -> None:
    by_hand(lake, PII="Contact")
    label(lake, "PII.Sensitive")
    settings = {"on_first_contact": "overwrite", "on_conflict": "overwrite"}
    assert found(lake, **settings) == {"PII": "ambiguous"}
    assert found(lake, on_first_contact="fail", on_conflict="fail") == {"PII": "ambiguous"}
    assert sync(lake, **settings) == []


def test_what_the_catalog_once_held_may_be_replaced_though_the_ledger_is_lost(lake: SimulatedWorld) -> None:
    label(lake, "PII.Contact")
    unlabel(lake, "PII.Contact")
    label(lake, "PII.Sensitive")
    by_hand(lake, PII="Contact")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Sensitive'"""]


def test_a_value_that_was_edited_at_the_source_is_ambiguous(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    by_hand(lake, PII="Contact")
    assert sync(lake) == []
    assert reason(lake) == (
        "edited in the source since the last push: 'Contact' there, 'Sensitive' in the catalog (PII.Sensitive); kept"
    )
    by_hand(lake, PII="Sensitive")
    assert lake.plan("sales").counts == {"in_sync": 1}


@pytest.mark.parametrize("stands", ["at first contact", "since a push"])
def test_overwrite_replaces_a_foreign_value_and_join_does_not(lake: SimulatedWorld, stands: str) -> None:
    overwrite, join = rules(on_ambiguous="overwrite"), rules(on_ambiguous="join")
    label(lake, "PII.Sensitive")
    if stands == "since a push":
        sync(lake)
    by_hand(lake, PII="Contact")
    assert found(lake, **join) == {"PII": "ambiguous"}
    assert found(lake, **overwrite, max_replacements=0) == {"PII": "braked"}
    assert sync(lake, **overwrite) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Sensitive'"""]
    assert lake.pushes()[-1].before == "Contact"


@pytest.mark.parametrize(("choice", "verdict"), [("overwrite", "apply"), ("keep", "conflict"), ("fail", "conflict")])
def test_a_key_that_was_removed_by_hand(lake: SimulatedWorld, choice: str, verdict: str) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    by_hand(lake, PII=None)
    plan = lake.plan("sales", on_conflict=choice)
    assert [(change.verdict.value, change.fails) for change in plan.changes] == [(verdict, choice == "fail")]
    lake.sync(on_conflict=choice)
    assert tags(lake) == ({"PII": "Sensitive"} if choice == "overwrite" else {})


def test_what_an_object_inherits_at_the_source_is_not_its_own(lake: SimulatedWorld) -> None:
    lake.engine.tag(lake.path("sales"), {"PII": "Contact"})
    label(lake, "PII.Sensitive")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Sensitive'"""]
    unlabel(lake, "PII.Sensitive")
    assert sync(lake) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
    assert tags(lake) == {}
    assert lake.found("sales").tags == {"PII": "Contact"}


# Labels that disagree


def test_two_values_for_one_key_are_ambiguous_and_what_stands_there_stays(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    label(lake, "PII.Contact")
    assert sync(lake) == []
    assert reason(lake) == (
        "PII is wanted as 'Contact' (PII.Contact) and as 'Sensitive' (PII.Sensitive); take labels off in the catalog, "
        "or set tags.map or tags.on_ambiguous"
    )
    assert tags(lake) == {"PII": "Sensitive"}
    unlabel(lake, "PII.Sensitive")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact'"""]


def test_overwrite_takes_the_first_label_and_join_takes_all(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "PII.Contact")
    assert sync(lake, **rules(on_ambiguous="overwrite")) == [
        """ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact'"""
    ]
    join = rules(on_ambiguous="join", join_with=" + ")
    assert sync(lake, **join) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact + Sensitive'"""]
    unlabel(lake, "PII.Contact")
    assert sync(lake, **join) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Sensitive'"""]
    unlabel(lake, "PII.Sensitive")
    assert sync(lake, **join) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']


# What the source takes


def test_a_key_without_a_value(lake: SimulatedWorld) -> None:
    settings = rules(map={"Certified": {"valueless": True}})
    label(lake, "Certified.Gold")
    assert sync(lake, **settings) == ['ALTER TABLE "db"."sales"."orders" SET TAG "Certified"']
    assert tags(lake) == {"Certified": ""}
    assert sync(lake, **settings) == []
    unlabel(lake, "Certified.Gold")
    assert sync(lake, **settings) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "Certified"']


def test_a_value_that_is_not_among_the_allowed_ones_is_invalid_and_they_are_named(lake: SimulatedWorld) -> None:
    lake.engine.allowed["PII"] = {"None", "Sensitive"}
    label(lake, "PII.Contact")
    assert found(lake) == {"PII": "invalid"}
    assert reason(lake) == "the values that PII takes in labelbase are: None, Sensitive"
    assert sync(lake) == []


def test_the_tags_of_others_count_towards_the_most_that_an_object_takes() -> None:
    world = a_lake(Engine(limits=Limits(max_tags=3)))
    by_hand(world, cost_center="42", team="blue")
    label(world, "Domain.Sales", "PII.Sensitive")
    assert found(world) == {"Domain": "apply", "PII": "too_long"}
    assert sync(world) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "Domain" = 'Sales'"""]
    assert reason(world) == "this would be tag number 4; a table takes 3"
    label(world, "Domain.Orders")
    unlabel(world, "Domain.Sales")
    assert sync(world) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "Domain" = 'Orders'"""]


def test_a_key_that_goes_makes_room_for_one_that_comes() -> None:
    world = a_lake(Engine(limits=Limits(max_tags=1)))
    label(world, "PII.Sensitive")
    sync(world)
    unlabel(world, "PII.Sensitive")
    label(world, "Domain.Sales")
    assert sync(world) == [
        'ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"',
        """ALTER TABLE "db"."sales"."orders" SET TAG "Domain" = 'Sales'""",
    ]


def test_keys_and_values_that_are_too_long_are_reported_and_values_are_cut_where_asked() -> None:
    world = a_lake(Engine(limits=Limits(max_key=6, max_value=8)))
    label(world, "Retention.Short", "PII.VerySensitive")
    assert found(world) == {"PII": "too_long", "Retention": "too_long"}
    truncate = rules(on_too_long="truncate")
    assert sync(world, **truncate) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'VerySen…'"""]
    assert found(world, **truncate) == {"Retention": "too_long"}
    assert sync(world, **truncate) == []
    unlabel(world, "PII.VerySensitive")
    assert sync(world, **truncate) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']


# Which labels


def test_only_confirmed_labels_that_were_set_as_asked_are_pushed(lake: SimulatedWorld) -> None:
    label(
        lake,
        Tag("PII.Sensitive", state="Suggested"),
        Tag("Domain.Sales", label_type="Automated"),
        Tag("Shape.Wide", label_type="Propagated"),
        Tag("Tier.Tier1"),
        Tag("Business.Revenue", source="Glossary"),
    )
    assert found(lake) == {}
    assert found(lake, **rules(label_types=["Automated"])) == {"Domain": "apply"}
    everything = rules(label_types=["Manual", "Automated", "Propagated"], tier=True, glossary=True)
    assert sync(lake, **everything) == [
        'ALTER TABLE "db"."sales"."orders" SET TAG'
        """ "Business" = 'Revenue', "Domain" = 'Sales', "Shape" = 'Wide', "Tier" = 'Tier1'"""
    ]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ({"exclude": ["PII.*"]}, {"PII": "Sensitive"}),
        ({"include": ["Domain.*"]}, {"PII": "Sensitive"}),
        ({"map": {"PII": None}}, {"PII": "Sensitive"}),
        ({"map": {"PII": "pii_class"}}, {"PII": "Sensitive", "pii_class": "Sensitive"}),
        ({"prefix": "gov_"}, {"PII": "Sensitive", "gov_PII": "Sensitive"}),
        ({"case": "lower"}, {"PII": "Sensitive", "pii": "sensitive"}),
        ({"label_types": ["Automated"]}, {"PII": "Sensitive"}),
    ],
    ids=str,
)
def test_edited_rules_remove_nothing_until_the_catalog_takes_the_label_off(
    lake: SimulatedWorld, later: dict[str, Any], expected: dict[str, str]
) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    sync(lake, **rules(**later))
    assert tags(lake) == expected
    assert sync(lake, **rules(**later)) == []
    unlabel(lake, "PII.Sensitive")
    # Under the old name as well as under the new one.
    assert len(sync(lake, **rules(**later))) == 1
    assert tags(lake) == {}


def test_a_value_that_the_rules_spell_otherwise_is_written_anew(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    lower = rules(map={"PII": {"value": "yes"}})
    assert sync(lake, **lower) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'yes'"""]
    assert sync(lake, **lower) == []


def test_a_value_that_is_spelled_like_a_label_is_no_echo_of_it(lake: SimulatedWorld) -> None:
    spelled = rules(map={"PII.Sensitive": {"value": "PII.Contact"}, "PII.Contact": {"value": "none"}})
    label(lake, "PII.Sensitive")
    sync(lake, **spelled)
    unlabel(lake, "PII.Sensitive")
    label(lake, "PII.Contact")
    assert sync(lake, **spelled) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'none'"""]


def test_a_service_that_must_be_asked_for_its_tags_says_how_and_forgets_nothing(
    lake: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(lake, "PII.Sensitive")
    sync(lake)
    monkeypatch.setattr(SimulatedConnector, "declines", lambda _, aspect: "set tags: true" if aspect == "tags" else "")
    assert (found(lake), reason(lake)) == ({"PII": "unsupported"}, "set tags: true")
    lake.catalog.describe(orders(lake), "all")
    assert sync(lake) == ["""COMMENT ON TABLE "db"."sales"."orders" IS 'all'"""]
    unlabel(lake, "PII.Sensitive")
    assert sync(lake) == []
    monkeypatch.undo()
    assert sync(lake) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
