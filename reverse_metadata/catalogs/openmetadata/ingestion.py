"""The catalog's own ingestion pipelines, as far as they write over what people curate.

A pipeline is listed whole: there is no field to leave out its `openMetadataServerConnection`, which may hold the
token of the ingestion bot. So nothing of a body but its name, its service and the one flag is looked at.
Source: OpenMetadata, `IngestionPipelineResource.java`, `ListFilter.java` and `databaseServiceMetadataPipeline.json`.
"""

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.openmetadata.client import Client, Json
from reverse_metadata.errors import CatalogForbidden

_PIPELINES = "services/ingestionPipelines"
_A_PAGE = 100
#: What is asked here is for a warning, which nobody should wait for: one try, so many seconds of silence.
_SILENCE = 5.0


def overriding(client: Client, service: str) -> dict[str, list[str]]:
    """`Catalog.overriding`. Raises CatalogForbidden also when the token is shown pipelines without their settings."""
    found: dict[str, list[str]] = {}
    # With `serviceType` the server would list deleted pipelines too, and skip some at the ends of pages.
    params = {"pipelineType": "metadata", **({"service": fqns.join([service])} if service else {})}
    try:
        for body in client.brief(_SILENCE).listing(_PIPELINES, limit=_A_PAGE, **params):
            name = fqns.decode(str(_part(body, "service").get("name", "")))
            # A server that does not know a parameter ignores it and lists every pipeline.
            if _reads_databases(body) and service in ("", name) and _overrides(body):
                found.setdefault(name, []).append(_shown_name(body))
    except CatalogForbidden:
        raise CatalogForbidden(
            f"{client.host} does not show the token the settings of its ingestion pipelines. "
            "Give the bot a role that may view them (ViewAll on ingestionPipeline)."
        ) from None
    return {name: sorted(pipelines) for name, pipelines in sorted(found.items())}


def _reads_databases(body: Json) -> bool:
    return body.get("pipelineType") == "metadata" and _part(body, "service").get("type") == "databaseService"


def _overrides(body: Json) -> bool:
    """Whether the pipeline will run and then write over the catalog; a paused one will not."""
    if body.get("deleted") or body.get("enabled") is False:
        return False
    settings = _part(body, "sourceConfig").get("config")
    if not isinstance(settings, dict):
        # The server leaves them out, without an error, for who may list pipelines but not view all of them.
        raise CatalogForbidden("the settings of a pipeline are hidden")
    return settings.get("overrideMetadata") is True


def _shown_name(body: Json) -> str:
    return str(body.get("displayName") or body.get("name", ""))


def _part(body: Json, key: str) -> Json:
    value = body.get(key)
    return value if isinstance(value, dict) else {}
