"""The examples of a page of the documentation."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"


def text(page: str) -> str:
    """The page `docs/<page>.md`."""
    return (_DOCS / f"{page}.md").read_text(encoding="utf-8")


def examples(page: str, language: str = "yaml") -> list[str]:
    """The code blocks of a page in a language, "" for those without one; the indentation of a list is taken off."""
    blocks = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text(page), re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, named, block in blocks if named == language]
