"""Names in the configuration are free text; Dagster takes letters, digits and underscores."""

import hashlib
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator

#: The resource keys that a code location of ours holds besides one a service.
RESERVED_RESOURCES = frozenset({"catalog", "ledger", "services", "io_manager"})
#: The jobs that every code location of ours has.
RESERVED_JOBS = frozenset({"preflight", "prune_ledger"})
#: What is appended to the slug of a channel for its other jobs, its sensor and its schedule.
SUFFIXES = ("_sync", "_undo", "_on_change", "_schedule")

#: Names that Dagster refuses (dagster._core.definitions.utils.DISALLOWED_NAMES), besides Python's keywords.
_REFUSED = frozenset(
    {
        *("context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"),
        *("int", "str", "float", "bool", "input", "output", "type"),
    }
)


def slug(name: str) -> str:
    """The name as Dagster takes it: `[A-Za-z0-9_]+`, no digit in front, neither a keyword nor refused by Dagster.

    The same name gives the same slug for ever: jobs, asset keys and their history hang on it.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    result = re.sub(r"[^A-Za-z0-9_]+", "_", ascii_name)
    if result != name:
        result = result.strip("_")
    if not result:
        result = "name_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    if result[0].isdigit():
        result = f"_{result}"
    if result in _REFUSED or keyword.iskeyword(result):
        result = f"{result}_"
    return result


def channel_collisions(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The position of every channel whose Dagster names another one, or the project, already has, and why."""
    taken = dict.fromkeys(RESERVED_JOBS, "is the name of a job of reverse_metadata")
    slugs = []
    for position, name in enumerate(names):
        own = slug(name)
        slugs.append((position, name, own))
        if own in taken:
            yield position, f"{_named(name, own)}, which {taken[own]}; rename the channel"
        taken.setdefault(own, f"is also what Dagster calls the channel {name!r}")
    for position, name, own in slugs:
        for _, other, other_slug in slugs:
            if own != other_slug and own in {other_slug + suffix for suffix in SUFFIXES}:
                yield position, f"{_named(name, own)}, which the channel {other!r} needs; rename one of the two"


def service_collisions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every service whose Dagster name another one, or the project, already has, and why."""
    taken = dict.fromkeys(RESERVED_RESOURCES, "is a resource of reverse_metadata itself; rename it in the catalog")
    for name in names:
        own = slug(name)
        if own in taken:
            yield name, f"{_named(name, own)}, which {taken[own]}"
        taken.setdefault(own, f"is also what Dagster calls the service {name!r}")


def _named(name: str, own: str) -> str:
    return f"Dagster calls {name!r} {own!r}"
