"""Fully qualified names as OpenMetadata writes them.

Parts are joined by dots; a part that contains a dot stands in double quotes: `shop_pg.shop."v1.sales".orders`.
A name may not contain a double quote, `::` or `>`; the catalog stores reserved words in their place.
Source: OpenMetadata, `FullyQualifiedName.java` and `custom_basemodel_validation.py`.
"""

from collections.abc import Iterable

from reverse_metadata.errors import FqnError

_RESERVED = {
    "::": "__reserved__colon__",
    ">": "__reserved__arrow__",
    '"': "__reserved__quote__",
    "\n": "__reserved__newline__",
    "\r": "__reserved__carriage_return__",
    "\t": "__reserved__tab__",
}


def decode(name: str) -> str:
    """The name as the source knows it: reserved words replaced by the characters they stand for."""
    if "__reserved__" in name:
        for character, word in _RESERVED.items():
            name = name.replace(word, character)
    return name


def encode(name: str) -> str:
    """The name as the catalog stores it."""
    for character, word in _RESERVED.items():
        name = name.replace(character, word)
    return name


def quote(name: str) -> str:
    """One part of an FQN for a name as the catalog stores it."""
    return f'"{name}"' if "." in name else name


def join(names: Iterable[str]) -> str:
    """The FQN of the names, outermost first; the names are as the source knows them."""
    return ".".join(quote(encode(name)) for name in names)


def split(fqn: str) -> tuple[str, ...]:
    """The names of the FQN, outermost first, as the source knows them.

    Raises FqnError when a part is empty or a quote stands where none may.
    """
    names: list[str] = []
    position = 0
    while True:
        if fqn.startswith('"', position):
            end = fqn.find('"', position + 1)
            if end < 0:
                raise FqnError(f"{fqn!r}: the quote at character {position + 1} is never closed")
            name, position = fqn[position + 1 : end], end + 1
        else:
            end = fqn.find(".", position)
            end = len(fqn) if end < 0 else end
            name, position = fqn[position:end], end
        if not name:
            raise FqnError(f"{fqn!r}: part {len(names) + 1} is empty")
        if '"' in name:
            raise FqnError(f"{fqn!r}: part {len(names) + 1} contains a quote; only a whole part can be quoted")
        names.append(decode(name))
        if position == len(fqn):
            return tuple(names)
        if fqn[position] != ".":
            raise FqnError(f"{fqn!r}: a dot is missing after the quoted part {len(names)}")
        position += 1
