"""Which permissions a writer lacks, and the commands that give them.

https://cloud.google.com/bigquery/docs/access-control#bq-permissions. No predefined role may change the description of a
table and not its rows, so the commands make a role of exactly what is missing, and bind it to the table.
"""

import shlex
from collections.abc import Collection, Iterable

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.bigquery.calls import Calls, at_once
from reverse_metadata.connectors.bigquery.names import nameable
from reverse_metadata.connectors.bigquery.resources import LINKED, policy_tagged
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Path

_GET, _UPDATE, _CATEGORY = "bigquery.tables.get", "bigquery.tables.update", "bigquery.tables.setCategory"
_DATASET_UPDATE = "bigquery.datasets.update"
#: Where more tables of a dataset lack the same, it is granted on the dataset.
_MOST_TABLES = 10
#: Stops the script where nobody has said who the writer is.
_WHO = '"${WRITER:?user:NAME or serviceAccount:NAME}"'


def missing(calls: Calls, needs: Collection[Need], path: Path) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is. Raises SourceError."""
    writable = [need for need in needs if not need.kind.startswith(LINKED) and len(need.path) > 1]
    lacking: list[Missing] = []
    grants = Grants(calls.principal(), path)
    if any(len(need.path) == 2 for need in writable) and _may_not_update(calls, path):
        lacking.append(grants.on_dataset())
    of: dict[str, list[Need]] = {}
    for need in writable:
        if len(need.path) > 2 and nameable((*path, need.path[2])):
            of.setdefault(need.path[2], []).append(need)
    found = at_once(lambda name: _lacking(calls, (*path, name), of[name]), of)
    tables: dict[frozenset[str], list[str]] = {}
    for name, permissions in zip(of, found, strict=True):
        if permissions:
            tables.setdefault(permissions, []).append(name)
    for permissions, names in tables.items():
        lacking += grants.on_tables(sorted(permissions), names)
    return lacking


def _may_not_update(calls: Calls, path: Path) -> bool:
    """A dataset cannot be asked as a table can."""
    try:
        calls.try_dataset(path)
    except SourceError as error:
        return error.reason is Reason.MISSING_PRIVILEGE
    return False


def _lacking(calls: Calls, path: Path, needs: list[Need]) -> frozenset[str]:
    """The permissions that are missing on a table: one call, and one more where something is."""
    columns = [need for need in needs if len(need.path) > 3]
    wanted = {_GET, _UPDATE} | ({_CATEGORY} if any(need.aspect is Aspect.TAGS for need in columns) else set())
    try:
        permitted = calls.permitted(path, (_GET, _UPDATE, _CATEGORY))
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            return frozenset()
        raise
    # The policy tags that stand in a schema are sent with it, and to send them is a right of its own.
    doubtful = bool(columns) and _CATEGORY not in permitted | wanted
    if wanted <= permitted and not doubtful:
        return frozenset()
    try:
        table = calls.table(path)
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            return frozenset()
        if error.reason is not Reason.MISSING_PRIVILEGE:
            raise
    else:
        wanted |= {_CATEGORY} if doubtful and policy_tagged(table) else set()
    return frozenset(wanted - permitted)


class Grants:
    """Commands for a shell that give permissions to one writer. `path` is that of the dataset in the source."""

    def __init__(self, writer: str, path: Path) -> None:
        self._writer, self._named = writer, writer or "the writer"
        self._member = shlex.quote(writer) if writer else _WHO
        self._project, self._dataset = path

    def reading(self) -> Missing:
        """What reading the dataset takes: https://cloud.google.com/bigquery/docs/access-control#bigquery.metadataViewer"""
        return Missing(
            f"{self._named} may not read dataset {self._project}.{self._dataset}.",
            (self._bound_to_dataset("roles/bigquery.metadataViewer"),),
        )

    def on_dataset(self) -> Missing:
        """What changing the dataset itself takes."""
        role, made = self._role([_DATASET_UPDATE])
        what = f"{self._named} may not update dataset {self._project}.{self._dataset}: {_DATASET_UPDATE}."
        return Missing(what, (made, self._bound_to_dataset(role)))

    def on_tables(self, permissions: Iterable[str], tables: list[str]) -> list[Missing]:
        """What each of the tables lacks."""
        listed = list(permissions)
        role, made = self._role(listed)
        return [
            Missing(
                f"{self._named} may not update table {self._project}.{self._dataset}.{table}: {', '.join(listed)}.",
                (
                    made,
                    self._bound_to_dataset(role) if len(tables) > _MOST_TABLES else self._bound_to_table(role, table),
                ),
            )
            for table in tables
        ]

    def _role(self, permissions: list[str]) -> tuple[str, str]:
        """A role of these permissions and the command that makes it; a second time it fails and does no harm.

        https://cloud.google.com/sdk/gcloud/reference/iam/roles/create
        """
        words = (permission.removeprefix("bigquery.").replace(".", "_") for permission in permissions)
        name = ".".join(("reverse_metadata", *words))
        project = shlex.quote(self._project)
        command = f"gcloud iam roles create {name} --project={project} --permissions={','.join(permissions)}"
        return f"projects/{self._project}/roles/{name}", command

    def _bound_to_table(self, role: str, table: str) -> str:
        """https://cloud.google.com/bigquery/docs/reference/bq-cli-reference#bq_add-iam-policy-binding"""
        named = shlex.quote(f"{self._project}:{self._dataset}.{table}")
        return f"bq add-iam-policy-binding --member={self._member} --role={shlex.quote(role)} --table=true {named}"

    def _bound_to_dataset(self, role: str) -> str:
        """https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language#grant_statement"""
        grant = f"GRANT `{role}` ON SCHEMA `{self._project}`.`{self._dataset}` TO "
        if self._writer:
            statement = shlex.quote(grant + f'"{self._writer}"')
        else:
            statement = shlex.quote(grant + '"') + _WHO + "'\"'"
        return f"bq query --use_legacy_sql=false {statement}"
