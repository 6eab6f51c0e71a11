"""HTML as plain text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import dropwhile, takewhile

#: Elements that a blank line sets apart, and those that merely begin on a line of their own.
_APART = frozenset("blockquote details dl figure h1 h2 h3 h4 h5 h6 hr p pre table".split())
_OWN_LINE = frozenset(
    """
    address article aside body caption center dd dir div dt fieldset figcaption footer form header hgroup html legend
    main menu nav option optgroup search section summary tbody tfoot thead title
    """.split()
)
_LISTS = frozenset({"ul", "ol"})
#: Quotes, lists and items that stand deeper are not indented: the prefixes alone would outgrow the text.
_DEEPEST = 30

#: What opens something that nobody reads, and what ends it.
_HIDDEN = re.compile(r"<!--|<!|<\?|<script\b|<style\b", re.IGNORECASE)
_END = {
    "<!--": re.compile("-->"),
    "<!": re.compile(">"),
    "<?": re.compile(">"),
    "<script": re.compile("</script", re.IGNORECASE),
    "<style": re.compile("</style", re.IGNORECASE),
}


def plain(html: str) -> str:
    """The text of a piece of HTML, its blocks, lists and tables as lines; "" when nothing is left to read."""
    reader = _Reader()
    reader.feed(_readable(html))
    reader.close()
    return "\n".join(reader.lines)


def _readable(html: str) -> str:
    """The HTML without comments, declarations, scripts and styles; what opens one and never ends it is text."""
    return "".join(_readable_parts(html))


def _readable_parts(html: str) -> Iterator[str]:
    position, endless = 0, set()
    for opening in _HIDDEN.finditer(html):
        if opening.start() < position:
            continue
        kind = opening[0].lower()
        # `<!-->` is a whole comment, so its end may overlap its beginning.
        end = None if kind in endless else _END[kind].search(html, opening.start() + 2)
        yield html[position : opening.start()]
        if end is not None:
            position = end.start() if kind[1].isalpha() else end.end()
            continue
        endless.add(kind)
        position = opening.start()
        if not kind[1].isalpha():
            yield "&lt;"
            position += 1
    yield html[position:]


@dataclass(eq=False, slots=True)
class _Container:
    """An open quote, list or item: `first` stands before its first line until that is written, `rest` before others.

    `number` is that of a numbered list's next item.
    """

    tag: str
    rest: str = ""
    first: str = ""
    number: int = 1


class _Reader(HTMLParser):
    """Collects `lines` from tags and text in one pass. Tags may be left open, or closed without being open."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        #: The text since the last break, and how many line ends (2: a blank line) stand before it.
        self._text: list[str] = []
        self._gap = 0
        self._open: list[_Container] = []
        self._open_when_written: list[_Container] = []
        self._pre = 0
        self._tables = 0
        self._row: list[str] | None = None
        self._in_cell = False
        #: The attributes of the link that is open, and where in `_text` its text begins.
        self._link: dict[str, str] | None = None
        self._link_start = 0

    def set_cdata_mode(self, elem: str, **options: bool) -> None:
        """Read no element's content as raw text: what hides is gone already, and the rest is to be read."""

    def close(self) -> None:
        super().close()
        self._end_link()
        self._end_row()
        self._flush()

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "br":
            self._new_line()
        elif tag == "a":
            self._end_link()
            self._link, self._link_start = values, len(self._text)
        elif tag == "img":
            self._text.append(values.get("alt", ""))
        elif tag == "sup":
            self._text.append("^")
        elif tag == "block-math-equation":
            self._text.append(values.get("math_equation", ""))
        elif tag in ("table", "tr", "td", "th"):
            self._start_in_table(tag)
        elif self._row is not None:
            self._separate(tag)
        elif tag in _LISTS or tag == "blockquote":
            self._break(1 if self._item_is_open() else 2)
            start = values.get("start", "")
            number = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1
            self._push(_Container(tag, "> " if tag == "blockquote" else "", number=number))
        elif tag == "li":
            self._start_item()
        elif tag == "p" and self._open and self._open[-1].first:
            self._break(1)  # the paragraph that editors wrap the text of an item in
        else:
            self._separate(tag)
            self._pre += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag in ("table", "tr", "td", "th"):
            self._end_in_table(tag)
        elif self._row is not None:
            self._separate(tag)
        elif tag in _LISTS or tag in ("blockquote", "li"):
            self._end_container(tag)
        else:
            self._separate(tag)
            if tag == "pre":
                self._pre = max(0, self._pre - 1)

    def _separate(self, tag: str) -> None:
        if tag in _APART:
            self._break(2)
        elif tag in _OWN_LINE or tag in _LISTS or tag in ("li", "blockquote"):
            self._break(1)

    def _new_line(self) -> None:
        if self._row is not None:
            self._text.append(" ")
        elif self._pre:
            self._text.append("\n")
        else:
            gap = 1 if self._flush() else 2
            self._gap = max(self._gap, gap)

    def _break(self, gap: int) -> None:
        """End the line; inside a row of a table, where all is one line, a blank."""
        if self._row is not None:
            self._text.append(" ")
        else:
            self._flush()
            self._gap = max(self._gap, gap)

    def _flush(self) -> bool:
        """Write the text since the last break, and say whether there was any."""
        if "".join(self._text[self._link_start :]).strip():
            self._end_link()  # its address belongs to the line that its text stands in
        text = "".join(self._text)
        self._text.clear()
        self._link_start = 0
        if not text.strip():
            return False
        if self._pre:
            lines = list(dropwhile(lambda line: not line.strip(), text.rstrip().split("\n")))
        else:
            lines = [line for line in map(str.strip, text.split("\n")) if line]
        for line in lines:
            self._write(line)
        return True

    def _write(self, line: str) -> None:
        containers = list(self._open)
        if self.lines and self._gap == 2:
            pairs = takewhile(lambda pair: pair[0] is pair[1], zip(self._open_when_written, containers, strict=False))
            self.lines.append("".join(container.rest for container, _ in pairs).rstrip())
        prefix = "".join(container.first or container.rest for container in containers)
        self.lines.append((prefix + line).rstrip())
        for container in containers:
            container.first = ""
        self._open_when_written = containers
        self._gap = 1

    def _item_is_open(self) -> bool:
        return bool(self._open) and self._open[-1].tag == "li"

    def _start_item(self) -> None:
        self._break(1)
        if self._item_is_open():
            self._end_container("li")
        marker = "- "
        if self._open and self._open[-1].tag == "ol":
            marker = f"{self._open[-1].number}. "
            self._open[-1].number += 1
        self._push(_Container("li", " " * len(marker), marker))

    def _push(self, container: _Container) -> None:
        if len(self._open) < _DEEPEST:
            self._open.append(container)

    def _end_container(self, tag: str) -> None:
        self._flush()
        if tag == "li" and not self._item_is_open():
            return
        depth = next((i for i in range(len(self._open), 0, -1) if self._open[i - 1].tag == tag), 0)
        if depth:
            del self._open[depth - 1 :]
        self._gap = 1 if tag == "li" or self._item_is_open() else 2

    def _start_in_table(self, tag: str) -> None:
        if tag == "table":
            self._break(2)
            self._tables += 1
        elif self._tables != 1:
            self._break(1)  # a table within a cell, or cells without a table
        elif tag == "tr":
            self._end_row()
            self._break(1)
            self._row = []
        else:
            if self._row is None:
                self._break(1)
                self._row = []
            self._end_cell()
            self._in_cell = True

    def _end_in_table(self, tag: str) -> None:
        if tag == "table":
            if self._tables == 1:
                self._end_row()
            self._tables = max(0, self._tables - 1)
            self._break(2)
        elif self._tables != 1:
            self._break(1)
        elif tag == "tr":
            self._end_row()
        else:
            self._end_cell()

    def _end_cell(self) -> None:
        if self._row is None:
            return
        self._end_link()
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if text or self._in_cell:
            self._row.append(text)
        self._in_cell = False

    def _end_row(self) -> None:
        if self._row is None:
            return
        self._end_cell()
        row, self._row = self._row, None
        if any(row):
            self._write(" | ".join(row).strip())
        self._gap = max(self._gap, 1)

    def _end_link(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        text = "".join(self._text[self._link_start :])
        shown = _link_text(text.strip(), link)
        if shown != text.strip():
            self._text[self._link_start :] = [text[: len(text) - len(text.lstrip())], shown]
            self._text.append(text[len(text.rstrip()) :] if text.strip() else "")


def _link_text(text: str, link: dict[str, str]) -> str:
    """What is read of a link: people as `@ada`, what the catalog links to as its FQN, other links with the address."""
    kind, address = link.get("data-type"), link.get("href", "").strip()
    if kind == "mention":
        return text if text.startswith("@") else "@" + (link.get("data-label") or text)
    if kind == "hashtag":
        return link.get("data-fqn") or text
    if not re.match(r"(?i)(?!(?:javascript|vbscript|data):)[^#]", address) or address in (text, f"mailto:{text}"):
        return text
    return f"{text} ({address})" if text else address
