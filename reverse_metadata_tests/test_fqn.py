import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata import fqn as fqns
from reverse_metadata.errors import FqnError

#: Any name that a source can have; the catalog's own reserved words are not names of anything.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.text(
    st.sampled_from('.":>\n\r\t a'), min_size=1, max_size=6
)


@pytest.mark.parametrize(
    ("fqn", "names"),
    [
        ("shop_pg", ("shop_pg",)),
        ("shop_pg.shop.public.orders", ("shop_pg", "shop", "public", "orders")),
        ('shop_pg.shop."v1.sales".orders', ("shop_pg", "shop", "v1.sales", "orders")),
        ('"a.b"."c.d"', ("a.b", "c.d")),
        ('x."needless"', ("x", "needless")),
        ("x.say __reserved__quote__hi__reserved__quote__", ("x", 'say "hi"')),
        ("x.a__reserved__colon__b__reserved__arrow__c", ("x", "a::b>c")),
        ("x.two__reserved__newline__lines__reserved__tab__", ("x", "two\nlines\t")),
        ("x.naïve 日本語 😀", ("x", "naïve 日本語 😀")),
    ],
)
def test_split(fqn: str, names: tuple[str, ...]) -> None:
    assert fqns.split(fqn) == names


@pytest.mark.parametrize(
    ("fqn", "message"),
    [
        ("", "'': part 1 is empty"),
        ("a..b", "'a..b': part 2 is empty"),
        ("a.", "'a.': part 2 is empty"),
        ('a."b', "'a.\"b': the quote at character 3 is never closed"),
        ('a."b"c', "'a.\"b\"c': a dot is missing after the quoted part 2"),
        ('a.b"c"', "'a.b\"c\"': part 2 contains a quote; only a whole part can be quoted"),
        ('a.""', "'a.\"\"': part 2 is empty"),
    ],
)
def test_split_refuses_what_the_catalog_never_writes(fqn: str, message: str) -> None:
    with pytest.raises(FqnError) as raised:
        fqns.split(fqn)
    assert str(raised.value) == message


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_join_and_split_are_inverse(names: list[str]) -> None:
    assert fqns.split(fqns.join(names)) == tuple(names)


@given(NAMES)
def test_encode_and_decode_are_inverse(name: str) -> None:
    encoded = fqns.encode(name)
    assert fqns.decode(encoded) == name
    assert not any(character in encoded for character in ('"', ">", "::", "\n", "\r", "\t"))
