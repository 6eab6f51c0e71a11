"""How a dialect of SQL is written, as data, and the few functions that write by it.

A `Dialect` says how strings, quoted names, comments and dollar quotes look; whoever reads SQL (templates) and
whoever writes it (templates, connectors) does so by the same description. Nothing here knows a dialect by name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reverse_metadata.display import printable
from reverse_metadata.errors import Unwritable

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, eq=False)
class Quoted:
    """One way to write a string, or a quoted name.

    `opening` has the prefix (`E'`), whose case does not matter. `escapes` says how a character of the text is written
    inside; a character that is absent stands for itself.
    """

    opening: str
    closing: str
    escapes: Mapping[str, str]
    #: Whether it is a name that stands inside, and not a text.
    name: bool = False
    #: Whether the closing quote, written twice, is one quote of the text.
    doubles: bool = True
    #: Whether a backslash takes away the meaning of the next character.
    backslash: bool = False
    #: Why no value may be put inside: the end of "this is …". Empty where one may.
    refused: str = ""
    #: What this form cannot hold where another can, as a regular expression, and the opening of the other.
    unwritable: re.Pattern[str] | None = None
    instead: str = ""
    #: The opening of the form in which a backslash means the same in every session, where this one's depends on a
    #: setting. Text is carried over by doubling its backslashes.
    surer: str = ""

    def content(self, text: str) -> str:
        """The text as it is written between the quotes."""
        return "".join(self.escapes.get(character, character) for character in text)


@dataclass(frozen=True, slots=True)
class TagList:
    """How a list of tags is written: `('k' = 'v', 'l' = 'w')`."""

    opening: str
    #: Between a key and its value.
    between: str
    closing: str
    #: Between two pairs.
    separator: str = ", "

    def of(self, pairs: list[tuple[str, str]]) -> str:
        """Pairs of complete literals as a list."""
        return self.opening + self.separator.join(f"{key}{self.between}{value}" for key, value in pairs) + self.closing


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dialect:
    """All that is to be known of a dialect to read a template and to write values into it."""

    #: For messages: PostgreSQL.
    name: str
    quotes: tuple[Quoted, ...]
    #: A comment that ends with its line.
    line_comment: re.Pattern[str]
    #: Whether `/* /* */ */` is one comment; None where versions of the engine disagree, or nobody says.
    nested_comments: bool | None
    #: Without its quotes, a name that means exactly itself unless it is reserved.
    plain_name: re.Pattern[str]
    #: In lower case. One too many only costs two quotes.
    reserved: frozenset[str]
    #: What opens a dollar quote or heredoc, which ends with the same.
    dollar_quote: re.Pattern[str] | None = None
    #: What stands for "no text" where a literal is wanted.
    absent: str = "NULL"
    #: Characters that no text can hold, and those that no name can hold, as regular expressions.
    unwritable_text: re.Pattern[str] | None = None
    unwritable_name: re.Pattern[str] = re.compile("\0")
    #: Longest name in bytes, where the engine cuts off the rest and goes on.
    longest_name: int | None = None
    #: What makes the engine read a string as SQL once more, or read strings in another way than is said here; matched
    #: against SQL whose strings are empty.
    reparsed: re.Pattern[str] = re.compile(r"(?i)\bEXEC(UTE)?\b|\bPREPARE\b")
    #: Beginnings, in upper case, of what a template must not contain, with the reason.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: Whether BEGIN … END holds statements, whose semicolons end no statement of the template.
    blocks: bool = False
    #: What would end the run's transaction, or hold for all that its session does later, wherever it stands; matched
    #: against SQL whose strings, names in quotes and comments are blanks. Beginnings of statements are known anyway.
    intrusive: re.Pattern[str] | None = None
    #: Whether `${…}` is replaced anywhere in the SQL before it is read.
    substitutes: bool = False
    #: Whether the catalog invents the name of the database level, so that the engine does not know it.
    synthetic_database: bool = False
    tag_list: TagList | None = None

    def quoted(self, opening: str) -> Quoted:
        """The quotes that open like this. Raises KeyError."""
        for each in self.quotes:
            if each.opening == opening:
                return each
        raise KeyError(f"{self.name} has no quotes that open with {opening}")

    def literal(self, text: str) -> str:
        """The text as a complete literal, right in every session where the dialect has such a form.

        Raises Unwritable when the engine cannot hold the text.
        """
        quoted = next(each for each in self.quotes if not each.name)
        if quoted.surer and "\\" in text:
            quoted = self.quoted(quoted.surer)
        return quoted.opening + self.literal_content(text, quoted.opening) + quoted.closing

    def literal_content(self, text: str, quote: str) -> str:
        """The text as it stands between quotes that somebody else wrote and that open with `quote`.

        Raises Unwritable when the engine cannot hold the text.
        """
        if match := _SURROGATE.search(text) or (self.unwritable_text and self.unwritable_text.search(text)):
            raise Unwritable(f"{self.name} cannot hold the character {_code(match[0])}: {_shown(text)}")
        quoted = self.quoted(quote)
        if quoted.unwritable and (match := quoted.unwritable.search(text)):
            raise Unwritable(
                f"{self.name} loses the character {_code(match[0])} in {quoted.opening}…{quoted.closing}; "
                f"write {quoted.instead}…{quoted.closing} in the template: {_shown(text)}"
            )
        return quoted.content(text)

    def check_text(self, text: str) -> None:
        """Raise Unwritable for a text that no form can hold, made of values and of what stands beside them."""
        if self.unwritable_text and (match := self.unwritable_text.search(text)):
            raise Unwritable(f"{self.name} cannot hold the character {_code(match[0])}: {_shown(text)}")

    def identifier(self, name: str) -> str:
        """The name, quoted unless it means exactly this name without quotes.

        Raises Unwritable when nothing can have this name.
        """
        self.check_length(name)
        if self.plain_name.fullmatch(name) and name.lower() not in self.reserved:
            return name
        quoted = next(each for each in self.quotes if each.name)
        return quoted.opening + self.identifier_content(name, quoted.opening) + quoted.closing

    def check_length(self, name: str) -> None:
        """Raise Unwritable for a whole name of which the engine would take the beginning only."""
        if self.longest_name is not None and len(name.encode(errors="replace")) > self.longest_name:
            raise Unwritable(
                f"{self.name} cuts names off after {self.longest_name} bytes and would take another one: {_shown(name)}"
            )

    def identifier_content(self, name: str, quote: str) -> str:
        """The name as it stands between quotes that somebody else wrote and that open with `quote`.

        Raises Unwritable when nothing can have this name.
        """
        if not name:
            raise Unwritable(f"{self.name} has no empty names")
        if match := _SURROGATE.search(name) or self.unwritable_name.search(name):
            raise Unwritable(f"no name in {self.name} can hold {_code(match[0])}: {_shown(name)}")
        return self.quoted(quote).content(name)

    def tags(self, pairs: list[tuple[str, str]]) -> str:
        """Tags as the dialect's list. Raises Unwritable when there are none, or no such list."""
        if self.tag_list is None:
            raise Unwritable(f"{self.name} has no list of tags")
        if not pairs:
            raise Unwritable(f"{self.name} has no empty list of tags")
        return self.tag_list.of([(self.literal(key), self.literal(value)) for key, value in pairs])


def _code(characters: str) -> str:
    """`U+0000`; several characters, when they are plain ones, as they are."""
    if len(characters) > 1 and characters.isprintable():
        return characters
    return " ".join(f"U+{ord(character):04X}" for character in characters)


def _shown(text: str) -> str:
    shown = printable(text)
    return f"'{shown}'" if len(shown) <= 80 else f"'{shown[:80]}…'"
