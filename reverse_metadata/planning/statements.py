"""From changes to statements: the channel's own templates where it has some, the system's own form for the rest."""

import hashlib
from collections.abc import Iterable
from enum import Enum
from functools import cached_property

from reverse_metadata import fqn as fqns
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector, ordered
from reverse_metadata.errors import Unwritable
from reverse_metadata.model import Aspect, Change, EntityType, Statement, Verdict
from reverse_metadata.planning import descriptions, tags
from reverse_metadata.templates import Operation, Template, TemplateSet, Values

_ASPECTS = tuple(Aspect)


class Trace(Enum):
    """What of a write can be found when the source is read."""

    #: The value itself.
    VALUE = ""
    #: Something that a template made of the value.
    ALTERED = "altered"
    #: Nothing: it was written where nobody reads.
    NOTHING = "unread"

    @staticmethod
    def of(template: str) -> "Trace":
        """What `Change.template` or `Last.template` says of it."""
        return Trace(template.rpartition("|")[2]) if "|" in template else Trace.VALUE


class Statements:
    """How a channel writes to one service. Every method raises TemplateMistakes when a template does not fit it."""

    def __init__(self, channel: Channel, connector: Connector) -> None:
        self._channel = channel
        self._connector = connector

    def supports(self, aspect: Aspect, level: EntityType) -> bool:
        """Whether the service, or a template of the channel, has a place for this aspect at this level."""
        return not self.unsupported(aspect, level)

    def unsupported(self, aspect: Aspect, level: EntityType) -> str:
        """Why there is no place for this aspect at this level, "" when there is one."""
        if self._template(aspect, level, "set") is not None:
            return ""
        if not self._connector.capabilities.supports(aspect, level):
            return f"{self._connector.system} has no {aspect} at the level {level}"
        return self._connector.declines(aspect)

    def own(self, aspect: Aspect, level: EntityType) -> bool:
        """Whether the system's own form writes this aspect at this level, and no template of the channel."""
        return self._template(aspect, level, "set") is None and self.supports(aspect, level)

    def written_by(self, aspect: Aspect, level: EntityType) -> str:
        """What `Last.template` says of the SQL that writes: "" for the system's own form, whose value is read back."""
        template = self._template(aspect, level, "set")
        if template is None:
            write_only = self._connector.capabilities.is_write_only(aspect, level)
            return f"+|{Trace.NOTHING.value}" if write_only else ""
        return (
            f"+{hashlib.sha256(template.text.encode()).hexdigest()[:12]}|{self._trace(template, aspect, level).value}"
        )

    def sql_of(self, aspect: Aspect, level: EntityType) -> tuple[str, str]:
        """What tells apart the SQL of two channels that set and remove a value: empty for the system's own form."""
        removing = self._template(aspect, level, "unset")
        return self.written_by(aspect, level), "" if removing is None else removing.text

    def template_of(self, aspect: Aspect, level: EntityType) -> str:
        """What `Last.template` says of what is written: another text once the channel writes it otherwise."""
        return shaped_by(self._channel, aspect) + self.written_by(aspect, level)

    def refusal(self, change: Change) -> tuple[Verdict, str] | None:
        """The verdict and reason when a change cannot be written."""
        template = self._of(change)
        if template is None:
            if self._connector.capabilities.supports(change.aspect, change.type):
                return self._connector.refuse(change)
            return Verdict.UNSUPPORTED, f"sql_template has nothing that takes the {change.what} off a {change.type}"
        try:
            template.render(self._values(template, [change]))
        except Unwritable as error:
            return Verdict.INVALID, str(error)
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """The statements that carry the changes, in the order in which they run."""
        templated: dict[object, tuple[Template, list[Change]]] = {}
        rest: list[Change] = []
        for change in ordered(changes):
            template = self._of(change)
            if template is None:
                rest.append(change)
            else:
                # A list of tags is one statement for all tags of an object.
                key = None if template.uses("tags") else change.key
                templated.setdefault((change.path, change.aspect, change.value is None, key), (template, []))[1].append(
                    change
                )
        rendered = [(template.render(self._values(template, each)), each) for template, each in templated.values()]
        own = [Statement(";\n".join(sql), tuple(together), tuple(sql)) for sql, together in rendered]
        return _sorted([*own, *self._connector.resolve(rest)])

    def restore(self, changes: Iterable[Change]) -> list[Statement]:
        """The statements that put values back as they were: what a template would alter is written without it."""
        listed = list(changes)
        altered = [change for change in listed if Trace.of(change.template) is Trace.ALTERED]
        others = [change for change in listed if Trace.of(change.template) is not Trace.ALTERED]
        return _sorted([*self.resolve(others), *self._connector.resolve(altered)])

    def _values(self, template: Template, changes: list[Change]) -> Values:
        change = changes[0]
        names = self._connector.options.rewritten(change.path)
        value = change.value if change.value is not None else change.actual
        pairs = [(each.tag_key, each.value or "") for each in changes] if template.uses("tags") else None
        return Values(
            service=fqns.split(change.entity)[0],
            fqn=change.entity,
            entity_type=change.type.value,
            database=names[0],
            schema=names[1] if len(names) > 1 else None,
            table=names[2] if len(names) > 2 else None,
            column=names[3] if len(names) > 3 else None,
            description=change.value if change.aspect is Aspect.DESCRIPTION else None,
            owner=value if change.aspect is Aspect.OWNER else None,
            tag_key=change.tag_key or None,
            tag_value=value if change.aspect is Aspect.TAGS else None,
            tags=pairs,
            operation="unset" if change.value is None else "set",
            previous=change.actual,
            updated_by=change.changed_by or None,
        )

    def _of(self, change: Change) -> Template | None:
        return self._template(change.aspect, change.type, "unset" if change.value is None else "set")

    def _template(self, aspect: Aspect, level: EntityType, operation: Operation) -> Template | None:
        return None if self._templates is None else self._templates.find(aspect, level, operation)

    def _trace(self, template: Template, aspect: Aspect, level: EntityType) -> Trace:
        unread = self._templates is not None and self._templates.verify == "none"
        if unread or not self._connector.capabilities.supports(aspect, level):
            return Trace.NOTHING
        return Trace.VALUE if template.verbatim else Trace.ALTERED

    @cached_property
    def _templates(self) -> TemplateSet | None:
        spec = self._channel.sql_template
        return None if spec is None else TemplateSet.of(spec, self._connector.dialect)


def _sorted(statements: list[Statement]) -> list[Statement]:
    return sorted(statements, key=lambda statement: (_ASPECTS.index(statement.aspect), statement.table))


def shape_of(template: str) -> str:
    """What `Last.template` says of the value alone, whatever SQL wrote it: see `shaped_by`."""
    return template.partition("+")[0]


def shaped_by(channel: Channel, aspect: Aspect) -> str:
    """What `Last.template` says of how the channel makes a value of what the catalog says."""
    match aspect:
        case Aspect.DESCRIPTION:
            return descriptions.template_of(channel)
        case Aspect.TAGS:
            return tags.template_of(channel.tags)
        case Aspect.OWNER:
            return ""
