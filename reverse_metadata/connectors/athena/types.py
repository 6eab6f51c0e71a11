"""The fields of a column whose type is a struct, by the names that the catalog has for them."""

from collections.abc import Iterator

from reverse_metadata.model import Path


def fields(column_type: str) -> Iterator[Path]:
    """The path of every field below the column: `struct<a:int,b:array<struct<c:int>>>` has a, b and b.c.

    An array stands for its elements. What stands in a map has no name. A type that cannot be read has no fields.
    https://docs.aws.amazon.com/athena/latest/ug/data-types.html
    """
    text = column_type.strip()
    lowered = text.lower()
    if lowered.startswith("array<") and text.endswith(">"):
        yield from fields(text[len("array<") : -1])
    elif lowered.startswith("struct<") and text.endswith(">"):
        for member in _split(text[len("struct<") : -1]):
            name, colon, inner = member.partition(":")
            if colon:
                own = (name.strip().strip("`"),)
                yield own
                yield from ((*own, *below) for below in fields(inner))


def _split(members: str) -> Iterator[str]:
    """The members of a struct, apart at the commas that stand in no brackets."""
    depth = begin = 0
    for position, character in enumerate(members):
        if character in "<(":
            depth += 1
        elif character in ">)":
            depth -= 1
        elif character == "," and depth == 0:
            yield members[begin:position]
            begin = position + 1
    yield members[begin:]
