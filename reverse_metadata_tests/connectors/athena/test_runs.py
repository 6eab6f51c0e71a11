"""Whole runs, with a catalog above and AWS's stand-in below."""

from contextlib import ExitStack
from pathlib import Path as File

from reverse_metadata.model import Aspect
from reverse_metadata_tests.contract.athena import Athena
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.engines.aws import AwsFront


def test_tags_are_unsupported_until_the_service_asks_for_them(aws: AwsFront, tmp_path: File) -> None:
    with ExitStack() as stack:
        peer = Athena(aws, stack, lf_tags=False)
        peer.table("orders")
        estate = Estate(peer, tmp_path)
        estate.catalog.tag(estate.fqns[2], "PII.Sensitive")
        applied = estate.run(peer.partition, update_tags=True)
    assert applied.counts == {"unsupported": 1}
    assert aws.count("LFTagsToResource") == aws.count("GetResourceLFTags") == 0


def test_tags_come_back_as_they_were_written_and_are_taken_off_again(aws: AwsFront, tmp_path: File) -> None:
    settings = {"update_tags": True, "tags": {"case": "lower"}}
    with ExitStack() as stack:
        peer = Athena(aws, stack)
        orders = peer.table("orders")
        estate = Estate(peer, tmp_path)
        for fqn in estate.fqns[1:]:
            estate.catalog.tag(fqn, "PII.Sensitive")
        first, second = (estate.run(peer.partition, **settings) for _ in range(2))
        assert (first.statements, first.problems, second.statements) == (3, (), 0)
        for path in (peer.path(), orders, (*orders, "id")):
            assert peer.stored(path, Aspect.TAGS, "pii") == "sensitive"
        estate.catalog.untag(estate.fqns[2], "PII.Sensitive")
        assert estate.run(peer.partition, **settings).statements == 1
        assert peer.stored(orders, Aspect.TAGS, "pii") is None
        assert peer.stored((*orders, "id"), Aspect.TAGS, "pii") == "sensitive"


def test_a_text_that_athena_overwrote_is_noticed_and_written_again(aws: AwsFront, tmp_path: File) -> None:
    with ExitStack() as stack:
        peer = Athena(aws, stack)
        orders = peer.table("orders")
        estate = Estate(peer, tmp_path)
        estate.catalog.describe(estate.fqns[2], "All orders")
        assert estate.run(peer.partition).statements == 1
        glue = aws.client("glue")
        found = glue.get_table(DatabaseName=orders[1], Name="orders")["Table"]
        kept = {name: found[name] for name in ("Name", "TableType", "StorageDescriptor", "Description")}
        glue.update_table(DatabaseName=orders[1], TableInput={**kept, "Parameters": {"comment": "theirs"}})
        assert estate.run(peer.partition).statements == 1
        assert peer.stored(orders) == "All orders"
