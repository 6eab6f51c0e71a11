"""A code location, what its Dagster UI would say, and the daemon that ticks its sensors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from reverse_metadata.channels.definitions import code_location
from reverse_metadata.config import load_config

#: The tag of a run that says how much of a partition it looks at.
SCOPE = "reverse_metadata/scope"
ASSETS = ("fetched_changes", "resolved_templates", "applied_updates")


class Location:
    """The code location of a configuration, on an instance."""

    def __init__(self, file: Path, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.defs = code_location(load_config(file))

    def sync(self, channel: str = "shop", **config: Any) -> dg.ExecuteInProcessResult:
        """The job `<channel>_sync`."""
        return self._execute(f"{channel}_sync", {}, {f"{channel}_sync_all": {"config": config}})

    def undo(self, channel: str = "shop", **config: Any) -> dg.ExecuteInProcessResult:
        """The job `<channel>_undo`."""
        return self._execute(f"{channel}_undo", {}, {f"{channel}_undo_pushes": {"config": config}})

    def approve(self, *keys: str, channel: str = "shop", **config: Any) -> dg.ExecuteInProcessResult:
        """`applied_updates` materialized alone, as somebody does who approves a plan."""
        return self.run(*keys, channel=channel, only="applied_updates", applied_updates=config)

    def run(
        self,
        *keys: str,
        channel: str = "shop",
        tags: Mapping[str, str] | None = None,
        only: str = "",
        **configs: Mapping[str, Any],
    ) -> dg.ExecuteInProcessResult:
        """The job `<channel>` for no partition, for one, or for the range from the first to the last.

        `only` names the one asset that is materialized, `configs` what each asset is told.
        """
        chosen = dict(tags or {})
        if len(keys) == 1:
            chosen["dagster/partition"] = keys[0]
        elif keys:
            chosen["dagster/asset_partition_range_start"] = keys[0]
            chosen["dagster/asset_partition_range_end"] = keys[-1]
        ops = {f"{channel}__{asset}": {"config": config} for asset, config in configs.items()}
        return self._execute(channel, chosen, ops, [dg.AssetKey([channel, only])] if only else None)

    def _execute(
        self,
        job: str,
        tags: Mapping[str, str],
        ops: Mapping[str, Any],
        assets: Sequence[dg.AssetKey] | None = None,
    ) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags=tags, run_config={"ops": ops}, raise_on_error=False, asset_selection=assets
        )

    def partitions(self, channel: str = "shop") -> list[str]:
        """The partitions that Dagster knows."""
        return sorted(self.instance.get_dynamic_partitions(f"{channel}_schemas"))

    def colours(self, asset: str = "applied_updates", channel: str = "shop") -> dict[str, str]:
        """What the partition bar of an asset shows: MATERIALIZED is green, FAILED is red; none at all is left out."""
        key = dg.AssetKey([channel, asset])
        definition = self.defs.resolve_assets_def(key).partitions_def
        assert definition is not None
        found = self.instance.get_status_by_partition(key, self.partitions(channel), definition) or {}
        return {partition: status.value for partition, status in found.items() if status is not None}


class Daemon:
    """Ticks the sensor of a channel as Dagster's daemon does, and launches what it asks for when told to."""

    def __init__(self, location: Location, channel: str = "shop") -> None:
        self.location = location
        self.channel = channel
        self.cursor: str | None = None
        self.skipped: str | None = None

    def tick(self) -> list[tuple[str, str]]:
        """One tick: the partition and the scope of each run that is asked for."""
        defs, instance = self.location.defs, self.location.instance
        name = f"{self.channel}_on_change"
        repository = defs.get_repository_def()
        sensor = repository.get_sensor_def(name)
        resources = repository.get_top_level_resources()
        with dg.build_sensor_context(
            instance_ref=instance.get_ref(),
            cursor=self.cursor,
            repository_def=repository,
            sensor_name=name,
            resources={key: resources[key] for key in sensor.required_resource_keys},
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor, self.skipped = data.cursor, data.skip_message
        for request in data.dynamic_partitions_requests or []:
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        self.requests = list(data.run_requests or [])
        assert all(request.run_key is None for request in self.requests)
        return [(request.partition_key or "", request.tags[SCOPE]) for request in self.requests]

    def launch(self) -> list[dg.ExecuteInProcessResult]:
        """Run what the last tick asked for."""
        tags = {"dagster/sensor_name": f"{self.channel}_on_change"}
        return [
            self.location.run(r.partition_key or "", channel=self.channel, tags={**r.tags, **tags})
            for r in self.requests
        ]


def shown(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dict[str, Any]]:
    """The metadata of the materializations of an asset in a run, by partition."""
    events = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    return {
        event.partition or "": {name: value.value for name, value in event.metadata.items()}
        for event in events
        if event.asset_key.path[-1] == asset
    }


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Why the run failed, as its failed step says; fails when it did not."""
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    return data.description or ""


def logged(location: Location, result: dg.ExecuteInProcessResult) -> list[str]:
    """Every line of the run's log, those of our own code and Dagster's."""
    return [entry.user_message for entry in location.instance.all_logs(result.run_id)]
