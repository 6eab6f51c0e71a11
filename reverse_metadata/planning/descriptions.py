"""What a channel writes of a description."""

from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Limit
from reverse_metadata.planning import markdown
from reverse_metadata.planning.text import normal


def formatted(description: str | None, channel: Channel) -> str | None:
    """The description in the channel's format; None when nothing of it is left."""
    if description is None or normal(description) is None:
        return None
    if channel.description_format == "raw":
        return description
    text = markdown.to_text(description)
    return None if normal(text) is None else text


def fitted(text: str, channel: Channel, limit: Limit | None) -> str:
    """The text as the channel has it written where no more than `limit` fits; None is no limit."""
    return text if limit is None or channel.on_too_long == "report" else limit.cut(text)


def template_of(channel: Channel) -> str:
    """What `Last.template` says of the descriptions that the channel writes: "" for the catalog's own text."""
    return "" if channel.description_format == "raw" else markdown.VERSION
