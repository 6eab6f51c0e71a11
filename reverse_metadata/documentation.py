"""The parts of the documentation that are made from the code.

`python -m reverse_metadata.documentation` writes them anew: docs/configuration.md as a whole, and in README.md and
docs/systems/ what stands between `<!-- generated: support -->` and `<!-- end -->`.
"""

from collections.abc import Iterator
from pathlib import Path

from reverse_metadata.config import reference
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Capabilities, Connector, TagLimits
from reverse_metadata.model import Aspect, EntityType

_BEGIN, _END = "<!-- generated: support -->\n", "<!-- end -->"
_ASPECTS = (Aspect.DESCRIPTION, Aspect.OWNER, Aspect.TAGS)
_ROOT = Path(__file__).parents[1]


def pages(root: Path = _ROOT) -> dict[Path, str]:
    """What each page that has something of the code in it should say, by its path in a checkout."""
    written = {root / "docs/configuration.md": reference()}
    filled = {root / "README.md": support()}
    filled |= {root / f"docs/systems/{system}.md": _levels(registry.connector_type(system)) for system in _systems()}
    for path, block in filled.items():
        before, marker, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
        written[path] = before + marker + block + rest[rest.index(_END) :]
    return written


def support() -> str:
    """The support table: a row a system."""
    rows = ["| system | versions | description | owner | tags | tried on |", "|---|---|---|---|---|---|"]
    for system in _systems():
        connector = registry.connector_type(system)
        cells = [", ".join(connector.capabilities.levels.get(aspect, ())) or "–" for aspect in _ASPECTS]
        page = f"[{connector.title}](docs/systems/{system}.md)"
        rows.append(f"| {page} | {connector.versions} | {' | '.join(cells)} | {connector.tried_on} |")
    return "\n".join(rows) + "\n"


def _systems() -> list[str]:
    return sorted(registry.CONNECTORS, key=lambda system: registry.connector_type(system).title.lower())


def _levels(connector: type[Connector]) -> str:
    """What a system can hold: a row a level, then its limits and what a run costs."""
    capabilities = connector.capabilities
    rows = ["| level | description | owner | tags |", "|---|---|---|---|"]
    for level in EntityType:
        cells = ("yes" if capabilities.supports(aspect, level) else "–" for aspect in _ASPECTS)
        rows.append(f"| {level} | {' | '.join(cells)} |")
    facts = [
        f"Versions: {connector.versions}. Tried on: {connector.tried_on}.",
        *_limits(capabilities),
        *_unread(capabilities),
        *_cost(capabilities),
    ]
    return "\n".join([*rows, "", *(f"* {fact}" for fact in facts)]) + "\n"


def _limits(capabilities: Capabilities) -> Iterator[str]:
    longest = [f"{level} {limit:,}" for (_, level), limit in capabilities.limits.items()]
    if longest:
        yield f"Longest description in {capabilities.unit}: {', '.join(longest)}."
    yield from _tag_limits("Tags", capabilities.tags)
    for level, limits in capabilities.tags_of.items():
        yield from _tag_limits(f"Tags of a {level}", limits)


def _tag_limits(whose: str, limits: TagLimits) -> Iterator[str]:
    an_object = "tag an object" if limits.max_tags == 1 else "tags an object"
    bounds = {"characters a key": limits.max_key, "characters a value": limits.max_value, an_object: limits.max_tags}
    if any(bounds.values()):
        yield f"{whose}: at most {', '.join(f'{bound:,} {of}' for of, bound in bounds.items() if bound)}."


def _unread(capabilities: Capabilities) -> Iterator[str]:
    for aspect, levels in capabilities.write_only.items():
        if levels:
            yield f"Written and not read back: the {aspect} of {', '.join(levels)}."


def _cost(capabilities: Capabilities) -> Iterator[str]:
    requests = capabilities.requests
    reading = f"Reading a schema takes at most {requests.schema} requests"
    yield f"{reading}, and {requests.table} for each table." if requests.table else f"{reading}, however many tables."
    one = "A statement a change"
    if capabilities.together:
        many = capabilities.statements
        one = f"{many} statements carry" if many > 1 else "One statement carries"
        one += " a table with all its columns"
    if not capabilities.transactional:
        yield f"{one}."
    elif capabilities.together:
        yield f"{one}, in a transaction, which is taken back whole."
    else:
        yield f"{one}. Many go in one transaction, which is taken back whole."


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
