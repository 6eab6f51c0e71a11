"""The job `preflight`, one for the project: connects to every service and says which privileges are missing.

Every service of the configuration has an asset check of that name, which shows the last result.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import dagster as dg

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.applying.preflight import Checked, check_services
from reverse_metadata.channels.resources import CATALOG, LEDGER, SERVICES
from reverse_metadata.config import Config
from reverse_metadata.display import markdown_code, printable
from reverse_metadata.errors import ReverseMetadataError

_NAME = "preflight"
_DESCRIPTION = (
    "Connects to the catalog and to every service, and looks for each privilege that the channels need on what is in"
    " their scope. Nothing is written. What is missing is listed with the script that grants it."
)


def preflight_job(config: Config, resource_keys: set[str]) -> tuple[list[dg.AssetChecksDefinition], Any]:
    """The asset checks of the configured services, and the job that runs them and looks at all other services, too.

    Dagster has no public name for the type of a job of assets.
    """
    specs = [dg.AssetCheckSpec(_NAME, asset=dg.AssetKey([name]), description=_DESCRIPTION) for name in config.services]
    if not specs:
        return [], _plain_job(config, resource_keys)

    @dg.multi_asset_check(name="preflight_services", specs=specs, required_resource_keys=resource_keys, can_subset=True)
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {key.asset_key.path[0] for key in context.selected_asset_check_keys}
        whole = selected == set(config.services)
        found: list[Checked] = []
        for each in _look(context, config, None if whole else selected):
            found.append(each)
            if each.service in selected:
                yield _result(each)
        for name in sorted(selected - {each.service for each in found}):
            yield _nothing_to_do(name)
        _raise(found)

    job = dg.define_asset_job(_NAME, selection=dg.AssetSelection.checks(check), description=_DESCRIPTION)
    return [check], job


def _plain_job(config: Config, resource_keys: set[str]) -> dg.JobDefinition:
    """For a configuration in which the catalog holds every connection: no service has an asset."""

    @dg.op(name="preflight_services", required_resource_keys=resource_keys, description=_DESCRIPTION)
    def look(context: dg.OpExecutionContext) -> None:
        _raise(list(_look(context, config, None)))

    @dg.job(name=_NAME, description=_DESCRIPTION)
    def preflight() -> None:
        look()

    return preflight


def _look(
    context: dg.OpExecutionContext | dg.AssetCheckExecutionContext,
    config: Config,
    only: set[str] | None,
) -> Iterator[Checked]:
    """What is found of each service, or of some, as it is found; logged as well."""
    with ExitStack() as stack:
        resources = context.resources
        try:
            catalog = stack.enter_context(getattr(resources, CATALOG).open())
            ledger = stack.enter_context(getattr(resources, LEDGER).open())
            services = getattr(resources, SERVICES).of(catalog, resources, context.run.run_id)
            stack.callback(services.close)
            pipelines = [
                Pipeline(
                    channel, catalog, services, ledger, context.run.run_id, preview=True, others=config.others(channel)
                )
                for channel in config.channels
            ]
            for name in [""] if only is None else sorted(only):
                for each in check_services(pipelines, name):
                    (context.log.info if each.ready else context.log.error)(each.page())
                    yield each
        except ReverseMetadataError as error:
            raise dg.Failure(printable(str(error)), allow_retries=False) from None


def _result(found: Checked) -> dg.AssetCheckResult:
    document = found.document()
    metadata: dict[str, Any] = {key: document[key] for key in ("system", "version", "partitions") if document[key]}
    for key, sentences in (("problems", found.problems), ("missing", found.sentences()), ("warnings", found.warnings)):
        # A text of Dagster's is one paragraph; a block of code keeps a line a sentence.
        if lines := "\n".join(sentences):
            metadata[key] = dg.MetadataValue.md(markdown_code(lines))
    if found.grants:
        metadata["grants"] = dg.MetadataValue.md(markdown_code("\n".join(found.grants), "sql"))
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([found.service]), check_name=_NAME, passed=found.ready, metadata=metadata
    )


def _nothing_to_do(service: str) -> dg.AssetCheckResult:
    told = "no channel of this configuration has anything of this service in its filter"
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([service]), check_name=_NAME, passed=True, metadata={"warnings": told}
    )


def _raise(found: list[Checked]) -> None:
    """Turn the run red when a service is not ready."""
    if unready := [each for each in found if not each.ready]:
        names = ", ".join(printable(each.service) for each in unready)
        raise dg.Failure(
            f"{len(unready)} of {len(found)} services are not ready: {names}. The log has what is missing, and the "
            "statements that grant it.",
            allow_retries=False,
        )
