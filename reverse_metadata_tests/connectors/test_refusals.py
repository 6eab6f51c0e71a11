"""What is told of an error of a driver."""

import secrets

from reverse_metadata.connectors.refusals import told
from reverse_metadata.redaction import register_secret


def test_an_error_is_one_line_without_secrets() -> None:
    secret = f"pass  word\t{secrets.token_hex(8)}"
    register_secret(secret)
    assert told(ValueError(f"cannot log in:\n  with {secret} at\n\nall")) == "cannot log in: with ******** at all"
    assert told(ValueError("password =\n  hunter22")) == "password = ********"
    assert told(ValueError()) == "ValueError"
