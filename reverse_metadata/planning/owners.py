"""Which principal of the source an entity of the catalog should belong to. The rules are those of docs/owners.md."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reverse_metadata.catalogs.base import Catalog, Person
from reverse_metadata.config import Owners, Rewrite
from reverse_metadata.connectors.base import Connector
from reverse_metadata.model import Entity, Owner, Verdict


@dataclass(frozen=True, slots=True)
class OwnerWish:
    """Who should own an entity: a principal, nobody (the catalog names no owner of its own), or a refusal."""

    principal: str = ""
    verdict: Verdict | None = None
    reason: str = ""


NOBODY = OwnerWish()


def own_owners(entity: Entity, parents: list[Entity], rules: Owners) -> tuple[Owner, ...] | None:
    """The owners that count as the entity's own; None when it only inherits them.

    OpenMetadata stores inherited owners as own on any edit of the entity, so own owners that equal those of the
    schema or database count as inherited too.
    """
    if rules.inherited == "push" or not entity.owners:
        return entity.owners
    own = tuple(owner for owner in entity.owners if not owner.inherited)
    if not own or any(parent.owners and _names(own) == _names(parent.owners) for parent in parents):
        return None
    return own


def _names(owners: Iterable[Owner]) -> set[tuple[str, str]]:
    """Who they are: a folder of files may give no ids."""
    return {(owner.type, owner.name) for owner in owners}


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The principals that the rules give one owner, in order, within `allow`; `reason` says why there is none."""

    principals: tuple[str, ...] = ()
    reason: str = ""


class OwnerRules:
    """The owner rules of a channel, for one partition."""

    def __init__(
        self, rules: Owners, named: Iterable[tuple[Owner, ...]], *, catalog: Catalog, connector: Connector
    ) -> None:
        """`named` are the owners of every entity that `wish` will be asked about.

        Asks the catalog for the people whom a rule cannot judge by name, and the source, in one query, which of all
        principals exist. Raises CatalogError and SourceError.
        """
        self._rules = rules
        self._catalog = catalog
        chosen = dict.fromkeys(_chosen(owners, rules) for owners in named)
        self._candidates = {owner: self._candidates_for(owner) for owner in chosen if owner is not None}
        asked = {name for candidates in self._candidates.values() for name in candidates.principals}
        if rules.default is not None:
            asked.add(rules.default)
        self._known = connector.principals(asked) if asked else {}

    def wish(self, owners: tuple[Owner, ...]) -> OwnerWish:
        """The principal for the owners of one entity: by the map, else by the first rule whose principal exists."""
        if not owners:
            return NOBODY
        owner = _chosen(owners, self._rules)
        if owner is None:
            return _undecided(owners, self._rules)
        candidates = self._candidates[owner]
        for principal in candidates.principals:
            if principal in self._known:
                return OwnerWish(principal)
        return OwnerWish("", Verdict.UNMAPPED_OWNER, candidates.reason or _unknown(owner, candidates.principals))

    def refusal(self, principal: str) -> str:
        """Why objects cannot be handed to a principal that `wish` gave, or to the default; "" when they can."""
        found = self._known.get(principal)
        if found is None:
            return f"the source knows no role {principal}; name another in owners.default or create the role"
        if found.superuser:
            return f"{principal} is a superuser of the source; objects are never handed to one"
        return ""

    def _candidates_for(self, owner: Owner) -> _Candidates:
        who = f"{owner.type} {owner.name}"
        if owner.deleted:
            return _Candidates(reason=f"{who} was deleted in the catalog")
        if owner.name in self._rules.map:
            return self._allowed(who, [self._rules.map[owner.name]])
        setting = "teams" if owner.type == "team" else "users"
        rules = [rule for rule in (self._rules.teams if setting == "teams" else self._rules.users) if rule != "none"]
        if not rules:
            return _Candidates(reason=f"{who} has no entry in owners.map")
        person: Person | None = Person(owner.id, owner.type, owner.name)
        if owner.type == "team" or any(_of(rule) != "name" for rule in rules):
            person = self._catalog.person(owner)
        if person is None:
            return _Candidates(reason=f"{who} no longer exists in the catalog")
        if owner.type == "team" and person.team_type not in self._rules.team_types:
            allowed = ", ".join(self._rules.team_types) or "none"
            return _Candidates(
                reason=f"{who} is of type {person.team_type or 'unknown'}, and owners.team_types has {allowed};"
                " add it there, or an entry to owners.map"
            )
        principals = [principal for rule in rules if (principal := _apply(rule, person))]
        if not principals:
            hidden = any(_of(rule) == "email" for rule in rules) and not person.email
            why = "; the catalog shows no e-mail of it (only bots and admins see them)" if hidden else ""
            return _Candidates(reason=f"{who} has no entry in owners.map, and owners.{setting} gives no name{why}")
        return self._allowed(who, principals)

    def _allowed(self, who: str, principals: list[str]) -> _Candidates:
        allowed = dict.fromkeys(principal for principal in principals if self._rules.allows(principal))
        if allowed:
            return _Candidates(tuple(allowed))
        return _Candidates(reason=f"{who} would be {_either(principals)}, which is not among owners.allow")


def _chosen(owners: tuple[Owner, ...], rules: Owners) -> Owner | None:
    """The one of several owners that counts, None when the rules do not say. Deleted ones give way to the others."""
    living = [owner for owner in owners if not owner.deleted] or list(owners)
    if len(living) < 2:
        return next(iter(living), None)
    match rules.several:
        case "fail":
            return None
        case "first":
            return living[0]
        case "team_first":
            return next((owner for owner in living if owner.type == "team"), living[0])
        case order:
            listed = [owner for owner in living if owner.name in order]
            return min(listed, key=lambda owner: order.index(owner.name), default=None)


def _undecided(owners: tuple[Owner, ...], rules: Owners) -> OwnerWish:
    names = ", ".join(sorted(owner.name for owner in owners if not owner.deleted) or sorted(o.name for o in owners))
    hint = "set owners.several" if rules.several == "fail" else "none of them is in owners.several"
    reason = f"the catalog names several owners ({names}), and the source takes one; {hint}"
    return OwnerWish("", Verdict.AMBIGUOUS, reason)


def _of(rule: str | Rewrite) -> str:
    """What of a person a rule looks at."""
    if isinstance(rule, Rewrite):
        return rule.of
    return "email" if rule == "local_part" else rule


def _apply(rule: str | Rewrite, person: Person) -> str:
    """The principal that a rule gives a person; "" when it gives none."""
    text = str(getattr(person, _of(rule)))
    if isinstance(rule, Rewrite):
        match = re.fullmatch(rule.regex, text)
        return match.expand(rule.replace) if match else ""
    return text.partition("@")[0] if rule == "local_part" else text


def _unknown(owner: Owner, principals: tuple[str, ...]) -> str:
    return (
        f"the source knows no role {_either(principals)} for {owner.type} {owner.name}; add an entry to owners.map or"
        " create the role"
    )


def _either(names: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(names))
