from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.base import Capabilities, ConnectorOptions, ordered
from reverse_metadata.model import Aspect, EntityType, Path
from reverse_metadata_tests.connectors.postgres.shop import change


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        (("shop",), ("clone",)),
        (("shop", "sales"), ("clone", "rehearsal")),
        (("shop", "sales", "shop", "sales"), ("clone", "rehearsal", "shop", "sales")),
        (("sales", "shop"), ("sales", "shop")),
    ],
)
def test_a_path_is_rewritten_level_by_level(path: Path, rewritten: Path) -> None:
    options = ConnectorOptions(rewrite={"database": {"shop": "clone"}, "schema": {"sales": "rehearsal"}})
    assert options.rewritten(path) == rewritten


@pytest.mark.parametrize(
    ("rewrite", "message"),
    [
        ({"table": {"a": "b"}}, "'table' cannot be rewritten; the levels are 'database' and 'schema'"),
        ({"schema": {"b": "x", "a": "x"}}, "a and b would both be written to the schema x"),
    ],
)
def test_a_rewrite_that_cannot_be_meant_is_refused(rewrite: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ConnectorOptions(rewrite=rewrite)


def test_changes_are_sent_by_aspect_then_by_table() -> None:
    first, second = ("shop", "a", "b"), ("shop", "a", "c")
    changes = [
        change(first, "me", Aspect.OWNER),
        change(second, "2"),
        change((*first, "x"), "1"),
        change(first, "0"),
    ]
    assert ordered(changes) == [changes[2], changes[3], changes[1], changes[0]]


def test_capabilities_say_what_is_supported_where() -> None:
    capabilities = Capabilities({Aspect.OWNER: (EntityType.TABLE,)}, transactional=True)
    assert capabilities.supports(Aspect.OWNER, EntityType.TABLE)
    assert not capabilities.supports(Aspect.OWNER, EntityType.COLUMN)
    assert not capabilities.supports(Aspect.TAGS, EntityType.TABLE)
