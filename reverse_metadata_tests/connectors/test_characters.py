"""What no connector can send."""

import pytest

from reverse_metadata.connectors.characters import encodable, storable


@pytest.mark.parametrize(
    ("text", "sendable"), [("", True), ("\U0001f389", True), ("a\0b", False), ("\ud800", False), ("x\udfff", False)]
)
def test_nul_and_lone_surrogates_cannot_be_stored(text: str, sendable: bool) -> None:
    assert storable(text) is sendable
    assert encodable(text) is (sendable or "\0" in text)
