"""Several channels over the same entities: whose a value is. The rules are those of docs/several_channels.md."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reverse_metadata.catalogs.filter import could_match, matches
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector, Limit
from reverse_metadata.display import one_line
from reverse_metadata.errors import ContradictoryChannels
from reverse_metadata.model import Aspect, Entity, EntityType, Partition, Verdict
from reverse_metadata.planning import descriptions, tags
from reverse_metadata.planning.owners import own_owners
from reverse_metadata.planning.statements import Statements, shaped_by
from reverse_metadata.planning.text import normal
from reverse_metadata.templates import TemplateMistakes

_WIDTH = 60
#: So much of what two long texts begin with alike is shown.
_ALIKE = 20


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether a value is this channel's to push or remove.

    `left` says that it is another channel's. `templates` are those under which other channels write the same (see
    `Last.template`): what one of them pushed needs no second push.
    """

    left: bool = False
    templates: frozenset[str] = frozenset()


OURS = Settled()
THEIRS = Settled(left=True)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a channel would write under one key. Two channels agree when `value` is equal, and the SQL; `text` is for
    people, None when it writes nothing and reports that labels disagree."""

    channel: Channel
    value: object
    text: str | None = None


@dataclass(frozen=True, slots=True)
class _Contradiction:
    entity: str
    aspect: Aspect
    tag_key: str
    ours: _Wish
    theirs: _Wish


class Rivals:
    """The other channels that push to one partition what a channel pushes there.

    They are asked about an entity only where one of them has other rules for the aspect, so channels that never meet
    cost nothing. `left_to` counts the values that were left to a channel of a higher priority, by its name.
    """

    def __init__(self, channel: Channel, others: Sequence[Channel], partition: Partition, connector: Connector) -> None:
        here = [each for each in others if could_match(each.filter, partition.service, partition.path)]
        self._channel = channel
        self._partition = partition
        self._capabilities = connector.capabilities
        self._statements = {each.name: Statements(each, connector) for each in (channel, *here)}
        self._pushing = {
            aspect: self._unless_alike([each for each in here if _pushes(each, aspect)], aspect) for aspect in Aspect
        }
        self._matching: dict[tuple[str, Aspect], list[Channel]] = {}
        self._contradictions: list[_Contradiction] = []
        self.left_to: Counter[str] = Counter()

    def description(self, entity: Entity, top: Entity, *, in_scope: bool) -> Settled:
        """Whose the description of an entity is. `top` is the table of a column; out of scope, a channel only looks
        for removals."""
        rivals = self._rivals(entity, top, Aspect.DESCRIPTION)
        if not rivals:
            return OURS
        limit = self._capabilities.limit(Aspect.DESCRIPTION, entity.type)
        found = (_described(entity, each, limit) for each in (self._channel, *rivals))
        return self._settled(entity, Aspect.DESCRIPTION, "", [wish for wish in found if wish], in_scope)

    def tags(self, entity: Entity, top: Entity, *, in_scope: bool) -> dict[str, Settled]:
        """The same for every key of an entity's tags that other channels write; the rest is this channel's."""
        rivals = self._rivals(entity, top, Aspect.TAGS)
        by_key: dict[str, list[_Wish]] = {}
        limits = self._capabilities.tag_limits(entity.type)
        for channel in (*rivals, self._channel) if rivals else ():
            for wish in tags.wishes(entity.tags, channel.tags, limits):
                ambiguous = wish.verdict is Verdict.AMBIGUOUS
                said = _Wish(channel, (wish.value, ambiguous), None if ambiguous else wish.value)
                by_key.setdefault(wish.key, []).append(said)
        return {key: self._settled(entity, Aspect.TAGS, key, wishes, in_scope) for key, wishes in by_key.items()}

    def owner(self, entity: Entity, parents: list[Entity], *, taken_off: bool, in_scope: bool) -> Settled:
        """The same for the owner of a database, schema or table; `parents` are those it may inherit from.

        `taken_off` says that an owner was pushed and the catalog names none any more: `owners.default` counts then.
        Rules are compared, and not whom they lead to: the source need not be asked about roles to see that two
        channels disagree.
        """
        rivals = self._rivals(entity, entity, Aspect.OWNER)
        wishes = []
        for channel in (self._channel, *rivals) if rivals else ():
            if own_owners(entity, parents, channel.owners):
                wishes.append(_Wish(channel, channel.owners))
            elif taken_off and channel.owners.default is not None:
                wishes.append(_Wish(channel, channel.owners.default))
        return self._settled(entity, Aspect.OWNER, "", wishes, in_scope)

    def refuse_contradictions(self) -> None:
        """Raise ContradictoryChannels when a channel of the same priority would write something else anywhere."""
        by_channel: dict[str, list[_Contradiction]] = {}
        for each in self._contradictions:
            by_channel.setdefault(each.theirs.channel.name, []).append(each)
        if by_channel:
            raise ContradictoryChannels(
                f"{'; '.join(map(_sentence, by_channel.values()))}. Nothing of {self._partition.key} is written by"
                " either. Give one of them the higher priority, or filters that do not overlap."
            )

    def _rivals(self, entity: Entity, top: Entity, aspect: Aspect) -> list[Channel]:
        """The channels that push the aspect of the entity, if one of them has other rules for it."""
        if not self._pushing[aspect] or entity.deleted or top.deleted:
            return []
        if self._sql(self._channel, aspect, entity.type) is None:
            return []
        pushing = self._pushing[aspect]
        # A filter that chooses columns is asked about each of them.
        subject = entity if any(each.filter.speaks_of_columns for each in pushing) else top
        if (subject.fqn, aspect) not in self._matching:
            part = () if subject is top else (top,)
            found = [each for each in pushing if matches(each.filter, subject, *part)]
            self._matching[subject.fqn, aspect] = self._unless_alike(found, aspect)
        return [
            each for each in self._matching[subject.fqn, aspect] if self._sql(each, aspect, entity.type) is not None
        ]

    def _sql(self, channel: Channel, aspect: Aspect, level: EntityType) -> tuple[str, str] | None:
        """By what SQL the channel writes the aspect at this level (see `Statements.sql_of`); None when it does not.

        A channel whose templates do not fit the system writes nothing there, and its own runs say so.
        """
        statements = self._statements[channel.name]
        try:
            return statements.sql_of(aspect, level) if statements.supports(aspect, level) else None
        except TemplateMistakes:
            return None

    def _unless_alike(self, channels: list[Channel], aspect: Aspect) -> list[Channel]:
        """The channels; none when all have this channel's rules for the aspect, and nothing is to be settled."""
        ours = _rules(self._channel, aspect)
        return channels if any(_rules(each, aspect) != ours for each in channels) else []

    def _settled(
        self, entity: Entity, aspect: Aspect, tag_key: str, wishes: Sequence[_Wish], in_scope: bool
    ) -> Settled:
        ours = next((wish for wish in wishes if wish.channel is self._channel), None)
        theirs = [wish for wish in wishes if wish.channel is not self._channel]
        if not theirs:
            return OURS
        if ours is None or not in_scope:
            # This channel could only remove it, and another one wants it to stand.
            return THEIRS
        sql = self._sql(self._channel, aspect, entity.type)

        def agrees(wish: _Wish) -> bool:
            return wish.value == ours.value and self._sql(wish.channel, aspect, entity.type) == sql

        mine, highest = self._channel.priority, max(wish.channel.priority for wish in theirs)
        first = [wish for wish in theirs if wish.channel.priority == highest and not agrees(wish)]
        if first and highest > mine:
            self.left_to[first[0].channel.name] += 1
            return THEIRS
        if highest == mine:
            self._contradictions += [_Contradiction(entity.fqn, aspect, tag_key, ours, wish) for wish in first]
        return Settled(templates=frozenset(shaped_by(wish.channel, aspect) for wish in theirs if agrees(wish)))


def _pushes(channel: Channel, aspect: Aspect) -> bool:
    match aspect:
        case Aspect.DESCRIPTION:
            return channel.update_descriptions
        case Aspect.TAGS:
            return channel.update_tags
        case Aspect.OWNER:
            return channel.update_owners


def _rules(channel: Channel, aspect: Aspect) -> object:
    """What decides what a channel writes of an aspect."""
    match aspect:
        case Aspect.DESCRIPTION:
            return channel.description_format, channel.on_too_long, channel.sql_template
        case Aspect.TAGS:
            return channel.tags, channel.sql_template
        case Aspect.OWNER:
            return channel.owners, channel.sql_template


def _described(entity: Entity, channel: Channel, limit: Limit | None) -> _Wish | None:
    text = descriptions.formatted(entity.description, channel)
    if text is None:
        return None
    text = descriptions.fitted(text, channel, limit)
    return _Wish(channel, normal(text), text)


def _sentence(found: list[_Contradiction]) -> str:
    """What one other channel would write otherwise: the first value in full, the others by their number."""
    first = found[0]
    ours, theirs = first.ours.channel.name, first.theirs.channel.name
    what = f"{first.aspect} {first.tag_key}" if first.tag_key else first.aspect.value
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"channels {ours} and {theirs} would write the {what} of {first.entity} differently: {_how(first)}{more}"


def _how(found: _Contradiction) -> str:
    ours, theirs = found.ours, found.theirs
    if ours.value == theirs.value:
        return "their sql_template differs"
    if found.aspect is Aspect.OWNER:
        other = theirs.channel.owners.model_dump()
        fields = [name for name, value in ours.channel.owners.model_dump().items() if value != other[name]]
        return f"their owners differ in {', '.join(fields)}"
    pairs = enumerate(zip(ours.text or "", theirs.text or "", strict=False))
    alike = next((position for position, (one, other) in pairs if one != other), 0)
    return ", ".join(f"{wish.channel.name} {_would(wish.text, alike)}" for wish in (ours, theirs))


def _would(text: str | None, alike: int) -> str:
    """What a channel does; of a text that begins like the other one, the place where they part."""
    if text is None:
        return "finds several values for it"
    skipped = alike - _ALIKE if alike > _WIDTH - _ALIKE else 0
    return f"writes '{one_line(('…' if skipped else '') + text[skipped:], _WIDTH)}'"
