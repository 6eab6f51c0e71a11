"""How owners of the catalog become owners in a database: the rules that docs/owners.md explains."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from reverse_metadata.config.base import Model


class Rewrite(Model):
    """A principal's name made from a catalog's name or e-mail by a regular expression."""

    regex: str = Field(
        min_length=1, description="What the whole text must match, in Python's syntax: `(.+)@shop\\.example`."
    )
    replace: str = Field(
        min_length=1, description="The name, in which `\\1` stands for the first group, `\\g<name>` for a named one."
    )
    of: Literal["name", "email", "display_name"] = Field(
        default="name", description="The text of the user or team that is rewritten."
    )

    @model_validator(mode="after")
    def _is_sound(self) -> "Rewrite":
        try:
            pattern = re.compile(self.regex)
        except re.error as error:
            raise ValueError(f"regex is no regular expression: {error}") from error
        try:
            pattern.sub(self.replace, "")
        except (re.error, IndexError) as error:
            raise ValueError(f"replace does not fit the regular expression: {error}") from error
        return self


_Rule = Annotated[
    Annotated[Literal["email", "name", "local_part", "display_name", "none"], Tag("word")]
    | Annotated[Rewrite, Tag("rewrite")],
    Discriminator(lambda rule: "rewrite" if isinstance(rule, dict | Rewrite) else "word"),
]


def _check_rules(rules: list[_Rule]) -> list[_Rule]:
    if "none" in rules[:-1]:
        raise ValueError("none ends the rules; put it last, or take it out")
    return rules


class Owners(Model):
    """How owners of the catalog become owners in a database."""

    map: dict[str, str] = Field(
        default_factory=dict,
        description="The database's user, role or group by the catalog's user or team: `{finance-eng: finance}`."
        " What stands here is settled; the rules are for everybody else.",
    )
    users: Annotated[list[_Rule], AfterValidator(_check_rules)] = Field(
        default=["name"],
        description="Rules for users, in order: `email`, `name`, `local_part` (of the e-mail), `display_name`,"
        " a rewrite (below), or `none` for the map alone. The first whose name is in `allow` and exists in the"
        " database wins.",
    )
    teams: Annotated[list[_Rule], AfterValidator(_check_rules)] = Field(
        default=["none"], description="The same for teams, which become group roles."
    )
    team_types: list[Literal["Organization", "BusinessUnit", "Division", "Department", "Group"]] = Field(
        default=["Group"], description="The types of teams that the rules apply to; the map is for any."
    )
    several: Annotated[
        Annotated[Literal["fail", "first", "team_first"], Tag("word")] | Annotated[list[str], Tag("order")],
        Discriminator(lambda value: "order" if isinstance(value, list) else "word"),
    ] = Field(
        default="fail",
        description="What happens when the catalog names several owners and the database takes one: `fail` reports it,"
        " `first` takes the first that the catalog lists, `team_first` the first team, else the first user, and a list"
        " of names the one that stands first in it.",
    )
    allow: list[str] = Field(
        default_factory=lambda: ["*"],
        description="Globs. Only users, roles and groups with such a name are made owners.",
    )
    default: str | None = Field(
        default=None,
        min_length=1,
        description="Who gets what an owner was pushed to, once the catalog names no owner any more. Without it that"
        " is reported, as a database object always has an owner.",
    )
    inherited: Literal["skip", "push"] = Field(
        default="skip",
        description="What happens to an owner that an entity has from its schema or database: `skip` leaves it out.",
    )

    @model_validator(mode="after")
    def _default_is_allowed(self) -> "Owners":
        if self.default is not None and not self.allows(self.default):
            raise ValueError(f"default is {self.default}, which is not among allow; add it there")
        return self

    def allows(self, principal: str) -> bool:
        """Whether objects may be handed to a principal of this name."""
        return any(fnmatchcase(principal, pattern) for pattern in self.allow)
