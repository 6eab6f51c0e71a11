import secrets
from urllib.parse import quote

import pytest

from reverse_metadata.redaction import redact, register_secret


def test_a_registered_secret_is_masked_also_in_its_url_form() -> None:
    secret = f"p@ss/word {secrets.token_hex(8)}"
    register_secret(secret)
    assert redact(f"cannot log in with {secret}!") == "cannot log in with ********!"
    assert redact(f"x={quote(secret, safe='')}") == "x=********"


def test_a_longer_secret_is_masked_before_one_that_it_contains() -> None:
    short = secrets.token_hex(8)
    long = short + secrets.token_hex(8)
    register_secret(short)
    register_secret(long)
    assert redact(f"[{long}] [{short}]") == "[********] [********]"


def test_a_secret_of_three_characters_would_blank_everything() -> None:
    register_secret("abc")
    assert redact("the abc of it") == "the abc of it"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgresql://rm:hunter22@db/shop failed", "postgresql://rm:********@db/shop failed"),
        ("postgresql://rm@db/shop failed", "postgresql://rm@db/shop failed"),
        ("https://db:5432/shop failed", "https://db:5432/shop failed"),
        ("host=db password=hunter22 user=rm", "host=db password=******** user=rm"),
        ("Token: abcdef, next", "Token: ********, next"),
        ("password='a b' user=rm", "password=******** user=rm"),
        ('{"password": "a b", "user": "rm"}', '{"password": ********, "user": "rm"}'),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, redacted: str) -> None:
    assert redact(text) == redacted
