"""The REST API of OpenMetadata: one session, bounded retries, and a clear outcome for every answer.

What was found out with running servers (1.1 and 1.6) and is built on here:

* An error has one of two bodies, `{code, message}` or `{responseMessage, errorType}`, and its message may hold a
  whole entity or service: only the beginning, up to the first JSON object, is ever repeated.
* A route that does not exist answers 500, not 404; so does a malformed parameter. The message tells.
* The token of a user that does not exist answers 404 (`user instance for ghost not found`), not 401.
* A host without the API answers the web interface's `index.html` with status 200.
* Unknown query parameters are ignored; an unknown name in `fields` is 400 and names the culprit.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import uniform
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase

from reverse_metadata.errors import (
    CatalogForbidden,
    CatalogRejected,
    CatalogUnauthorized,
    CatalogUnavailable,
    IncompleteListing,
)
from reverse_metadata.redaction import redact, register_secret

Json = dict[str, Any]
T = TypeVar("T")

#: Tries of one request, the first included: waits of at most 0.5 + 1 + 2 + 4 s lie between them.
ATTEMPTS = 5
_FIRST_WAIT = 0.5
#: A server that asks for more patience than this (seconds) fails the request at once: the next run comes later.
_LONGEST_WAIT = 60.0
_CONNECT_TIMEOUT = 10.0
#: Characters of a server's message that are worth repeating.
_MESSAGE_LENGTH = 300

#: Names in `fields` that older servers know by another name: `owner` before 1.5, `domain` before 1.9. A certification
#: need not be asked for by name: a server that refuses the name sends it with the tags, or knows none.
_OLDER_FIELDS = {"owners": "owner", "domains": "domain", "certification": ""}

_INVALID_FIELD = re.compile(r"Invalid field name (\w+)")
_UNKNOWN_ROUTE = "HTTP 404 Not Found"
_MISSING_ENTITY = re.compile(r"(?s)(?P<type>\w+) instance for (?P<name>.+) not found$")
_JSON_BEGINS = re.compile(r'[\[{]\s*\\?"')


class _Passing(Exception):
    """A failure that may be over a moment later; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(message)


class _NotFound(Exception):
    """The catalog itself says that the entity does not exist."""


class _Bearer(AuthBase):
    """Sets the token. A session without `auth` lets an entry in ~/.netrc replace the header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """GET requests to one server. `host` is its URL without `/api` and without credentials."""

    def __init__(self, url: str, token: str, *, timeout: float, pause: Callable[[float], None] = time.sleep) -> None:
        """`timeout` is the longest silence of the server in seconds, `pause` waits between two tries.

        Raises CatalogRejected for a URL, and CatalogUnauthorized for a token, that cannot be one.
        """
        self.host = normalised(url)
        self._timeout = timeout
        self._connect_timeout = _CONNECT_TIMEOUT
        self._attempts = ATTEMPTS
        self._pause = pause
        self._fields: dict[str, str] = {}
        self._session = requests.Session()
        self._session.auth = _Bearer(_checked(token))
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._session.close()

    def brief(self, timeout: float) -> "Client":
        """The same client for what nobody should wait for: one try, at most `timeout` seconds of silence."""
        brief = copy(self)
        brief._attempts, brief._timeout = 1, timeout
        brief._connect_timeout = min(timeout, _CONNECT_TIMEOUT)
        return brief

    def find(self, path: str, *, fields: Sequence[str] = (), **params: str) -> Json | None:
        """The document at `path` (below `/api/v1/`), or None when the catalog says that there is none.

        Raises CatalogError.
        """
        try:
            return self._with_fields(path, fields, params)
        except _NotFound:
            return None

    def listing(self, path: str, *, limit: int, fields: Sequence[str] = (), **params: str) -> Iterator[Json]:
        """All documents of a collection, fetched in pages of `limit`; one page is held at a time.

        Edits made meanwhile move the total, and an entry that appears behind the cursor is not met: when the
        count is not the announced total the collection is read a second time, and what is new is given.
        Raises IncompleteListing when that does not add up either, and CatalogError.
        """
        given: set[str] = set()
        for _ in range(2):
            met: set[str] = set()
            total = 0
            for page in self._pages(path, fields, {**params, "limit": str(limit)}):
                total = page["paging"]["total"]
                # Taken out, so that this page is gone when the next one is asked for.
                for item in page.pop("data"):
                    met.add(item["id"])
                    if item["id"] not in given:
                        given.add(item["id"])
                        yield item
            if len(met) == total:
                return
        raise IncompleteListing(
            f"{self.host} listed {len(met)} of {total} {path}, twice. Nothing may be concluded from a listing with "
            "gaps. Try again when nobody edits the catalog; if it stays so, its log should say why."
        )

    def _pages(self, path: str, fields: Sequence[str], params: dict[str, str]) -> Iterator[Json]:
        after: str | None = None
        while True:
            try:
                page = self._with_fields(path, fields, params if after is None else {**params, "after": after})
            except _NotFound:
                self._not_the_api(path, "404 for a collection")
            if not _is_page(page):
                self._not_the_api(path, "an answer that is not a page of a list")
            yield page
            previous, after = after, page["paging"].get("after")
            if after is None:
                return
            if after == previous:
                raise IncompleteListing(f"{self.host} sent the same page of {path} twice; the listing never ends.")

    def _with_fields(self, path: str, fields: Sequence[str], params: dict[str, str]) -> Json:
        """Ask with the field names of the newest servers, and with older ones where the server refuses those."""
        while True:
            names = [self._fields.get(name, name) for name in fields]
            asked = {**params, "fields": ",".join(filter(None, names))} if names else params
            try:
                return self.read(path, asked, _document)
            except CatalogRejected as error:
                refused = _INVALID_FIELD.search(str(error))
                older = _OLDER_FIELDS.get(refused[1]) if refused else None
                if refused is None or older is None or refused[1] not in names:
                    raise
                self._fields[refused[1]] = older

    def read(self, path: str, params: dict[str, str], consume: Callable[[requests.Response], T]) -> T:
        """What `consume` makes of the answer; both are tried again while a retry can help.

        `consume` reads the streamed body. Raises CatalogError, and _NotFound for an entity that does not exist.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                return self._once(path, params, consume)
            except _Passing as fault:
                if attempt == self._attempts or (fault.wait or 0) > _LONGEST_WAIT:
                    tries = "once" if attempt == 1 else f"{attempt} times"
                    later = f"; it asks to wait {fault.wait:.0f} s" if fault.wait else ""
                    raise CatalogUnavailable(f"{self.host} was asked {tries} for {path}: {fault}{later}.") from None
                self._pause((fault.wait or 0) + uniform(0, _FIRST_WAIT * 2 ** (attempt - 1)))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, path: str, params: dict[str, str], consume: Callable[[requests.Response], T]) -> T:
        # A redirect is not followed: the token is for this host alone, and a login page is no answer.
        # Errors of requests are not chained: their text and their attributes hold the whole request.
        try:
            with self._session.get(
                f"{self.host}/api/v1/{path}",
                params=params,
                timeout=(self._connect_timeout, self._timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._judge(path, response)
                return consume(response)
        except requests.exceptions.SSLError as error:
            raise CatalogUnavailable(
                f"{self.host} could not be trusted: {_innermost(error)}. If its certificate is signed by your own "
                "authority, name the authority's file in REQUESTS_CA_BUNDLE."
            ) from None
        except requests.exceptions.ConnectTimeout:
            raise _Passing(f"it could not be reached within {self._connect_timeout:g} s") from None
        except requests.exceptions.Timeout:
            raise _Passing(f"it did not answer within {self._timeout:g} s") from None
        except requests.exceptions.JSONDecodeError:
            raise _Passing("its answer is not JSON, or is cut off") from None
        except requests.exceptions.RequestException as error:
            raise _Passing(_innermost(error)) from None

    def _judge(self, path: str, response: requests.Response) -> None:
        """Return when the answer is a JSON document that can be read; raise the outcome that it stands for."""
        status = response.status_code
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("Location", ""))
            place = f"{target.scheme}://{target.hostname}" if target.hostname else "another page"
            raise CatalogRejected(
                f"{self.host} redirects {path} to {place}. Redirects are not followed, because the token is meant for "
                "one host: give the final URL of the catalog, and let the API bypass a login page."
            )
        if status < 300:
            if "json" not in response.headers.get("Content-Type", ""):
                self._not_the_api(path, "a web page")
            return
        self._refuse(path, response, _message(response))

    def _refuse(self, path: str, response: requests.Response, text: str) -> NoReturn:
        status, message = response.status_code, _short(text) or "without a message"
        if status == 401:
            raise CatalogUnauthorized(
                f"{self.host} does not accept the token (401: {message}). Copy the token of a bot anew from the "
                "catalog's Settings > Bots; tokens expire, and are replaced when someone generates a new one."
            )
        if status == 403:
            raise CatalogForbidden(
                f"{self.host} does not let the token read {path} (403: {message}). Give the bot a role that may view "
                "services, databases, schemas, tables, users and teams."
            )
        if status == 404:
            self._missing(path, text)
        if status == 500 and _UNKNOWN_ROUTE in text:
            raise CatalogRejected(
                f"{self.host} has no {path} (500: {message}). The server is older than 1.5, or not OpenMetadata."
            )
        if status == 429 or status >= 500:
            raise _Passing(f"{status}: {message}", _retry_after(response))
        raise CatalogRejected(f"{self.host} refused {path} ({status}: {message}).")

    def _missing(self, path: str, text: str) -> NoReturn:
        """404: raise _NotFound only when the catalog says it of the very thing that was asked for.

        A proxy's 404, that of a missing route or of a dangling reference must never pass for "deleted".
        """
        match = _MISSING_ENTITY.match(text)
        if match is None:
            self._not_the_api(path, f"404 ({_short(text) or 'without a message'})")
        if match["name"] in map(unquote, path.split("/")):
            raise _NotFound
        if match["type"].lower() == "user":
            raise CatalogUnauthorized(
                f"{self.host} does not know the user of the token (404: {_short(text)}). "
                "Copy the token of a bot that exists from the catalog's Settings > Bots."
            )
        raise CatalogRejected(f"{self.host} refused {path} (404: {_short(text)}).")

    def _not_the_api(self, path: str, answer: str) -> NoReturn:
        raise CatalogRejected(
            f"{self.host}/api/v1/{path} answered with {answer}, not as the catalog's API does. Give the URL under "
            "which the API is reached, as https://catalog.example.com or https://catalog.example.com/api; "
            f"{self.host}/api/v1/system/version must show the server's version."
        )


def normalised(url: str) -> str:
    """The URL of the server without `/api`, credentials, default port, query or trailing slash.

    Raises CatalogRejected when it is not an HTTP URL.
    """
    parts = urlsplit(url.strip())
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.password:
        register_secret(parts.password)
    if parts.scheme not in ("http", "https") or not host:
        raise CatalogRejected(
            f"{redact(url)!r} is not the URL of a catalog: it must look like https://catalog.example.com"
        )
    name = f"[{host}]" if ":" in host else host
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        name = f"{name}:{port}"
    path = re.sub(r"(/api(/v1)?)?/*$", "", parts.path)
    return urlunsplit((parts.scheme, name, path, "", ""))


def server_time(response: requests.Response) -> int | None:
    """The server's clock in milliseconds since 1970, from the `Date` header; None when it sends none."""
    date = _http_date(response.headers.get("Date", ""))
    return None if date is None else int(date.timestamp() * 1000)


def _checked(token: str) -> str:
    """The token without the blanks and the `Bearer` that come along when it is copied."""
    token = token.strip().removeprefix("Bearer ").strip()
    register_secret(token)
    if not re.fullmatch(r"[!-~]+", token):
        raise CatalogUnauthorized(
            "The catalog's token is empty or holds a blank, a line break or a letter that no token has. "
            "Copy the token of a bot anew from the catalog's Settings > Bots."
        )
    return token


def _document(response: requests.Response) -> Json:
    body = response.json()
    return body if isinstance(body, dict) else {}


def _is_page(page: Json) -> bool:
    paging, data = page.get("paging"), page.get("data")
    return (
        isinstance(paging, dict)
        and isinstance(paging.get("total"), int)
        and isinstance(data, list)
        and all(isinstance(item, dict) and "id" in item for item in data)
    )


def _message(response: requests.Response) -> str:
    """The message of an error body, whole; "" when there is none."""
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return ""
    return str(body.get("message") or body.get("responseMessage") or "") if isinstance(body, dict) else ""


def _short(text: str) -> str:
    """As much of a server's message as may be repeated: cut before any JSON in it, without secrets."""
    text = redact(_JSON_BEGINS.split(text, maxsplit=1)[0].strip())
    return text if len(text) <= _MESSAGE_LENGTH else text[:_MESSAGE_LENGTH] + "…"


def _innermost(error: BaseException) -> str:
    """What really happened: requests wraps urllib3, which wraps the socket's error."""
    while True:
        inner = next(
            (arg for arg in (getattr(error, "reason", None), *error.args) if isinstance(arg, BaseException)), None
        )
        if inner is None:
            return redact(str(error).rsplit(": ", 1)[-1] or type(error).__name__)[:_MESSAGE_LENGTH]
        error = inner


def _retry_after(response: requests.Response) -> float | None:
    """The seconds of a `Retry-After` header, which holds a number or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    date = _http_date(value)
    return None if date is None else max(0.0, (date - datetime.now(UTC)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
