"""Makes a partition red when a job that is not an asset job fails on it.

An op job that only logs materializations leaves a formerly green partition green when it fails, unless the run
first said that it was going to materialize it. Dagster says so itself for asset jobs; for the whole-channel job it
is said here. These two names are internal to Dagster, so they stand in this module alone.
"""

from collections.abc import Iterable

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent


def report_planned(context: dg.OpExecutionContext, keys: Iterable[dg.AssetKey], partition: str) -> None:
    """Record that this run is going to materialize the partition of these assets."""
    for key in keys:
        data = AssetMaterializationPlannedData(key, partition=partition)
        event = DagsterEvent.build_asset_materialization_planned_event(context.job_name, context.op.name, data)
        context.instance.report_dagster_event(event, run_id=context.run_id)
