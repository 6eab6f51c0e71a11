"""How tags of the catalog become tags in a database: the rules that docs/tags.md explains."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from reverse_metadata.config.base import Model

Case = Literal["keep", "lower", "upper"]


def _check_blanks(text: str) -> str:
    if text.isspace():
        raise ValueError("must not be blanks alone")
    return text


def _check_filled(items: list[str]) -> list[str]:
    if not items:
        raise ValueError("no tag would be pushed; leave it out, or set update_tags to false")
    return items


_Text = Annotated[str, Field(min_length=1), AfterValidator(_check_blanks)]
_Prefix = Annotated[str, AfterValidator(_check_blanks)]
_Glob = Annotated[str, Field(min_length=1)]


class TagEntry(Model):
    """What becomes of the labels that an entry of `map` is about. What is not said here is as without the entry."""

    key: _Text | None = Field(default=None, description="The key, without its prefix.")
    value: _Text | None = Field(default=None, description="The value, whatever the tag is called.")
    case: Case | None = Field(
        default=None, description="Takes the place of `case` for these labels. `key` and `value` stay as they are."
    )
    prefix: _Prefix | None = Field(
        default=None, description='Takes the place of `prefix` for these labels; `""` is none.'
    )
    valueless: bool = Field(default=False, description="Whether the key stands without a value.")

    @model_validator(mode="after")
    def _has_one_value(self) -> "TagEntry":
        if self.valueless and self.value is not None:
            raise ValueError(f"valueless and the value {self.value} cannot both be; take one of them out")
        return self


_Entry = Annotated[
    Annotated[_Text, Tag("text")] | Annotated[None, Tag("null")] | Annotated[TagEntry, Tag("entry")],
    Discriminator(lambda entry: "null" if entry is None else "entry" if isinstance(entry, dict | TagEntry) else "text"),
]


def _check_names(map: dict[str, _Entry]) -> dict[str, _Entry]:
    spelled: dict[str, str] = {}
    for name in map:
        other = spelled.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"{other} and {name} differ in nothing but letter case; remove one of them")
    return map


class Tags(Model):
    """How tags of the catalog become tags in a database."""

    map: Annotated[dict[_Text, _Entry], AfterValidator(_check_names)] = Field(
        default_factory=dict,
        description="What becomes of the labels of a classification or glossary (`PII`), of one label (`PII.Sensitive`)"
        " or of all that a glob matches (`PII.*`), in any letter case: a text is the key in the database, `null` means"
        " never pushed, a mapping says more (below). One entry decides: that of the label, else that of the"
        " classification or glossary, else the first glob.",
    )
    case: Case = Field(default="keep", description="The letter case of keys and values that `map` does not spell out.")
    prefix: _Prefix = Field(default="", description="What is put before every key, also before those of `map`.")
    include: Annotated[list[_Glob], AfterValidator(_check_filled)] = Field(
        default=["*"], description="Globs over the FQNs of labels, in any letter case. Only what matches one is pushed."
    )
    exclude: list[_Glob] = Field(
        default_factory=list, description="The same for labels that are not pushed, although `include` has them."
    )
    tier: bool = Field(default=False, description="Whether the tier of an entity is pushed.")
    glossary: bool = Field(
        default=False,
        description="Whether glossary terms are pushed: the key is the glossary, the value the path of the term.",
    )
    label_types: Annotated[
        list[Literal["Manual", "Propagated", "Automated", "Derived", "Generated"]], AfterValidator(_check_filled)
    ] = Field(
        default=["Manual"],
        description="How a label may have come to the entity. `Manual` was set by hand; the others by lineage, by"
        " automatic classification, through another label, and by a generator.",
    )
    protected: list[_Glob] = Field(
        default_factory=list,
        description="Globs over the FQNs of labels, in any letter case. Taking such a tag off waits for approval.",
    )
    on_ambiguous: Literal["report", "overwrite", "join"] = Field(
        default="report",
        description="What happens when labels want several values under one key, or when somebody else's value stands"
        " at the source: `report` writes nothing, `overwrite` takes the label whose FQN comes first and replaces the"
        " other's value, `join` writes the values of all labels as one and reports the other's.",
    )
    join_with: str = Field(default=",", min_length=1, description="What `on_ambiguous: join` puts between the values.")
    on_too_long: Literal["report", "truncate"] = Field(
        default="report",
        description="What happens to a value that is too long for the source. A key that is too long is reported.",
    )
    on_invalid: Literal["report", "transform"] = Field(
        default="report",
        description="What happens to characters that the source does not take: `transform` writes them as lower-case"
        " letters where those are taken, else as `_`.",
    )

    @model_validator(mode="after")
    def _map_is_used(self) -> "Tags":
        unused = [
            name
            for name, entry in self.map.items()
            if entry is not None and name.lower().partition(".")[0] == "tier" and not self.tier
        ]
        if unused:
            raise ValueError(f"map has {unused[0]}, and tier is false; set it to true")
        return self
