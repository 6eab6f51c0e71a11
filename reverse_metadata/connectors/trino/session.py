"""A user's way to a Trino server, by the driver's own client.

The protocol is https://trino.io/docs/current/develop/client-protocol.html: a statement is sent with POST, and carried
out once its first result is asked for with GET. An answer that was lost is asked for again, and is the same; a POST
that nobody follows is forgotten. So the driver's own new tries, three in all, never carry a statement out twice.
"""

from http import HTTPStatus
from typing import Any

from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.trino.options import TrinoOptions
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.redaction import register_secret

#: How queries of ours are told from others in `system.runtime.queries`.
SOURCE = "reverse_metadata"
#: Seconds to wait for an answer. The server sends one every second or so, also while it works.
_SILENCE = 60
_BEGUN = "X-Trino-Started-Transaction-Id"
_NO_TRANSACTION = "NONE"

Row = tuple[Any, ...]


class Session:
    """Statements of one user, each committed by itself. Every method raises what the driver raises."""

    def __init__(self, options: TrinoOptions) -> None:
        """Logs in, which the server answers with the user that it takes the login for, and its version."""
        self._client, auth = driver("trino.client", "trino"), driver("trino.auth", "trino")
        self._options = options
        self._http = _http()
        self._http.verify = options.verify
        self._http.proxies.update(options.proxies)
        for secret in (options.password, options.jwt):
            register_secret(secret or "")
        self._auth = None
        if options.password:
            self._auth = auth.BasicAuthentication(options.username, options.password)
        elif options.jwt:
            self._auth = auth.JWTAuthentication(options.jwt)
        elif options.certificate:
            self._http.cert = (options.certificate, options.key) if options.key else options.certificate
        ((self.user, self.version),) = self.run("SELECT current_user, version()")

    def close(self) -> None:
        """Close the connections that are kept open. What runs goes on."""
        self._http.close()

    def run(self, sql: str) -> list[Row]:
        """The rows of a statement, once it is done."""
        return self._run(self._request(), sql)

    def environment(self) -> str:
        """The server's `node.environment`, which every server tells everybody; "" where a gateway does not pass it
        on."""
        request = self._request()
        timeout = (self._options.connect_timeout, _SILENCE)
        answer = self._http.get(request.get_url("/v1/info"), timeout=timeout)
        return str(answer.json().get("environment", "")) if answer.status_code == HTTPStatus.OK else ""

    def refused(self, sql: str) -> Any:
        """The error with which a write is refused when it is sent in a read-only transaction.

        Trino looks first for the object, then whether the user may, and then whether the transaction may write:
        the last error, READ_ONLY_VIOLATION, says that all but the transaction is right. Nothing reaches the connector
        behind the catalog. Where a gateway drops a header of the transaction, the server refuses to begin one
        (INCOMPATIBLE_CLIENT), or does not know it (UNKNOWN_TRANSACTION).
        https://trino.io/docs/current/sql/start-transaction.html
        """
        request = self._request()
        self._begin(request)
        try:
            self._run(request, sql)
        except driver("trino.exceptions", "trino").TrinoQueryError as error:
            return error
        finally:
            self._run(request, "ROLLBACK")
        raise SourceError(Reason.OTHER, f"a read-only transaction did not keep Trino from {sql.partition(' IS ')[0]}")

    def _begin(self, request: Any) -> None:
        response = request.post("START TRANSACTION READ ONLY")
        begun = response.headers.get(_BEGUN)
        while (status := request.process(response)).next_uri:
            response = request.get(status.next_uri)
            begun = response.headers.get(_BEGUN) or begun
        if not begun:
            raise SourceError(Reason.OTHER, f"the server did not say which transaction it began: no header {_BEGUN}")
        request.transaction_id = begun

    def _run(self, request: Any, sql: str) -> list[Row]:
        return [tuple(row) for row in self._client.TrinoQuery(request, sql).execute()]

    def _request(self) -> Any:
        options = self._options
        properties = dict(options.session_properties)
        if options.statement_timeout is not None:
            properties = {"query_max_run_time": f"{options.statement_timeout}s"} | properties
        session = self._client.ClientSession(
            user=options.username,
            source=SOURCE,
            properties=properties,
            client_tags=options.client_tags,
            roles=options.roles,
            transaction_id=_NO_TRANSACTION,
            timezone="UTC",
        )
        host, port = options.address
        return self._client.TrinoRequest(
            host=host,
            port=port,
            client_session=session,
            http_session=self._http,
            http_scheme=options.scheme,
            auth=self._auth,
            request_timeout=(options.connect_timeout, _SILENCE),
        )


def _http() -> Any:
    """A session of HTTP in which REQUESTS_CA_BUNDLE does not outrank the authorities that the options name."""
    import requests

    class Http(requests.Session):
        def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
            own = self.verify if verify is None else verify
            return super().merge_environment_settings(url, proxies, stream, own, cert)

    return Http()
