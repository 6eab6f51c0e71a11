"""What the lexers have in common: tokens, and a text that is read from left to right."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a token is. Comments and blanks are no tokens, but `COMMENT` is kept, to see that nobody made one."""

    TEXT = auto()
    NAME = auto()
    #: A name without quotes or a keyword, as it is written.
    WORD = auto()
    NUMBER = auto()
    COMMENT = auto()
    SIGN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token with what it means: of a string or name, what stands in it and not how it is written."""

    kind: Kind
    value: str


class Unreadable(Exception):
    """No engine would take this: something is not closed, or means nothing."""


#: A text, and how to read what follows a backslash: what it stands for.
Escape = Callable[["Reader"], str]


class Reader:
    """A text and a place in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def more(self) -> bool:
        """Whether anything is left."""
        return self.at < len(self.text)

    def take(self, pattern: str) -> re.Match[str] | None:
        """What matches here, which is then read."""
        match = re.compile(pattern, re.DOTALL).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def next(self) -> str:
        """One character. Raises Unreadable at the end."""
        if not self.more():
            raise Unreadable("the text ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def until(self, closing: str, escape: Escape | None = None, doubles: bool = True) -> str:
        """What stands before the closing quote, with what escapes and doubled quotes mean. Raises Unreadable."""
        value = ""
        while True:
            character = self.next()
            if character == closing:
                if not (doubles and self.text[self.at : self.at + 1] == closing):
                    return value
                self.at += 1
                value += closing
            elif character == "\\" and escape:
                value += escape(self)
            else:
                value += character

    def comment(self, nested: bool) -> str:
        """A comment in `/* */` whose beginning was read. Raises Unreadable."""
        start, depth = self.at, 1
        while depth:
            found = self.take(r".*?(/\*|\*/)") if nested else self.take(r".*?(\*/)")
            if not found:
                raise Unreadable("a comment is not closed")
            depth += 1 if found[1] == "/*" else -1
        return self.text[start : self.at]


def by_letter(meanings: Mapping[str, str], kept: str = "") -> Escape:
    """Escapes of one character each; those in `kept` keep their backslash, all others stand for themselves."""

    def escape(reader: Reader) -> str:
        character = reader.next()
        return "\\" + character if character in kept else meanings.get(character, character)

    return escape
