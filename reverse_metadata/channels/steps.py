"""The three steps inside a Dagster run: which partitions, failures kept apart, hand-off through the ledger."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import dagster as dg
from pydantic import TypeAdapter

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.config import Channel
from reverse_metadata.display import printable
from reverse_metadata.errors import FqnError, Reason, ReverseMetadataError, SourceError
from reverse_metadata.model import Partition
from reverse_metadata.planning.fetch import FETCHED, Fetched, Scope
from reverse_metadata.planning.plan import PLAN, Plan, dumped
from reverse_metadata.redaction import redact

#: Set by the sensor on runs that change events caused: they look only at the entities in the inbox.
SCOPE_TAG = "reverse_metadata/scope"

#: What a step of an asset job or of an op job is given.
Context = dg.AssetExecutionContext | dg.OpExecutionContext

_T = TypeVar("_T")
_FETCHED, _PLAN, _FAILED = "fetched", "plan", "failed"


@dataclass(frozen=True, slots=True)
class Failed:
    """A step could not be done for a partition; `message` is for people.

    `lacks_privilege` says that only a GRANT can mend it.
    """

    message: str
    lacks_privilege: bool = False


_FAILURE: TypeAdapter[Failed] = TypeAdapter(Failed)


def scope_of(run: dg.DagsterRun) -> Scope:
    """`changed` for a run that change events caused, `full` for every other."""
    return "changed" if run.tags.get(SCOPE_TAG) == "changed" else "full"


def partitions_of(context: dg.AssetExecutionContext, channel: Channel, registered_in: str) -> list[Partition]:
    """The partitions of the run; one that Dagster does not know yet is registered first.

    So `dagster job execute --tags '{"dagster/partition": "..."}'` works in an empty instance.
    Raises dg.Failure when the run names no partition, or one that is not the channel's.
    """
    tags = context.run.tags
    if "dagster/partition" in tags:
        partition = _checked(tags["dagster/partition"], channel)
        context.instance.add_dynamic_partitions(registered_in, [partition.key])
        return [partition]
    if "dagster/asset_partition_range_start" not in tags:
        message = (
            "This run names no partition. Choose schemas on the asset's page, or run the job "
            f"{context.run.job_name}_sync, which does every schema in the channel's scope."
        )
        raise dg.Failure(message, allow_retries=False)
    return [_checked(key, channel) for key in context.partition_keys]


def _checked(key: str, channel: Channel) -> Partition:
    try:
        partition = Partition.parse(key)
    except FqnError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    if not could_match(channel.filter, partition.service, partition.path):
        message = f"{key} is outside the filter of channel {channel.name}; nothing is done"
        raise dg.Failure(message, allow_retries=False)
    return partition


def kept_apart(context: Context, partition: Partition, step: Callable[[], _T]) -> _T | Failed:
    """What the step gives, or why it failed: one bad partition never stops the others."""
    try:
        return step()
    except SourceError as error:
        return Failed(str(error), error.reason in (Reason.MISSING_PRIVILEGE, Reason.AUTHENTICATION))
    except ReverseMetadataError as error:
        return Failed(str(error))
    except Exception as error:
        # A mistake of ours or of a driver: it must not stop the other partitions either, and it needs its traceback.
        context.log.error(printable(redact(f"{partition.key}: {traceback.format_exc()}")))
        return Failed(redact(f"unexpected {type(error).__name__}: {error}"))


class HandOff:
    """Carries the results of a step to the next one through the ledger: no files, no pickles, any executor."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._ledger = pipeline.ledger
        self._channel = pipeline.channel.name
        self._run_id = pipeline.run_id

    def fetched(self, partition: Partition, result: Fetched | Failed) -> None:
        """Hand on what `fetched_changes` gave."""
        self._put(partition, _FETCHED, result if isinstance(result, Failed) else dumped(FETCHED, result))

    def plan(self, partition: Partition, result: Plan | Failed) -> None:
        """Hand on what `resolved_templates` gave."""
        self._put(partition, _PLAN, result if isinstance(result, Failed) else dumped(PLAN, result))

    def received_fetched(self, partition: Partition) -> Fetched | Failed:
        """What `fetched_changes` handed on."""
        payload = self._get(partition, _FETCHED)
        return payload if isinstance(payload, Failed) else FETCHED.validate_json(payload)

    def received_plan(self, partition: Partition) -> Plan | Failed:
        """What `resolved_templates` handed on."""
        payload = self._get(partition, _PLAN)
        return payload if isinstance(payload, Failed) else PLAN.validate_json(payload)

    def done(self) -> None:
        """Drop everything that was handed on in this run."""
        self._ledger.drop_handoffs(self._run_id)

    def _put(self, partition: Partition, step: str, payload: bytes | Failed) -> None:
        name = f"{self._channel}/{partition.key}"
        if isinstance(payload, Failed):
            self._ledger.put_handoff(self._run_id, name, _FAILED, _FAILURE.dump_json(payload))
        else:
            self._ledger.put_handoff(self._run_id, name, step, payload)

    def _get(self, partition: Partition, step: str) -> bytes | Failed:
        name = f"{self._channel}/{partition.key}"
        failed = self._ledger.get_handoff(self._run_id, name, _FAILED)
        if failed is not None:
            return _FAILURE.validate_json(failed)
        payload = self._ledger.get_handoff(self._run_id, name, step)
        if payload is None:
            return Failed(
                "the step before left nothing in this run; materialize the three assets together, or apply a plan that "
                "waits for approval with the config plan and approved_by"
            )
        return payload
