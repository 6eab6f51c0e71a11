from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reverse_metadata.connectors.base import Capabilities, ConnectorOptions, Limit, TagLimits, Unit, ordered
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


@pytest.mark.parametrize(("unit", "length"), [(Unit.CHARACTERS, 4), (Unit.BYTES, 10), (Unit.CODE_UNITS, 5)])
def test_a_length_is_counted_as_the_system_does(unit: Unit, length: int) -> None:
    assert Limit(10, unit).length("aé日🎉") == length
    assert Limit(length, unit).cut("aé日🎉") == "aé日🎉"
    assert Limit(length - 1, unit).cut("aé日🎉").endswith("…")


@given(st.text(), st.sampled_from(Unit), st.integers(min_value=3, max_value=40))
def test_as_much_as_fits_is_kept(text: str, unit: Unit, most: int) -> None:
    limit = Limit(most, unit)
    cut = limit.cut(text)
    assert limit.length(cut) <= most
    if cut != text:
        kept = cut[:-1]
        assert text.startswith(kept)
        assert limit.length(text) > most
        assert limit.length(text[: len(kept) + 1] + "…") > most


def test_the_tags_of_a_level_may_have_limits_of_their_own() -> None:
    labels, one = TagLimits(max_key=63), TagLimits(max_tags=1)
    capabilities = Capabilities({}, transactional=False, tags=labels, tags_of={EntityType.COLUMN: one})
    assert [capabilities.tag_limits(level) for level in EntityType] == [labels, labels, labels, one]


class _Reached(ConnectorOptions):
    host: str | None = None


@pytest.mark.parametrize("host", ["db:5432", "db,1433", "https://db", "jdbc:redshift://db:5439/dev", "10.0.0.1:1521"])
def test_a_host_with_its_port_or_scheme_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="give the host alone: port and scheme"):
        _Reached(host=host)


@pytest.mark.parametrize("host", ["db", "db.example.com", "::1", "fe80::1", "/var/run/postgresql", "a,b", None])
def test_a_host_is_a_name_an_address_or_a_directory(host: str | None) -> None:
    assert _Reached(host=host).host == host
