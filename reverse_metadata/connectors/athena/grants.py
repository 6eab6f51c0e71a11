"""Which permission a writer lacks, found out by calls that change nothing, and what gives it.

AWS has no dry run of Glue's actions. An update of a table that names a version which the table does not have is
refused either way: for the permission when that is missing, which AWS looks at first, and for the version otherwise.
It carries what stands in the table already. An update of a database has no version, so IAM is asked what it would
decide, where the writer may ask that.

Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html and
list_awslakeformation.html there. Lake Formation's own permissions, which apply beside those of IAM:
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any
from uuid import uuid4

from reverse_metadata.connectors.athena import glue
from reverse_metadata.connectors.athena.clients import Clients
from reverse_metadata.connectors.athena.reading import table_of
from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect

#: So many tables are named one by one in a policy, which has a length; more are named by the database.
_MOST_TABLES = 20
_READING = ("glue:GetDatabase", "glue:GetTable", "glue:GetTables")
_TAGGING = (
    "lakeformation:AddLFTagsToResource",
    "lakeformation:GetResourceLFTags",
    "lakeformation:RemoveLFTagsFromResource",
)
_DEFINING = ("lakeformation:CreateLFTag", "lakeformation:GetLFTag", "lakeformation:UpdateLFTag")
_OF_A_ROLE = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")


@dataclass(frozen=True, slots=True)
class Grants:
    """What gives permissions on one database of Glue; `within` names the catalog, where it is not the caller's own."""

    clients: Clients
    within: Mapping[str, str]
    database: str

    def reading(self) -> Missing:
        """What reading the database takes."""
        return self._by_iam(_READING, [self._arn(f"table/{self._named('*')}")])

    def updating_tables(self, tables: Collection[str], refusal: SourceError) -> Missing:
        """What updating the tables takes, given how one of them was refused."""
        if _is_lake_formations(refusal):
            resources = [{"Table": {"DatabaseName": self.database, "Name": table, **self.within}} for table in tables]
            return self._by_lake_formation(("ALTER", "DESCRIBE"), resources, _listed("table", self.database, tables))
        named = sorted(tables) if len(tables) <= _MOST_TABLES else ["*"]
        arns = [self._arn(f"table/{self._named(table)}") for table in named]
        return self._by_iam(("glue:UpdateTable",), arns, _listed("table", self.database, tables))

    def updating_the_database(self, refusal: SourceError | None = None) -> Missing:
        """What updating the database takes, given how it was refused."""
        if refusal is not None and _is_lake_formations(refusal):
            resource = {"Database": {"Name": self.database, **self.within}}
            return self._by_lake_formation(("ALTER", "DESCRIBE"), [resource], f"schema {self.database}")
        return self._by_iam(("glue:UpdateDatabase",), [], f"schema {self.database}")

    def tagging(self, defining: bool) -> Missing:
        """What setting LF-tags takes; `defining` when their keys and values are created, too."""
        actions = (*_TAGGING, *(_DEFINING if defining else ()))
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        return Missing(f"the writer may not set the LF-tags of schema {self.database}.", (json.dumps(statement),))

    def database_arns(self) -> list[str]:
        """The resources that an action on the database is authorised for: the database and all catalogs above it.

        https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
        """
        inner = self._inner()
        above = ["/".join(("catalog", *inner[:depth])) for depth in range(len(inner) + 1)]
        return [self._arn(resource) for resource in (*above, f"database/{self._named()}")]

    def _by_iam(self, actions: Iterable[str], arns: list[str], what: str = "") -> Missing:
        """A statement for the writer's policy. Every action in Glue is authorised for what contains the object, too."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": [*self.database_arns(), *arns]}
        doing = f"{' and '.join(actions)} on {what or f'schema {self.database}'}"
        return Missing(f"no policy allows the writer {doing}.", (json.dumps(statement, ensure_ascii=False),))

    def _by_lake_formation(self, permissions: Iterable[str], resources: list[dict[str, Any]], what: str) -> Missing:
        principal = principal_of(self.clients.caller[1])
        given = " ".join(permissions)
        return Missing(
            f"Lake Formation has not granted {given} on {what} to {principal}.",
            tuple(
                f"aws lakeformation grant-permissions --principal DataLakePrincipalIdentifier={quote(principal)} "
                f"--permissions {given} --resource {quote(json.dumps(resource, ensure_ascii=False))}"
                for resource in resources
            ),
        )

    def _named(self, *names: str) -> str:
        return "/".join((*self._inner(), self.database, *names))

    def _inner(self) -> list[str]:
        """The catalogs within the account's own, as in `123456789012:s3tablescatalog/bucket`."""
        _, _, inner = self.within.get("CatalogId", "").partition(":")
        return inner.split("/") if inner else []

    def _arn(self, resource: str) -> str:
        account = self.within.get("CatalogId", "").partition(":")[0] or self.clients.caller[0]
        return f"arn:{self.clients.partition}:glue:{self.clients.region}:{account}:{resource}"


def missing(grants: Grants, needs: Collection[Need], tags: tuple[bool, bool]) -> list[Missing]:
    """What the writer lacks for the needs: two calls for each table, three more for its schema.

    `tags` says whether LF-tags are set, and whether they are defined. Raises SourceError.
    """
    described = {need.path for need in needs if need.aspect is Aspect.DESCRIPTION and not glue.read_only(need.kind)}
    lacking: list[Missing] = []
    if any(len(path) == 2 for path in described) and _may_not_update_database(grants):
        lacking.append(grants.updating_the_database())
    refused: dict[bool, dict[str, SourceError]] = {}
    for table in sorted({path[2] for path in described if len(path) > 2 and glue.nameable(path[2])}):
        refusal = _refusal_to_update(grants, table)
        if refusal is not None:
            refused.setdefault(_is_lake_formations(refusal), {})[table] = refusal
    for tables in refused.values():
        lacking.append(grants.updating_tables(list(tables), next(iter(tables.values()))))
    if tags[0] and any(need.aspect is Aspect.TAGS for need in needs) and _may_not_tag(grants):
        lacking.append(grants.tagging(tags[1]))
    return lacking


def principal_of(arn: str) -> str:
    """The role of a session, as policies and grants name it; any other ARN as it is. A role's path is not known."""
    session = _OF_A_ROLE.fullmatch(arn)
    if session is None:
        return arn
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"


def _refusal_to_update(grants: Grants, table: str) -> SourceError | None:
    """Why the table may not be updated, None when it may, or is not there. Nothing is changed."""
    call, named = grants.clients.call, f"{grants.database}.{table}"
    found = table_of(call, f"reading table {named}", grants.database, table, grants.within)
    if found is None or not found.get("VersionId"):
        return None
    try:
        call(
            "glue",
            "update_table",
            f"trying out table {named}",
            DatabaseName=grants.database,
            TableInput=glue.as_input(found, grants.clients.shape("TableInput")),
            # Far from any version that somebody else may just be making.
            VersionId=f"{found['VersionId']}999",
            SkipArchive=True,
            **grants.within,
        )
    except SourceError as error:
        if error.reason in (Reason.AUTHENTICATION, Reason.CONNECTION):
            raise
        return error if error.reason is Reason.MISSING_PRIVILEGE else None
    return None


def _may_not_update_database(grants: Grants) -> bool:
    """Whether IAM says so. Where it does not tell, and of what Lake Formation says, nothing is known.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    try:
        answer = grants.clients.call(
            "iam",
            "simulate_principal_policy",
            "asking IAM",
            PolicySourceArn=principal_of(grants.clients.caller[1]),
            ActionNames=["glue:UpdateDatabase"],
            ResourceArns=grants.database_arns(),
        )
    except SourceError:
        return False
    return any(result["EvalDecision"] != "allowed" for result in answer["EvaluationResults"])


def _may_not_tag(grants: Grants) -> bool:
    """Whether a tag that cannot exist is refused for the permission, and not because it does not exist."""
    unknown = [{"TagKey": f"reverse_metadata_{uuid4().hex}", "TagValues": ["none"], **grants.within}]
    resource = {"Database": {"Name": grants.database, **grants.within}}
    for action in ("add_lf_tags_to_resource", "remove_lf_tags_from_resource"):
        try:
            grants.clients.call("lakeformation", action, f"trying out {action}", Resource=resource, LFTags=unknown)
        except SourceError as error:
            if error.reason in (Reason.AUTHENTICATION, Reason.CONNECTION):
                raise
            if error.reason is Reason.MISSING_PRIVILEGE:
                return True
    return False


def _is_lake_formations(refusal: SourceError) -> bool:
    """Both refuse with the same code; only the sentence tells which of them it was."""
    return "Lake Formation permission" in str(refusal)


def _listed(level: str, database: str, names: Collection[str]) -> str:
    shown = sorted(names)[:_MOST_TABLES]
    rest = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{level}{'s' if len(names) > 1 else ''} {', '.join(f'{database}.{name}' for name in shown)}{rest}"
