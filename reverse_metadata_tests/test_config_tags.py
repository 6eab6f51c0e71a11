"""The tag rules as the configuration spells them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reverse_metadata.config import Channel, TagEntry, Tags, load_config
from reverse_metadata.errors import ConfigurationError

HEAD = "catalog: {type: folder, path: catalog}\nchannels:\n  - name: all\n    update_tags: true\n    tags:\n"

Load = Callable[[str], Channel]
Mistakes = Callable[[str], list[str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """The channel with these lines below its key `tags`, the first of them in line 6."""
    monkeypatch.chdir(tmp_path)

    def load(lines: str) -> Channel:
        indented = "".join(f"      {line}\n" for line in lines.splitlines())
        (tmp_path / "reverse_metadata.yaml").write_text(HEAD + indented, encoding="utf-8")
        return load_config(environ={"PREFIX": "om_"}).channel("all")

    return load


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """The mistakes in these lines."""

    def mistakes(lines: str) -> list[str]:
        with pytest.raises(ConfigurationError) as raised:
            load(lines)
        return [mistake.removeprefix("reverse_metadata.yaml:") for mistake in raised.value.mistakes]

    return mistakes


def test_every_key(load: Load) -> None:
    channel = load(
        """\
map:
  PII: pii_class
  PII.None: null
  "Data*": {key: data, value: "yes", case: lower, prefix: ""}
  Certified: {valueless: true}
  Odd: {}
  Tier.Gold: gold
case: upper
prefix: ${PREFIX}
include: ["*.*"]
exclude: [Internal.*]
tier: true
glossary: true
label_types: [Manual, Propagated, Derived, Automated, Generated]
protected: [PII.*]
on_ambiguous: join
join_with: "; "
on_too_long: truncate
on_invalid: transform
"""
    )
    assert channel.tags == Tags(
        map={
            "PII": "pii_class",
            "PII.None": None,
            "Data*": TagEntry(key="data", value="yes", case="lower", prefix=""),
            "Certified": TagEntry(valueless=True),
            "Odd": TagEntry(),
            "Tier.Gold": "gold",
        },
        case="upper",
        prefix="om_",
        include=["*.*"],
        exclude=["Internal.*"],
        tier=True,
        glossary=True,
        label_types=["Manual", "Propagated", "Derived", "Automated", "Generated"],
        protected=["PII.*"],
        on_ambiguous="join",
        join_with="; ",
        on_too_long="truncate",
        on_invalid="transform",
    )
    assert list(channel.tags.map) == ["PII", "PII.None", "Data*", "Certified", "Odd", "Tier.Gold"]


def test_a_drop_of_the_tier_needs_no_tier(load: Load) -> None:
    assert load("map: {Tier: null}").tags == Tags(map={"Tier": None})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("on_ambigous: join", ["6: channels[0].tags.on_ambigous: unknown key; did you mean on_ambiguous?"]),
        (
            "on_ambiguous: merge",
            ["6: channels[0].tags.on_ambiguous: must be one of report, overwrite, join, not 'merge'"],
        ),
        (
            "case: Upper\nlabel_types: [manual]",
            [
                "6: channels[0].tags.case: must be one of keep, lower, upper, not 'Upper'; did you mean upper?",
                "7: channels[0].tags.label_types[0]: must be one of Manual, Propagated, Automated, Derived, Generated,"
                " not 'manual'; did you mean Manual?",
            ],
        ),
        (
            "map:\n  PII: 7\n  A: [x]\n  B: {kee: x}\n  C: {case: title}\n  D: ''\n  E: ' '",
            [
                "7: channels[0].tags.map.PII: must be text, not the number 7; put it in quotes",
                "8: channels[0].tags.map.A: must be text, not a list",
                "9: channels[0].tags.map.B.kee: unknown key; did you mean key?",
                "10: channels[0].tags.map.C.case: must be one of keep, lower, upper, not 'title'",
                "11: channels[0].tags.map.D: must not be empty",
                "12: channels[0].tags.map.E: must not be blanks alone",
            ],
        ),
        (
            "map:\n  PII: {valueless: true, value: high}\n  A: {key: '', value: ' '}\n  B: {prefix: ' '}",
            [
                "7: channels[0].tags.map.PII: valueless and the value high cannot both be; take one of them out",
                "8: channels[0].tags.map.A.key: must not be empty",
                "8: channels[0].tags.map.A.value: must not be blanks alone",
                "9: channels[0].tags.map.B.prefix: must not be blanks alone",
            ],
        ),
        (
            "map: {PII.None: a, pii.none: b}",
            ["6: channels[0].tags.map: PII.None and pii.none differ in nothing but letter case; remove one of them"],
        ),
        ("map: {Tier: tier}", ["5: channels[0].tags: map has Tier, and tier is false; set it to true"]),
        ("map: {tier.gold: {}}", ["5: channels[0].tags: map has tier.gold, and tier is false; set it to true"]),
        ("prefix: '  '", ["6: channels[0].tags.prefix: must not be blanks alone"]),
        (
            "include: []\nlabel_types: []",
            [
                "6: channels[0].tags.include: no tag would be pushed; leave it out, or set update_tags to false",
                "7: channels[0].tags.label_types: no tag would be pushed; leave it out, or set update_tags to false",
            ],
        ),
        (
            "exclude: PII.*\nprotected: ['']\njoin_with: ''",
            [
                "6: channels[0].tags.exclude: must be a list, not 'PII.*'",
                "7: channels[0].tags.protected[0]: must not be empty",
                "8: channels[0].tags.join_with: must not be empty",
            ],
        ),
    ],
)
def test_mistakes(mistakes: Mistakes, lines: str, expected: list[str]) -> None:
    assert mistakes(lines) == expected
