"""A server of tokens, as a service account's key names one: https://oauth2.googleapis.com/token.

Whoever shows it an assertion gets a token, and nobody looks at either.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from secrets import token_hex
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reverse_metadata_tests.engines.front import Answer, Front, Request


class Tokens(Front):
    """Hands out tokens until it is told otherwise."""

    #: What is answered instead of a token: `{"error": "invalid_grant", "error_description": "..."}`.
    refusal: dict[str, str] | None = None

    def name(self, request: Request) -> str:
        """Method and path."""
        return f"{request.method} {request.path}"

    def answer(self, request: Request) -> Answer:
        """A token, or the refusal."""
        if self.refusal:
            return _answer(400, self.refusal)
        return _answer(200, {"access_token": token_hex(16), "token_type": "Bearer", "expires_in": 3600})

    def key(self, email: str = "writer@shop-project.iam.gserviceaccount.com") -> dict[str, str]:
        """The key of a service account, whose tokens come from here."""
        return {
            "type": "service_account",
            "project_id": "shop-project",
            "private_key_id": token_hex(20),
            "private_key": private_key(),
            "client_email": email,
            "token_uri": f"{self.url}/token",
        }


@contextmanager
def google_tokens() -> Iterator[Tokens]:
    """A server of tokens. Within, Google's library does not ask Google where a key may be used from."""
    asking = (
        "google.auth.credentials.CredentialsWithRegionalAccessBoundary._is_regional_access_boundary_lookup_required"
    )
    with patch(asking, return_value=False), Tokens() as tokens:
        yield tokens


@cache
def private_key() -> str:
    """A key that was made for this process."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _answer(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
