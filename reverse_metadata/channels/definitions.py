"""Everything that Dagster shows for a configuration."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.channels.assets import CATALOG_KEY, Names, channel_assets
from reverse_metadata.channels.preflight import preflight_job
from reverse_metadata.channels.pruning import prune_job, prune_schedule
from reverse_metadata.channels.resources import required_keys, resources_of
from reverse_metadata.channels.sync import sync_job
from reverse_metadata.channels.triggers import channel_schedule, channel_sensor
from reverse_metadata.channels.undo import undo_job
from reverse_metadata.config import Channel, Config


def code_location(config: Config) -> dg.Definitions:
    """The definitions of a configuration: assets, jobs, sensor and schedule of every channel, and the resources."""
    keys = required_keys(config)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [_catalog(config), *_services(config)]
    sensors, schedules, whole_jobs, undo_jobs = [], [], [], []
    for channel in config.channels:
        others = config.others(channel)
        assets += channel_assets(channel, keys, others)
        whole_jobs.append(sync_job(channel, keys, others))
        undo_jobs.append(undo_job(channel, keys))
        if (sensor := channel_sensor(channel, keys)) is not None:
            sensors.append(sensor)
        if (schedule := channel_schedule(channel, whole_jobs[-1])) is not None:
            schedules.append(schedule)
    prune = prune_job(config.ledger)
    if (daily := prune_schedule(config.ledger, prune)) is not None:
        schedules.append(daily)
    checks, preflight = preflight_job(config, keys)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[*map(_job, config.channels), *whole_jobs, *undo_jobs, preflight, prune],
        sensors=sensors,
        schedules=schedules,
        resources=resources_of(config),
        # The three steps run one after the other: a process each would cost ten seconds a run and gain nothing.
        executor=dg.in_process_executor,
    )


def _job(channel: Channel) -> Any:
    """The job of a channel's assets. Dagster has no public name for the type."""
    names = Names.of(channel)
    return dg.define_asset_job(
        names.slug,
        selection=dg.AssetSelection.assets(*names.keys),
        description=f"The three assets of channel {channel.name}, for the schemas of the run.",
        metadata={"channel": channel.name},
    )


def _catalog(config: Config) -> dg.AssetSpec:
    """The system of record, upstream of every channel."""
    return dg.AssetSpec(
        CATALOG_KEY,
        description="The catalog in which people curate descriptions, owners and tags.",
        group_name="catalog",
        kinds={config.catalog.kind or "openmetadata"},
    )


def _services(config: Config) -> Sequence[dg.AssetSpec]:
    """One asset a configured service, downstream of the channels that may write to it."""
    return [
        dg.AssetSpec(
            dg.AssetKey([name]),
            deps=[Names.of(channel).key("applied_updates") for channel in _writers(config, name)],
            description=f"The service {name}. Every table that a run wrote has an observation under its own key.",
            group_name="sources",
            kinds={block.kind or "database"},
        )
        for name, block in config.services.items()
    ]


def _writers(config: Config, service: str) -> list[Channel]:
    return [channel for channel in config.channels if could_match(channel.filter, service)]
