"""What a crash left open, resolved by reading the source."""

from reverse_metadata.connectors.base import Connector
from reverse_metadata.ledger import FinishedChange, Ledger, OpenChange
from reverse_metadata.model import Last, Partition, SourceState
from reverse_metadata.planning.statements import Trace
from reverse_metadata.planning.text import agree


def lease_name(partition: Partition) -> str:
    """The lease under which a partition is written, by one run at a time."""
    return f"partition/{partition.key}"


def recover(
    partition: Partition,
    catalog: str,
    source: str,
    connector: Connector,
    ledger: Ledger,
    run_id: str,
    wait: float,
) -> None:
    """Resolve what an earlier run left open in the partition; does nothing, in one query, when nothing is.

    Waits for a run that is still alive. Raises LeaseBusy and SourceError.
    """
    if ledger.open_changes(catalog, source, partition.key):
        with ledger.lease(lease_name(partition), wait=wait, owner=run_id):
            recover_under_lease(partition, catalog, source, connector, ledger)


def recover_under_lease(partition: Partition, catalog: str, source: str, connector: Connector, ledger: Ledger) -> None:
    """Record each open change as applied when the source holds its value, and as never done otherwise."""
    left_open = ledger.open_changes(catalog, source, partition.key)
    if not left_open:
        return
    connector.settle(partition)
    state = connector.read(partition, sorted({change.path[2] for change in left_open if len(change.path) > 2}))
    by_plan: dict[str, list[OpenChange]] = {}
    for change in left_open:
        by_plan.setdefault(change.plan_id, []).append(change)
    for plan_id, changes in by_plan.items():
        done = [change for change in changes if _arrived(state, change, connector)]
        ledger.finish(plan_id, [_finished(change, state) for change in done])
        ledger.abandon(plan_id, [change.seq for change in changes if not _arrived(state, change, connector)])


def _arrived(state: SourceState, change: OpenChange, connector: Connector) -> bool:
    """Whether the source holds what was sent; where something else is made of it, whether the value before is gone.

    What is not read back counts as never sent, and is sent again.
    """
    found, trace = state.get(change.path), Trace.of(change.template)
    if found is None or trace is Trace.NOTHING:
        return False
    stands = found.value(change.aspect, change.tag_key)
    if trace is Trace.VALUE and agree(change.aspect, stands, change.after):
        return True
    altered = trace is Trace.ALTERED or not connector.capabilities.verbatim
    return altered and stands != change.before


def _finished(change: OpenChange, state: SourceState) -> FinishedChange:
    found = state[change.path]
    last = Last(
        wanted=change.wanted,
        stored=found.value(change.aspect, change.tag_key),
        origin=change.origin,
        entity_id=change.entity_id,
        object_id=found.object_id,
        template=change.template,
        channel=change.channel,
        filter_hash=change.filter_hash,
    )
    return FinishedChange(change.seq, "applied", None, last)
