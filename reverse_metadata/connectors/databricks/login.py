"""Connects: the three logins, and what the vendor's client is told.

Logins: https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m,
https://learn.microsoft.com/en-us/azure/databricks/dev-tools/auth/aad-token-manual. Client:
https://docs.databricks.com/aws/en/dev-tools/python-sql-connector.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from reverse_metadata.connectors.databricks.options import DatabricksOptions
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.redaction import register_secret

#: Azure Databricks, as Microsoft Entra ID knows it in every tenant.
_AZURE_DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
#: Where tenants log in, by the end of the workspace's host name.
_AUTHORITIES = {
    ".azure.us": "https://login.microsoftonline.us",
    ".azure.cn": "https://login.chinacloudapi.cn",
    "": "https://login.microsoftonline.com",
}
#: Seconds to wait for a host to answer, and how often the client tries to reach it once it did.
_PATIENCE, _TRIES = 15, 2
#: Seconds before its end at which a token is renewed.
_MARGIN = 120


class LoginRefused(Exception):
    """The login gave no token. `status` is the HTTP status, None when nobody answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ClientCredentials:
    """A token for a service principal, renewed before it ends; what the client calls a credentials provider."""

    def __init__(self, url: str, form: dict[str, str], basic: tuple[str, str] | None, verify: str | bool) -> None:
        self._url, self._form, self._basic, self._verify = url, form, basic, verify
        self._token, self._until = "", 0.0

    @staticmethod
    def auth_type() -> str:
        """The client's word for it."""
        return "oauth-m2m"

    def __call__(self) -> Callable[[], dict[str, str]]:
        """What the client asks for the headers of every request."""
        return lambda: {"Authorization": f"Bearer {self.token()}"}

    def token(self) -> str:
        """The token of now. Raises LoginRefused."""
        if time.monotonic() >= self._until:
            self._renew()
        return self._token

    def _renew(self) -> None:
        import requests

        try:
            answer = requests.post(
                self._url, data=self._form, auth=self._basic, timeout=30, verify=self._verify, allow_redirects=False
            )
        except requests.RequestException as error:
            raise LoginRefused(f"{self._url} could not be asked: {error}") from None
        try:
            told = answer.json()
        except requests.JSONDecodeError:
            told = {}
        told = told if isinstance(told, dict) else {}
        if answer.status_code != 200 or not told.get("access_token"):
            why = told.get("error_description") or told.get("error") or answer.reason
            raise LoginRefused(f"{self._url} answered {answer.status_code}: {why}", answer.status_code)
        self._token = str(told["access_token"])
        register_secret(self._token)
        lasts = str(told.get("expires_in") or 0)
        self._until = time.monotonic() + max((float(lasts) if lasts.isdecimal() else 0) - _MARGIN, 0)


def credentials(options: DatabricksOptions) -> ClientCredentials | None:
    """What logs a service principal in; None for a personal access token."""
    verify = options.ca_file or True
    if options.client_id:
        url = f"https://{options.host}:{options.port}/oidc/v1/token"
        basic = (options.client_id, str(options.client_secret))
        return ClientCredentials(url, {"grant_type": "client_credentials", "scope": "all-apis"}, basic, verify)
    if options.azure_client_id:
        authority = next(url for end, url in _AUTHORITIES.items() if options.host.endswith(end))
        form = {
            "grant_type": "client_credentials",
            "client_id": options.azure_client_id,
            "client_secret": str(options.azure_client_secret),
            "scope": f"{_AZURE_DATABRICKS}/.default",
        }
        return ClientCredentials(f"{authority}/{options.azure_tenant_id}/oauth2/v2.0/token", form, None, True)
    return None


def arguments(options: DatabricksOptions) -> dict[str, Any]:
    """What the client's `connect` is told, without the login."""
    parameters = dict(options.session_configuration)
    if options.is_warehouse:
        # https://docs.databricks.com/aws/en/sql/language-manual/parameters/statement_timeout
        parameters.setdefault("STATEMENT_TIMEOUT", str(options.statement_timeout))
    told = {
        "server_hostname": options.host,
        "http_path": options.http_path,
        "_port": options.port,
        "session_configuration": parameters,
        "user_agent_entry": "reverse_metadata",
        "enable_telemetry": False,
        # Results come with the answer, and never from a cloud storage that a firewall may not let through.
        "use_cloud_fetch": False,
        "_socket_timeout": options.statement_timeout + 60,
        # Of a warehouse that starts or is busy (503, 429).
        "_retry_delay_max": 5,
        "_retry_stop_after_attempts_duration": options.connect_timeout,
    }
    return told | ({"_tls_trusted_ca_file": options.ca_file} if options.ca_file else {})


def connect(told: dict[str, Any]) -> Any:
    """A connection of the client. Raises what the client raises, and OSError."""
    client = driver("databricks.sql", "databricks")
    _knock(told["server_hostname"], told["_port"])
    connection = client.connect(**told)
    policy = getattr(connection.session.backend, "retry_policy", None)
    if policy is not None:
        # The client would send a statement once more when its answer was lost, without a word. Whether it may run
        # twice is ours to say; 429 and 503 are still its business, and a few tries of a connection.
        policy.read, policy.connect = False, _TRIES
    return connection


def _knock(host: str, port: int) -> None:
    """Raise OSError when nobody is there: the client would try for minutes before it said so."""
    from requests.utils import get_environ_proxies

    if not get_environ_proxies(f"https://{host}:{port}"):
        socket.create_connection((host, port), timeout=_PATIENCE).close()
