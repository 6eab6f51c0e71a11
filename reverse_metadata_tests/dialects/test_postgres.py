import pytest

from reverse_metadata.dialects.postgres import POSTGRES


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("orders", "orders"),
        ("_orders_2$", "_orders_2$"),
        ("Orders", '"Orders"'),
        ("2orders", '"2orders"'),
        ("$orders", '"$orders"'),
        ("v1.orders", '"v1.orders"'),
        ("my orders", '"my orders"'),
        ('say "hi"', '"say ""hi"""'),
        ("a'b\\c", '"a\'b\\c"'),
        ("orders\n", '"orders\n"'),
        ("größe", '"größe"'),
        ("user", '"user"'),
        ("select", '"select"'),
        ("timestamp", '"timestamp"'),
    ],
)
def test_a_name_is_quoted_when_it_must_be(name: str, written: str) -> None:
    assert POSTGRES.identifier(name) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "''"),
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("''", "''''''"),
        ("back\\slash", "E'back\\\\slash'"),
        ("\\'; DROP TABLE orders; --", "E'\\\\''; DROP TABLE orders; --'"),
        ("$$ {x} %s ${env:HOME}", "'$$ {x} %s ${env:HOME}'"),
        ("one\r\ntwo", "'one\r\ntwo'"),
    ],
)
def test_a_text_means_the_same_under_both_settings_of_standard_conforming_strings(text: str, written: str) -> None:
    assert POSTGRES.literal(text) == written
