"""The pages that have something of the code in them, and the pages of the systems."""

import re
from pathlib import Path

import pytest

from reverse_metadata.config import load_config
from reverse_metadata.connectors import registry
from reverse_metadata.documentation import pages
from reverse_metadata_tests.docs_page import examples, text

#: In this order.
_HEADINGS = ["What is pushed", "Connect", "Least privilege", "Limits", "Known traps", "Template examples"]
#: What an example leaves out.
_REST = {
    "catalog:": "catalog: {type: openmetadata, url: 'https://openmetadata.example.com', token: '${TOKEN}'}\n",
    "channels:": "channels: [{name: shop}]\n",
}


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    for path, page in pages().items():
        assert path.read_text(encoding="utf-8") == page, "write it anew: python -m reverse_metadata.documentation"


@pytest.mark.parametrize("system", registry.CONNECTORS)
def test_every_system_has_a_page_of_the_same_parts(system: str) -> None:
    page = text(f"systems/{system}")
    assert page.startswith("# ")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == _HEADINGS
    assert f"## services: {system}\n" in text("configuration")


@pytest.mark.parametrize("system", registry.CONNECTORS)
def test_the_examples_of_a_system_can_be_pasted(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = examples(f"systems/{system}")
    assert any("services:" in block and f"type: {system}" in block for block in blocks)
    assert any("sql_template:" in block for block in blocks)
    for number, block in enumerate(blocks):
        whole = block + "".join(default for key, default in _REST.items() if key not in block)
        for variable in re.findall(r"\$\{(\w+)", whole):
            monkeypatch.setenv(variable, "{}" if "JSON" in variable else "1")
        file = tmp_path / f"{number}.yaml"
        file.write_text(whole, encoding="utf-8")
        config = load_config(file)
        for service in config.services.values():
            service.resolve()
