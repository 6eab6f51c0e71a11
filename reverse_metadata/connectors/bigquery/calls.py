"""Calls of BigQuery's API, each made once: whoever calls decides whether to try again.

Google's own client would try for ten minutes; here it never does.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.bigquery.failures import refused
from reverse_metadata.connectors.bigquery.login import connect, principal
from reverse_metadata.connectors.bigquery.names import called
from reverse_metadata.connectors.bigquery.options import BigQueryOptions
from reverse_metadata.connectors.bigquery.resources import Json
from reverse_metadata.model import Path

_T = TypeVar("_T")
_Item = TypeVar("_Item")

#: Calls that are under way at once while a schema is read: 100 a second are allowed,
#: https://cloud.google.com/bigquery/quotas#api_request_quotas
_READERS = 8
#: Tables on a page of a list.
_PAGE = 1000
#: A version that nothing ever has.
_NEVER = "reverse_metadata"


class Calls:
    """The client of one service block. Paths are those of the source. Every method raises SourceError."""

    def __init__(self, options: BigQueryOptions) -> None:
        self._options = options
        self._stack = ExitStack()
        self._client: Any = None
        self._once: dict[str, Any] = {"retry": None, "timeout": options.request_timeout}

    def close(self) -> None:
        """Close the client. Safe to call twice."""
        self._client = None
        self._stack.close()

    def make(self, what: str, call: Callable[[Any], _T]) -> _T:
        """The answer of a call of the client; `what` is for messages: `reading dataset sales`."""
        try:
            if self._client is None:
                self._client = connect(self._options, self._stack)
            return call(self._client)
        except Exception as error:
            raise refused(error, what) from None

    def ask(self, what: str, call: Callable[[Any], _T]) -> _T:
        """The answer to a question, which is asked again while it fails for a reason that may pass."""
        return batches.persistently(lambda: self.make(what, call))

    def project(self) -> str:
        """The project that stands for the service."""
        return str(self.make("connecting", lambda client: client.project))

    def principal(self) -> str:
        """See `login.principal`."""
        return self.make("connecting", principal)

    def hello(self, project: str) -> None:
        """Have BigQuery answer, for which everybody may list the datasets that they may see.

        https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/list
        """
        what = f"reading project {project}"
        self.ask(what, lambda client: list(client.list_datasets(project, max_results=1, **self._once)))

    def dataset(self, path: Path) -> Json:
        """https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/get"""
        return self._resource(
            f"reading {called(path)}", lambda client: client.get_dataset(_dataset(path), **self._once)
        )

    def table(self, path: Path) -> Json:
        """https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/get"""
        return self._resource(f"reading {called(path)}", lambda client: client.get_table(_table(path), **self._once))

    def tables(self, path: Path) -> Iterator[list[str]]:
        """The names of a dataset's tables, page by page: they are no more than names there.

        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list
        """
        token: str | None = None

        def page(client: Any) -> tuple[list[str], str | None]:
            listed = client.list_tables(_dataset(path), page_size=_PAGE, page_token=token, **self._once)
            return [item.table_id for item in next(listed.pages, ())], listed.next_page_token

        while True:
            names, token = self.ask(f"reading {called(path)}/tables", page)
            yield names
            if not token:
                return

    def patch_dataset(self, what: str, resource: Json, fields: Json) -> None:
        """Change these fields, unless the dataset is not of the resource's version any more.

        https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch
        """
        from google.cloud import bigquery

        changed = bigquery.Dataset.from_api_repr({**resource, **fields})
        # Whoever may change who has access is asked for more, and none of it changes.
        mode = bigquery.enums.UpdateMode.UPDATE_METADATA
        self.make(what, lambda client: client.update_dataset(changed, list(fields), update_mode=mode, **self._once))

    def patch_table(self, what: str, resource: Json, fields: Json) -> None:
        """Change these fields, unless the table is not of the resource's version any more.

        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch
        """
        from google.cloud import bigquery

        changed = bigquery.Table.from_api_repr({**resource, **fields})
        self.make(what, lambda client: client.update_table(changed, list(fields), **self._once))

    def try_dataset(self, path: Path) -> None:
        """Add no label to a version of the dataset that never was: an error tells whether more would be allowed."""
        reference = {"projectId": path[0], "datasetId": path[1]}
        resource = {"datasetReference": reference, "etag": _NEVER}
        self.patch_dataset(f"trying out {called(path)}", resource, {"labels": {}})

    def permitted(self, path: Path, permissions: Iterable[str]) -> set[str]:
        """Those of the permissions that the caller has on a table; none on one that is not there.

        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/testIamPermissions
        """
        asked = list(permissions)
        answer = self.ask(
            f"reading the permissions on {called(path)}",
            lambda client: client.test_iam_permissions(_table(path), asked, **self._once),
        )
        return set(answer.get("permissions") or ())

    def _resource(self, what: str, call: Callable[[Any], Any]) -> Json:
        resource: Json = self.ask(what, lambda client: call(client).to_api_repr())
        return resource


def _dataset(path: Path) -> Any:
    """Not as text, which the client reads by its dots: a project within a domain has some."""
    from google.cloud import bigquery

    return bigquery.DatasetReference(path[0], path[1])


def _table(path: Path) -> Any:
    return _dataset(path).table(path[2])


def at_once(function: Callable[[_Item], _T], items: Iterable[_Item]) -> list[_T]:
    """The results for all items, in their order, a few at a time; the first error ends it."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="bigquery") as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
