"""Whose a value is when several channels push the same entities."""

from dataclasses import replace
from typing import Any

import pytest

from reverse_metadata.catalogs import filter as filters
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Capabilities, ConnectorOptions, TagLimits
from reverse_metadata.errors import ContradictoryChannels
from reverse_metadata.model import Aspect, Entity, EntityType, Owner, Partition, Tag
from reverse_metadata.planning import markdown, rivals
from reverse_metadata.planning.rivals import OURS, THEIRS, Rivals, Settled
from reverse_metadata.planning.tags import template_of
from reverse_metadata_tests.simulated.connector import SimulatedConnector
from reverse_metadata_tests.simulated.engine import Engine

SALES = Partition("shop_pg", "shop", "sales")
ANYTHING = Capabilities(
    levels={aspect: tuple(EntityType) for aspect in Aspect},
    transactional=True,
    limits={(Aspect.DESCRIPTION, EntityType.TABLE): 20},
    tags=TagLimits(valueless=True),
)
BOLD = "One **bold** row"
LONG = "A text that is too long by far"
ADA = Owner("1", "user", "ada")


def table(*labels: str, name: str = "orders", description: str | None = None, **values: Any) -> Entity:
    tags = tuple(map(Tag, labels))
    path = ("shop", "sales", name)
    fqn = ".".join(("shop_pg", *path))
    return Entity(fqn, EntityType.TABLE, "1", "shop_pg", path, description, tags=tags, **values)


def channel(name: str, **settings: Any) -> Channel:
    return Channel(name=name, **{"update_owners": True, "update_tags": True, **settings})


def seen(ours: dict[str, Any], *theirs: dict[str, Any], capabilities: Capabilities = ANYTHING) -> Rivals:
    """The channel `shop` with its settings, and others named `b`, `c`... with theirs."""
    others = [channel(name, **settings) for name, settings in zip("bcd", theirs, strict=False)]
    connector = type("Able", (SimulatedConnector,), {"capabilities": capabilities})
    return Rivals(channel("shop", **ours), others, SALES, connector(ConnectorOptions(), Engine()))


def description(found: Rivals, entity: Entity, *, in_scope: bool = True) -> Settled:
    return found.description(entity, entity, in_scope=in_scope)


def tags(found: Rivals, entity: Entity, *, in_scope: bool = True) -> dict[str, bool]:
    """Whether each key is left to another channel."""
    return {key: settled.left for key, settled in found.tags(entity, entity, in_scope=in_scope).items()}


def refusal(found: Rivals) -> str:
    """What the error says; "" when there is none."""
    try:
        found.refuse_contradictions()
    except ContradictoryChannels as error:
        return str(error)
    return ""


RAW: dict[str, Any] = {}
TEXT: dict[str, Any] = {"description_format": "text"}
CUT: dict[str, Any] = {"on_too_long": "truncate"}


@pytest.mark.parametrize(
    ("ours", "theirs", "text", "differs"),
    [
        (RAW, RAW, BOLD, False),
        (RAW, TEXT, BOLD, True),
        (TEXT, RAW, BOLD, True),
        (RAW, TEXT, "One plain row", False),
        (RAW, TEXT, "One row\r\n\r\nAnother", False),
        (RAW, TEXT, "One plain row\n", True),
        (RAW, TEXT, None, False),
        (RAW, CUT, LONG, True),
        (RAW, CUT, BOLD, False),
        (TEXT, CUT, "One **bold row**, of 20", True),
        # What only one of both finds a text in is that one's.
        (RAW, TEXT, "<!-- later -->", False),
    ],
)
def test_descriptions_contradict_where_the_texts_differ(
    ours: dict[str, Any], theirs: dict[str, Any], text: str | None, differs: bool
) -> None:
    found = seen(ours, theirs)
    assert not description(found, table(description=text)).left
    assert bool(refusal(found)) is differs


def test_the_error_names_both_what_they_would_write_and_what_to_do() -> None:
    found = seen(RAW, TEXT)
    for name in ("orders", "customers", "returns"):
        description(found, table(name=name, description=BOLD))
    assert refusal(found) == (
        "channels shop and b would write the description of shop_pg.shop.sales.orders differently: shop"
        " writes 'One **bold** row', b writes 'One bold row' (and 2 more). Nothing of shop_pg.shop.sales is written"
        " by either. Give one of them the higher priority, or filters that do not overlap."
    )


def test_each_other_channel_is_named() -> None:
    found = seen(RAW, TEXT, {**TEXT, **CUT})
    description(found, table(description=BOLD))
    message = refusal(found)
    assert "channels shop and b would write" in message
    assert "channels shop and c would write" in message


def test_long_texts_are_shown_where_they_part() -> None:
    found = seen(RAW, TEXT)
    description(found, table(description="x" * 100 + " then **bold** and much more " + "y" * 100))
    shown = refusal(found).partition("differently: ")[2].partition(". Nothing")[0]
    assert shown == (
        "shop writes '…xxxxxxxxxxxxxx then **bold** and much more yyyyyyyyyyyyyyy…',"
        " b writes '…xxxxxxxxxxxxxx then bold and much more yyyyyyyyyyyyyyyyyyy…'"
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "left", "contradicts"),
    [
        (0, [0], False, True),
        (1, [0], False, False),
        (0, [1], True, False),
        (-2, [-1], True, False),
        # A third one settles what two of equal priority would contradict each other in.
        (0, [0, 1], True, False),
        (2, [0, 1], False, False),
        (1, [0, 1], False, True),
    ],
)
def test_the_highest_priority_settles_it(ours: int, theirs: list[int], left: bool, contradicts: bool) -> None:
    found = seen({"priority": ours}, *({**TEXT, "priority": each} for each in theirs))
    assert description(found, table(description=BOLD)).left is left
    assert bool(refusal(found)) is contradicts
    assert sum(found.left_to.values()) == left


def test_who_agrees_with_the_highest_pushes_too() -> None:
    found = seen(RAW, {**TEXT, "priority": 1}, {**RAW, "priority": 2}, {**TEXT, "priority": 0})
    assert not description(found, table(description=BOLD)).left
    assert refusal(found) == ""
    assert not found.left_to


def test_what_is_left_is_counted_by_the_channel_that_has_it() -> None:
    found = seen(RAW, {**TEXT, "priority": 1}, {**TEXT, "priority": 2})
    for text in (BOLD, BOLD, "One plain row"):
        description(found, table(description=text))
    assert found.left_to == {"c": 2}


def test_templates_of_channels_that_write_the_same_count_as_ours() -> None:
    assert description(seen(RAW, TEXT), table(description="plain")) == Settled(templates=frozenset({markdown.VERSION}))
    assert description(seen(TEXT, RAW), table(description="plain")) == Settled(templates=frozenset({""}))
    assert description(seen(RAW, TEXT), table(description=BOLD)) == OURS
    other = seen({}, {"tags": {"map": {"Size": "size"}}})
    entity = table("PII.Sensitive")
    template = template_of(channel("b", tags={"map": {"Size": "size"}}).tags)
    assert other.tags(entity, entity, in_scope=True) == {"PII": Settled(templates=frozenset({template}))}


@pytest.mark.parametrize(
    ("labels", "theirs", "contradiction"),
    [
        (["PII.Sensitive"], {}, ""),
        (["PII.Sensitive"], {"case": "upper"}, "shop writes 'Sensitive', b writes 'SENSITIVE'"),
        (["PII.None"], {"map": {"PII": {"valueless": True}}}, "shop writes 'None', b writes ''"),
        (["PII.Sensitive"], {"map": {"PII": "pii"}}, ""),
        (["PII.Sensitive", "Size.L"], {"include": ["Size.*"]}, ""),
        (["PII.Sensitive"], {"map": {"PII": None}}, ""),
        (["PII.A", "PII.B"], {}, ""),
        (["PII.A", "PII.B"], {"on_ambiguous": "join"}, "shop finds several values for it, b writes 'A,B'"),
        (["PII.A", "PII.B"], {"map": {"PII": {"valueless": True}}}, "shop finds several values for it, b writes ''"),
        (["PII.A", "PII.B"], {"join_with": "+"}, ""),
    ],
)
def test_tags_contradict_key_by_key(labels: list[str], theirs: dict[str, Any], contradiction: str) -> None:
    found = seen({}, {"tags": theirs})
    tags(found, table(*labels))
    message = refusal(found)
    assert bool(message) is bool(contradiction)
    if message:
        assert f"the tags PII of shop_pg.shop.sales.orders differently: {contradiction}. Nothing" in message


def test_only_the_key_that_differs_is_left() -> None:
    theirs = {"tags": {"map": {"PII": {"value": "yes"}}, "include": ["PII.*", "Size.*"]}, "priority": 1}
    found = seen({}, theirs)
    assert tags(found, table("PII.Sensitive", "Size.L", "Domain.Sales")) == {
        "PII": True,
        "Size": False,
        "Domain": False,
    }
    assert found.left_to == {"b": 1}


@pytest.mark.parametrize("priority", [-1, 0, 1])
def test_a_key_that_another_channel_writes_is_not_removed(priority: int) -> None:
    """The label that it came from is off, but the one that another channel writes there is not."""
    found = seen({"tags": {"exclude": ["PII.None"]}}, {"priority": priority})
    assert tags(found, table("PII.None")) == {"PII": True}
    assert refusal(found) == ""
    assert not found.left_to


def test_out_of_scope_only_removals_count() -> None:
    found = seen({}, {**TEXT, "tags": {"case": "upper", "map": {"PII": "PII"}}, "owners": {"map": {"ada": "x"}}})
    entity = table("PII.a", description=BOLD, owners=(ADA,))
    assert description(found, entity, in_scope=False) == THEIRS
    assert tags(found, entity, in_scope=False) == {"PII": True}
    assert found.owner(entity, [], taken_off=False, in_scope=False) == THEIRS
    bare = table()
    assert description(found, bare, in_scope=False) == OURS
    assert tags(found, bare, in_scope=False) == {}
    assert found.owner(bare, [], taken_off=False, in_scope=False) == OURS
    assert refusal(found) == ""


@pytest.mark.parametrize(
    ("ours", "theirs", "owners", "fields"),
    [
        ({}, {}, (ADA,), ""),
        ({}, {"map": {"ada": "finance"}}, (ADA,), "map"),
        ({"several": "first"}, {"map": {"ada": "finance"}}, (ADA,), "map, several"),
        ({}, {"map": {"ada": "finance"}}, (), ""),
        ({}, {"map": {"ada": "finance"}}, (replace(ADA, inherited=True),), ""),
        # Only one of both pushes what is inherited.
        ({}, {"inherited": "push"}, (replace(ADA, inherited=True),), ""),
        ({}, {"inherited": "push"}, (ADA,), "inherited"),
    ],
)
def test_owners_contradict_where_the_rules_differ(
    ours: dict[str, Any], theirs: dict[str, Any], owners: tuple[Owner, ...], fields: str
) -> None:
    found = seen({"owners": ours}, {"owners": theirs})
    found.owner(table(owners=owners), [], taken_off=False, in_scope=True)
    shown = refusal(found).partition(" would write ")[2].partition(". Nothing")[0]
    expected = f"the owner of shop_pg.shop.sales.orders differently: their owners differ in {fields}"
    assert shown == (expected if fields else "")


@pytest.mark.parametrize(
    ("ours", "theirs", "left", "contradicts"),
    [
        ("finance", "sales", False, True),
        ("finance", "finance", False, False),
        ("finance", None, False, False),
        # The one without a default would only report that there is none.
        (None, "finance", True, False),
    ],
)
def test_defaults_count_once_an_owner_was_taken_off(
    ours: str | None, theirs: str | None, left: bool, contradicts: bool
) -> None:
    for taken_off in (True, False):
        found = seen({"owners": {"default": ours}}, {"owners": {"default": theirs, "map": {"ada": "x"}}})
        assert found.owner(table(), [], taken_off=taken_off, in_scope=True).left is (left and taken_off)
        assert bool(refusal(found)) is (contradicts and taken_off)


def test_an_own_owner_that_equals_the_schemas_is_inherited_for_both() -> None:
    found = seen({}, {"owners": {"map": {"ada": "finance"}}})
    schema = Entity("shop_pg.shop.sales", EntityType.SCHEMA, "2", "shop_pg", ("shop", "sales"), owners=(ADA,))
    assert found.owner(table(owners=(ADA,)), [schema], taken_off=False, in_scope=True) == OURS
    assert refusal(found) == ""


@pytest.mark.parametrize(
    "theirs",
    [
        {"update_descriptions": False},
        {"filter": {"service": "other_*"}},
        {"filter": {"schema": "stock"}},
        {"filter": {"table": "customers"}},
        {"filter": {"tags": "PII.*"}},
    ],
)
def test_a_channel_that_does_not_push_it_is_no_rival(theirs: dict[str, Any]) -> None:
    found = seen(RAW, {**TEXT, **theirs, "priority": 1})
    assert description(found, table(description=BOLD)) == OURS
    assert refusal(found) == ""


def test_a_column_is_where_its_table_is() -> None:
    column = Entity(
        "shop_pg.shop.sales.orders.id", EntityType.COLUMN, "1", "shop_pg", ("shop", "sales", "orders", "id"), BOLD
    )
    found = seen(RAW, {**TEXT, "filter": {"tags": "PII.*"}})
    found.description(column, table("PII.Sensitive"), in_scope=True)
    assert "the description of shop_pg.shop.sales.orders.id differently" in refusal(found)


def test_what_is_deleted_or_not_supported_is_nobodys() -> None:
    gone = replace(table("PII.a", description=BOLD, owners=(ADA,)), deleted=True)
    found = seen(RAW, {**TEXT, "tags": {"case": "upper"}, "owners": {"map": {"ada": "x"}}, "priority": 1})
    assert description(found, gone) == OURS
    assert tags(found, gone) == {}
    assert found.owner(gone, [], taken_off=True, in_scope=True) == OURS
    bare = seen({}, {"tags": {"map": {"PII": {"value": "x"}}}}, capabilities=Capabilities({}, transactional=True))
    assert tags(bare, table("PII.a")) == {}


def test_filters_are_asked_once_a_table_and_only_where_rules_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def matches(filter: filters.Filter, entity: Entity) -> bool:
        asked.append(entity.fqn)
        return filters.matches(filter, entity)

    monkeypatch.setattr(rivals, "matches", matches)
    entity = table(description=BOLD)
    for alike in (seen(RAW), seen(RAW, RAW)):
        assert description(alike, entity) == OURS
    assert asked == []
    found = seen(RAW, TEXT, {"filter": {"schema": "stock"}})
    for _ in range(3):
        description(found, entity)
    assert asked == [entity.fqn]
    elsewhere = seen(RAW, RAW, {**TEXT, "filter": {"table": "customers"}})
    assert description(elsewhere, entity) == OURS
