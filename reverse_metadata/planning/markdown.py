"""Descriptions as plain text: the catalog's Markdown, and the HTML inside it, as people read it in a terminal."""

import re
from collections.abc import Sequence
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from reverse_metadata.planning.plain import plain

#: Names the rules of this module and of `plain`. The ledger keeps it with every text that was written by them, so
#: that texts which other rules would write differently are written once more. Give it another number whenever the
#: same description would become another text.
VERSION = "text/1"

#: `<#E::user::ada>`, `<#E::table::shop_pg.shop.sales.orders::columns::id>`, and the form in which OpenMetadata's
#: editor keeps what it shows: `<#E::user::ada|[@ada](https://openmetadata.example.com/users/ada)>`.
_ENTITY_LINK = re.compile(r"<#E::(\w++)::([^<>|]++)(?:\|\[([^\]<>]*+)\]\([^()<>\s]*+\))?>")

#: A line that has nothing in common with Markdown, as most descriptions of columns: there is nothing to parse.
_PLAIN = re.compile(r"[^\W\d_][^\n\r\x00`*_\[\]<&\\~]*+")

#: What an angle bracket begins: a tag, a comment or declaration, or nothing. No quoted value holds another bracket,
#: so that no search runs further than to the next one, however the text was made.
_ANGLE = re.compile(r"""<(?:[!?]|/?([a-zA-Z][^\s/<>]*+)(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>)?""")
_ELEMENTS = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body br button
    canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
    figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input
    ins kbd label legend li link main map mark marquee menu menuitem meta meter nav nobr noframes noscript object ol
    optgroup option output p param picture pre progress q rp rt ruby s samp script search section select slot small
    source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr
    track tt u ul var video wbr
    """.split()
)


def to_text(description: str) -> str:
    """The description without markup, "" when nothing is left to read.

    Raises nothing, whatever the text is: Markdown has no syntax errors. Headings and paragraphs become lines, lists
    keep their bullets and numbers, links become `text (address)`, images their alternative text, rows of tables
    `one | other`. Code stays as it is. Mentions are resolved, scripts and styles dropped. A tag that HTML does not
    know is text: people write `<customer>` and mean it.
    """
    return description.rstrip() if _PLAIN.fullmatch(description) else plain(_parser().render(description))


@cache
def _parser() -> MarkdownIt:
    # The nesting that CommonMark's own settings allow, 20, would drop what stands deeper.
    parser = _Markdown("commonmark", {"maxNesting": 100}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    parser.inline.ruler.before("autolink", "entity_link", _entity_link)
    return parser


class _Markdown(MarkdownIt):
    """Markdown with addresses as their author wrote them, instead of percent-encoded and some of them refused."""

    def validateLink(self, url: str) -> bool:
        return True

    def normalizeLink(self, url: str) -> str:
        return url

    def normalizeLinkText(self, link: str) -> str:
        return link


class _Renderer(RendererHTML):
    """HTML of which every tag is one that HTML knows."""

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _known_tags(_ENTITY_LINK.sub(lambda link: escape(_shown(link)), tokens[idx].content))

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _known_tags(tokens[idx].content)


def _known_tags(html: str) -> str:
    return _ANGLE.sub(_known_tag, html)


def _known_tag(angle: re.Match[str]) -> str:
    """The tag itself when it is one; names with a hyphen are elements of somebody's own, which HTML allows."""
    name = (angle[1] or "").lower()
    if angle[0] in ("<!", "<?") or name in _ELEMENTS or "-" in name:
        return angle[0]
    return f"&lt;{angle[0][1:]}"


def _entity_link(state: StateInline, silent: bool) -> bool:
    link = _ENTITY_LINK.match(state.src, state.pos)
    if link is None:
        return False
    if not silent:
        state.push("text", "", 0).content = _shown(link)
    state.pos = link.end()
    return True


def _shown(link: re.Match[str]) -> str:
    """`@ada` for people and teams, the FQN for everything else."""
    kind, target, label = link.groups()
    name, *fields = target.split("::")
    if kind in ("user", "team"):
        return str(label or "@" + name.strip('"'))
    return f"{name}.{fields[1]}" if fields[:1] == ["columns"] and len(fields) > 1 else name
