"""From the labels of the catalog to keys and values of a source, or a verdict."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reverse_metadata.config import Tags
from reverse_metadata.connectors.base import TagLimits
from reverse_metadata.model import Tag, Verdict
from reverse_metadata.planning.tags import TagWish, carries, label_of, loses_protected, template_of, wishes

SENSITIVE = Tag("PII.Sensitive")
NONE = Tag("PII.None")
GOLD = Tag("Tier.Gold")
TERM = Tag("Business.Sales.Net revenue", source="Glossary")
ANYTHING = TagLimits(valueless=True)
LABELS = TagLimits(max_key=8, max_value=8, key_characters="a-z0-9_-", value_characters="a-z0-9_-")


def wanted(*labels: Tag | str, limits: TagLimits = ANYTHING, **rules: Any) -> list[TagWish]:
    tags = [label if isinstance(label, Tag) else Tag(label) for label in labels]
    return wishes(tags, Tags.model_validate(rules), limits)


def pairs(*labels: Tag | str, limits: TagLimits = ANYTHING, **rules: Any) -> dict[str, str]:
    """Value by key, of wishes that all can be written."""
    found = wanted(*labels, limits=limits, **rules)
    assert [wish.reason for wish in found if wish.verdict] == []
    return {wish.key: wish.value for wish in found}


def refusal(*labels: Tag | str, limits: TagLimits = ANYTHING, **rules: Any) -> tuple[Verdict | None, str]:
    (wish,) = wanted(*labels, limits=limits, **rules)
    return wish.verdict, wish.reason


def test_the_classification_is_the_key_and_the_tag_is_the_value() -> None:
    assert wanted() == []
    assert wanted(Tag("Retention.Year.Seven"), SENSITIVE) == [
        TagWish("PII", "Sensitive", "PII.Sensitive"),
        TagWish("Retention", "Year.Seven", "Retention.Year.Seven"),
    ]


def test_a_label_that_stands_for_a_key_without_a_value_is_that_key() -> None:
    limits = TagLimits(valueless=True, placeholder="UNITY_CATALOG_TAGS")
    labels = ("UNITY_CATALOG_TAGS.Certified", "PII.Sensitive")
    assert pairs(*labels, limits=limits, case="lower", prefix="gov_") == {"Certified": "", "gov_pii": "sensitive"}
    assert pairs(*labels) == {"UNITY_CATALOG_TAGS": "Certified", "PII": "Sensitive"}
    mapped = pairs(labels[0], limits=limits, map={"unity_catalog_tags": {"key": "seen"}})
    assert mapped == {"seen": "Certified"}


def test_names_with_dots_and_reserved_words_are_read_as_the_catalog_quotes_them() -> None:
    assert wanted('"acme.com"."v1.0 beta"', "Size.5__reserved__quote__") == [
        TagWish("Size", '5"', "Size.5__reserved__quote__"),
        TagWish("acme.com", "v1.0 beta", '"acme.com"."v1.0 beta"'),
    ]


def test_the_documented_example() -> None:
    page = (Path(__file__).parents[2] / "docs/tags.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    listed = re.search(r"\| label in the catalog .*?\n\n", page, re.DOTALL)
    assert example is not None
    assert listed is not None
    (channel,) = yaml.safe_load(example[1])["channels"]
    rows = [[re.findall("`(.*?)`", cell) for cell in row.split("|")[1:4]] for row in listed[0].splitlines()[2:] if row]
    assert len(rows) == 8
    for labels, key, value in rows:
        sources = [Tag(fqn, "Glossary" if fqn.startswith("Business.") else "Classification") for fqn in labels]
        found = [(wish.key, wish.verdict or wish.value) for wish in wanted(*sources, **channel["tags"])]
        assert found == ([(key[0], value[0] if value else "")] if key else []), labels


@pytest.mark.parametrize(
    ("entry", "pair"),
    [
        ("pii_class", {"pii_class": "Sensitive"}),
        (None, {}),
        ({}, {"PII": "Sensitive"}),
        ({"key": "Pii", "value": "High"}, {"Pii": "High"}),
        ({"value": "High"}, {"PII": "High"}),
        ({"case": "upper"}, {"PII": "SENSITIVE"}),
        ({"key": "Pii", "case": "lower"}, {"Pii": "sensitive"}),
        ({"value": "High", "case": "lower"}, {"pii": "High"}),
        ({"prefix": "gov_"}, {"gov_PII": "Sensitive"}),
        ({"prefix": "gov_", "key": "x", "case": "upper"}, {"gov_x": "SENSITIVE"}),
        ({"valueless": True}, {"PII": ""}),
    ],
)
def test_what_an_entry_of_the_map_says(entry: object, pair: dict[str, str]) -> None:
    assert pairs(SENSITIVE, map={"PII": entry}) == pair


@pytest.mark.parametrize(
    ("map", "key"),
    [
        ({"PII.S*": "first", "PII*": "second", "PII": "classification", "PII.Sensitive": "label"}, "label"),
        ({"PII.S*": "first", "PII*": "second", "PII": "classification"}, "classification"),
        ({"PII.S*": "first", "PII*": "second"}, "first"),
        ({"PII*": "second", "PII.S*": "first"}, "second"),
        ({"P?I": "glob of the classification"}, "glob of the classification"),
        ({"*.Sensitive": "glob of the tag"}, "glob of the tag"),
        ({"pii.SENSITIVE": "any case", "PII": "classification"}, "any case"),
        ({"pii": "any case", "P*": "glob"}, "any case"),
        ({"p[i]i.*": "any case"}, "any case"),
        ({"PII.None": "other", "PI": "other", "Sensitive": "other", "P?I.N*": "other"}, "PII"),
    ],
)
def test_the_most_specific_entry_counts(map: dict[str, str], key: str) -> None:
    assert pairs(SENSITIVE, map=map) == {key: "Sensitive"}


def test_a_label_can_be_dropped_and_its_classification_kept_and_the_other_way_round() -> None:
    assert pairs(SENSITIVE, NONE, map={"PII.None": None}) == {"PII": "Sensitive"}
    assert pairs(SENSITIVE, NONE, map={"PII.Sensitive": {}, "PII": None}) == {"PII": "Sensitive"}


def test_a_name_with_a_dot_stands_in_the_map_as_in_the_catalog() -> None:
    assert pairs('"acme.com"."v1.0"', map={'"acme.com"': "acme"}) == {"acme": "v1.0"}
    assert pairs('"acme.com"."v1.0"', map={'"acme.com"."v1.0"': "one"}) == {"one": "v1.0"}
    assert pairs('"PII"."Sensitive"', map={"PII.Sensitive": "pii"}) == {"pii": "Sensitive"}
    assert pairs('"acme.com"."v1.0"', map={"acme": "a", "acme.com": "b"}) == {"acme.com": "v1.0"}


def test_case_and_prefix_of_what_the_map_does_not_spell_out() -> None:
    assert pairs(SENSITIVE, case="lower", prefix="OM_") == {"OM_pii": "sensitive"}
    assert pairs(SENSITIVE, case="upper") == {"PII": "SENSITIVE"}
    assert pairs(SENSITIVE, case="lower", prefix="OM_", map={"PII": "PiiClass"}) == {"OM_PiiClass": "sensitive"}
    assert pairs(SENSITIVE, case="lower", prefix="OM_", map={"PII": {"prefix": "", "case": "keep"}}) == {
        "PII": "Sensitive"
    }


def test_include_and_exclude_in_any_letter_case() -> None:
    labels = [SENSITIVE, NONE, Tag("Data.Raw"), Tag('"a.b".C')]
    assert pairs(*labels, include=["pii.s*", '"A.B".*']) == {"PII": "Sensitive", "a.b": "C"}
    assert pairs(*labels, exclude=["PII.NONE", "data.*"]) == {"PII": "Sensitive", "a.b": "C"}
    assert pairs(*labels, include=["PII.*"], exclude=["*"]) == {}


def test_the_tier_and_glossary_terms_are_options() -> None:
    assert pairs(GOLD, TERM, SENSITIVE, Tag("Tiers.One")) == {"PII": "Sensitive", "Tiers": "One"}
    assert pairs(GOLD, TERM, tier=True) == {"Tier": "Gold"}
    assert pairs(GOLD, TERM, glossary=True) == {"Business": "Sales.Net revenue"}
    assert pairs(Tag("Tier.Bronze", source="Glossary"), glossary=True) == {"Tier": "Bronze"}


def test_how_a_label_came_to_the_entity_and_whether_it_is_confirmed() -> None:
    labels = [
        *(Tag(f"{type_}.x", label_type=type_) for type_ in ("Propagated", "Automated", "Derived", "Generated")),
        Tag("Manual.x"),
        Tag("Stateless.x", state=""),
        Tag("Suggested.x", state="Suggested"),
    ]
    assert pairs(*labels) == {"Manual": "x", "Stateless": "x"}
    assert pairs(*labels, label_types=["Automated", "Derived"]) == {"Automated": "x", "Derived": "x"}


def test_two_values_for_one_key_are_ambiguous() -> None:
    hint = "; take labels off in the catalog, or set tags.map or tags.on_ambiguous"
    assert wanted(SENSITIVE, NONE, Tag("A.b")) == [
        TagWish("A", "b", "A.b"),
        TagWish(
            "PII",
            "",
            "PII.None, PII.Sensitive",
            Verdict.AMBIGUOUS,
            f"PII is wanted as 'None' (PII.None) and as 'Sensitive' (PII.Sensitive){hint}",
        ),
    ]
    mapped = {"PII.None": {"valueless": True}, "PII.Low": {"value": "Sensitive"}}
    assert refusal(SENSITIVE, NONE, Tag("PII.Low"), map=mapped) == (
        Verdict.AMBIGUOUS,
        f"PII is wanted as 'Sensitive' (PII.Low, PII.Sensitive) and without a value (PII.None){hint}",
    )


def test_labels_that_want_the_same_are_not_ambiguous() -> None:
    rules: dict[str, Any] = {"map": {"PII": {"value": "yes"}, "GDPR": {"key": "PII", "value": "yes"}}}
    assert wanted(SENSITIVE, NONE, "GDPR.Art9", **rules) == [
        TagWish("PII", "yes", "GDPR.Art9, PII.None, PII.Sensitive")
    ]
    twice = [SENSITIVE, Tag("PII.Sensitive", label_type="Derived"), Tag('"PII"."Sensitive"')]
    assert wanted(*twice, label_types=["Manual", "Derived"]) == [TagWish("PII", "Sensitive", "PII.Sensitive")]


def test_ambiguity_is_found_on_the_final_key_and_value() -> None:
    assert refusal("PII.a", "pii.b", case="lower")[0] is Verdict.AMBIGUOUS
    assert refusal("P I.a", "P_I.b", limits=LABELS, on_invalid="transform")[0] is Verdict.AMBIGUOUS
    assert pairs("P I.a", "P_I.a", limits=LABELS, on_invalid="transform") == {"p_i": "a"}
    assert pairs("p.abcdefgh1", "p.abcdefgh2", limits=LABELS, on_too_long="truncate") == {"p": "abcdefgh"}


def test_overwrite_takes_the_first_label_and_names_no_other() -> None:
    assert wanted(SENSITIVE, NONE, on_ambiguous="overwrite") == [TagWish("PII", "None", "PII.None")]
    rules: dict[str, Any] = {"on_ambiguous": "overwrite", "map": {"PII.Zero": {"value": "None"}}}
    assert wanted(SENSITIVE, NONE, Tag("PII.Zero"), **rules) == [TagWish("PII", "None", "PII.None, PII.Zero")]
    chosen = refusal("P.a b", "P.c", on_ambiguous="overwrite", limits=TagLimits(value_characters="a-z"))
    assert chosen[0] is Verdict.INVALID


def test_join_joins_the_values_in_order_and_each_once() -> None:
    labels = [SENSITIVE, NONE, Tag("GDPR.x")]
    rules: dict[str, Any] = {"on_ambiguous": "join", "map": {"GDPR": {"key": "PII", "value": "None"}}}
    assert wanted(*labels, **rules) == [TagWish("PII", "None,Sensitive", "GDPR.x, PII.None, PII.Sensitive")]
    assert pairs(*(f"A.{letter}" for letter in "hgfedcba"), on_ambiguous="join", map={"A.a": {"value": "z"}}) == {
        "A": "b,c,d,e,f,g,h,z"
    }
    assert pairs(*labels, **rules, join_with=" | ") == {"PII": "None | Sensitive"}
    assert pairs(SENSITIVE, NONE, on_ambiguous="join", map={"PII.None": {"valueless": True}}) == {"PII": "Sensitive"}


def test_a_joined_value_is_held_against_the_limits_as_a_whole() -> None:
    labels = ["p.abcde", "p.fghij"]
    assert refusal(*labels, on_ambiguous="join", limits=TagLimits(max_value=10))[0] is Verdict.TOO_LONG
    assert refusal(*labels, on_ambiguous="join", limits=TagLimits(value_characters="a-z"))[0] is Verdict.INVALID
    rules = {"on_ambiguous": "join", "on_too_long": "truncate", "on_invalid": "transform"}
    assert pairs(*labels, **rules, limits=LABELS) == {"p": "abcde_fg"}


@pytest.mark.parametrize(
    ("label", "limits", "refused"),
    [
        (
            "Retention.Seven years",
            TagLimits(max_value=10),
            "the value of Retention has 11 characters, and the source takes 10; give it a shorter one in tags.map, or"
            " set tags.on_too_long to truncate",
        ),
        (
            "Retention.Seven years",
            TagLimits(max_key=8),
            "the key Retention has 9 characters, and the source takes 8; give it a shorter one in tags.map",
        ),
    ],
)
def test_what_is_too_long(label: str, limits: TagLimits, refused: str) -> None:
    assert refusal(label, limits=limits) == (Verdict.TOO_LONG, refused)
    assert pairs(label, limits=TagLimits(max_key=9, max_value=11)) == {"Retention": "Seven years"}


def test_values_are_cut_and_keys_are_not() -> None:
    limits = TagLimits(max_key=8, max_value=6)
    assert pairs("Size.abcdef", limits=limits, on_too_long="truncate") == {"Size": "abcdef"}
    assert pairs("Size.abcdefg", limits=limits, on_too_long="truncate") == {"Size": "abcde…"}
    plain = TagLimits(max_value=6, value_characters="a-z")
    assert pairs("Size.abcdefg", limits=plain, on_too_long="truncate") == {"Size": "abcdef"}
    assert refusal("Retention.x", limits=limits, on_too_long="truncate")[0] is Verdict.TOO_LONG


def test_characters_that_the_source_does_not_take_are_named() -> None:
    limits = TagLimits(key_characters="a-zA-Z ", value_characters="a-z0-9")
    assert refusal("My-Data: P.x", limits=limits) == (
        Verdict.INVALID,
        "the key My-Data: P holds '-' ':', which the source does not take; give it another in tags.map, or set"
        " tags.on_invalid to transform",
    )
    assert refusal("Data.a\u202eA\nA", limits=limits) == (
        Verdict.INVALID,
        "the value a\u202eA\nA of Data holds '\\u{202e}' 'A' '⏎', which the source does not take; give it another in"
        " tags.map, or set tags.on_invalid to transform",
    )


def test_characters_are_transformed() -> None:
    rules: dict[str, Any] = {"on_invalid": "transform", "limits": LABELS}
    assert pairs("PII.Très: Ä", **rules) == {"pii": "tr_s___"}
    assert pairs("PII.İ", **rules) == {"pii": "_"}
    assert pairs(
        "PII.Top", limits=TagLimits(key_characters="A-Z", value_characters="a-zA-Z"), on_invalid="transform"
    ) == {"PII": "Top"}
    no_underscore = TagLimits(value_characters="a-z")
    assert refusal("P.a b", on_invalid="transform", limits=no_underscore) == (
        Verdict.INVALID,
        "the value a_b of P holds '_', which the source does not take; give it another in tags.map",
    )


def test_a_key_without_a_value_needs_a_source_that_has_them() -> None:
    rules: dict[str, Any] = {"map": {"PII": {"valueless": True}}}
    assert wanted(SENSITIVE, **rules) == [TagWish("PII", "", "PII.Sensitive")]
    assert refusal(SENSITIVE, **rules, limits=TagLimits()) == (
        Verdict.INVALID,
        "the source takes no key without a value; give the entry of PII in tags.map a value",
    )


@pytest.mark.parametrize("fqn", ["PII", "PII.", 'PII."Sensitive', ""])
def test_a_label_that_is_none_is_reported(fqn: str) -> None:
    reason = f"the label {fqn} names no classification and tag; correct it in the catalog"
    assert wanted(fqn, "A.b") == sorted(
        [TagWish("A", "b", "A.b"), TagWish(fqn, "", fqn, Verdict.INVALID, reason)], key=lambda wish: wish.key
    )


def test_whether_a_label_is_still_carried_does_not_depend_on_the_rules() -> None:
    for label in (SENSITIVE, GOLD, TERM, Tag("A.b", label_type="Automated"), Tag("A.b", state="")):
        assert carries([NONE, label], label.fqn)
    assert carries([NONE], "PII.None, PII.Sensitive")
    assert not carries([SENSITIVE], "PII.None")
    assert not carries([SENSITIVE], "PII.Sensitive.Very")
    assert not carries([Tag("PII.Sensitive", state="Suggested")], "PII.Sensitive")
    assert not carries([], "PII.Sensitive")


def test_names_with_dots_quotes_and_commas_survive() -> None:
    odd = [Tag('Law."Art. 9, (1)"'), Tag("Law.Art 6, or none"), Tag('"a.b, c".x')]
    law, other = wanted(*odd, map={"Law": {"value": "yes"}})
    assert other == TagWish("a.b, c", "x", '"a.b, c".x')
    assert law == TagWish("Law", "yes", 'Law."Art 6, or none", Law."Art. 9, (1)"')
    for label in odd[:2]:
        assert carries([label], law.wanted)
        assert loses_protected([], law.wanted, Tags(protected=[label.fqn]))
    assert not carries([Tag("Law.Art 6"), Tag("or none"), odd[2]], law.wanted)
    assert not loses_protected([], law.wanted, Tags(protected=["Law.Art 6", "*none*, Law*"]))


def test_protected_labels() -> None:
    rules = Tags(protected=["pii.*", '"a.b".c'])
    assert loses_protected([], "PII.Sensitive", rules)
    assert loses_protected([], "Data.Raw, PII.None", rules)
    assert loses_protected([], '"a.b".C', rules)
    assert not loses_protected([], "Data.Raw", rules)
    assert not loses_protected([], "PII.None", Tags())
    assert not loses_protected([], "", Tags(protected=["*"]))


def test_the_template_says_what_shapes_the_written() -> None:
    default = template_of(Tags())
    assert re.fullmatch(r"tags/[0-9a-f]{12}", default)
    shaping: list[dict[str, Any]] = [
        {"map": {"PII": "a"}},
        {"map": {"P*": "a", "PI*": "b"}},
        {"map": {"PI*": "b", "P*": "a"}},
        {"case": "lower"},
        {"prefix": "om_"},
        {"on_ambiguous": "join"},
        {"join_with": "|"},
        {"on_too_long": "truncate"},
        {"on_invalid": "transform"},
    ]
    assert len({default, *(template_of(Tags.model_validate(rules)) for rules in shaping)}) == len(shaping) + 1
    choosing = Tags(include=["A*"], exclude=["B*"], label_types=["Derived"], protected=["C*"], tier=True, glossary=True)
    assert template_of(choosing) == default


NAMES = st.text(st.sampled_from('AaBb1_- .,…ÄİßΣ"\n'), min_size=1, max_size=6)


def _fqn(names: list[str]) -> str:
    """As the catalog writes it, with every part in quotes that may be."""
    return ".".join(f'"{name}"' if set(name) & set(".,") else name for name in (n.replace('"', "x") for n in names))


LABEL_SETS = st.lists(st.lists(NAMES, min_size=2, max_size=3).map(_fqn).map(Tag), max_size=6)
RULES = st.builds(
    Tags,
    case=st.sampled_from(["keep", "lower", "upper"]),
    prefix=st.sampled_from(["", "om_", "Ü "]),
    map=st.dictionaries(
        st.sampled_from(["A", "B*", "*.a", "*"]), st.sampled_from([None, "k", {"value": "v"}, {"valueless": True}])
    ),
    on_ambiguous=st.sampled_from(["report", "overwrite", "join"]),
    on_too_long=st.sampled_from(["report", "truncate"]),
    on_invalid=st.sampled_from(["report", "transform"]),
)
CHARACTERS = st.sampled_from(["", "a-z", "a-z0-9_-", r"^\x00-\x20.,", "a-zA-Z…"])
LIMITS = st.builds(
    TagLimits,
    max_key=st.none() | st.integers(1, 6),
    max_value=st.none() | st.integers(1, 6),
    key_characters=CHARACTERS,
    value_characters=CHARACTERS,
    valueless=st.booleans(),
)


@settings(deadline=None)
@given(LABEL_SETS, RULES, LIMITS)
def test_what_is_written_is_within_the_limits(labels: list[Tag], rules: Tags, limits: TagLimits) -> None:
    found = wishes(labels, rules, limits)
    assert [wish.key for wish in found] == sorted({wish.key for wish in found})
    for wish in found:
        assert carries(labels, wish.wanted)
        assert (wish.verdict is None) == (wish.reason == "")
        if wish.verdict is None:
            assert len(wish.key) <= (limits.max_key or len(wish.key))
            assert len(wish.value) <= (limits.max_value or len(wish.value))
            assert re.fullmatch(f"[{limits.key_characters}]+" if limits.key_characters else "(?s:.)+", wish.key)
            assert re.fullmatch(f"[{limits.value_characters}]*" if limits.value_characters else "(?s:.)*", wish.value)
            assert wish.value or limits.valueless


@settings(deadline=None)
@given(LABEL_SETS.flatmap(lambda labels: st.tuples(st.just(labels), st.permutations(labels))), RULES, LIMITS)
def test_the_order_of_labels_does_not_matter(
    orders: tuple[list[Tag], list[Tag]], rules: Tags, limits: TagLimits
) -> None:
    one, other = orders
    assert wishes(one, rules, limits) == wishes(other, rules, limits)


def test_a_protected_label_that_is_still_there_is_not_lost() -> None:
    rules = Tags(protected=["PII.*"])
    assert not loses_protected([Tag("PII.Sensitive")], "PII.Sensitive", rules)
    assert loses_protected([Tag("PII.None")], "PII.Sensitive", rules)
    assert loses_protected([Tag("PII.Phone")], "PII.Email, PII.Phone", rules)


def test_a_value_of_the_source_stands_for_a_label_of_the_same_classification() -> None:
    assert label_of("PII.None", "Sensitive") == "PII.Sensitive"
    assert label_of('"a.b".None', "x.y") == '"a.b"."x.y"'
    assert label_of("PII.Email, PII.Phone", "None") == "PII.None"
