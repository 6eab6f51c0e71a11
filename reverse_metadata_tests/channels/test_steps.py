"""A step that fails is kept apart, and what is logged of it shows no secret and deceives nobody."""

import secrets
from types import SimpleNamespace
from typing import Any, cast

from reverse_metadata.channels.steps import Failed, kept_apart
from reverse_metadata.model import Partition
from reverse_metadata.redaction import register_secret


def test_an_unexpected_error_is_logged_with_its_traceback_and_without_secrets() -> None:
    secret = secrets.token_hex(12)
    register_secret(secret)
    logged: list[str] = []
    context = cast(Any, SimpleNamespace(log=SimpleNamespace(error=logged.append)))

    def step() -> None:
        raise RuntimeError(f"the driver said {secret}")

    failed = kept_apart(context, Partition("s", "d\u202e", None), step)
    assert isinstance(failed, Failed)
    (text,) = logged
    assert "in step" in text
    for shown in (text, failed.message):
        assert "the driver said ********" in shown
        assert secret not in shown
        assert "\u202e" not in shown
