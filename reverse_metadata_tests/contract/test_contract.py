"""What every connector does, on every engine there is: one scenario a test, for all peers."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.connectors.base import Need
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, EntityType, Path, Verdict
from reverse_metadata.planning.text import normal, same
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.contract.peer import SERVICE, TEXTS, Peer, change, errors, push
from reverse_metadata_tests.templates.injection.values import FULL, nasty, some


def has(peer: Peer, aspect: Aspect, level: EntityType) -> bool:
    return bool(peer.capabilities.supports(aspect, level))


def unclaimed(peer: Peer, aspect: Aspect, directory: File) -> bool:
    """Whether the connector claims nothing of an aspect; then a run that wants it writes nothing and says so."""
    if peer.capabilities.levels.get(aspect):
        return False
    peer.table("orders", ["id"])
    estate = Estate(peer, directory)
    estate.catalog.user("ada")
    for fqn in estate.fqns:
        if aspect is Aspect.TAGS:
            estate.catalog.tag(fqn, "PII.Sensitive")
        elif fqn.count(".") < 4:
            estate.catalog.own(fqn, "ada")
    settings = {"update_descriptions": False, "update_tags" if aspect is Aspect.TAGS else "update_owners": True}
    for partition in (peer.partition, peer.database):
        # An owner that is the one of the schema, too, passes for inherited otherwise.
        applied = estate.run(partition, owners={"map": {"user:ada": "ada"}, "inherited": "push"}, **settings)
        assert set(applied.counts) == {Verdict.UNSUPPORTED}
        assert applied.statements == 0
    return True


def together(wishes: Mapping[Path, str | None]) -> list[dict[Path, str | None]]:
    """The wishes by partition: those of a database apart from those below it."""
    above: dict[Path, str | None] = {path: wish for path, wish in wishes.items() if len(path) == 1}
    below: dict[Path, str | None] = {path: wish for path, wish in wishes.items() if path not in above}
    return [part for part in (below, above) if part]


def describable(peer: Peer, paths: list[Path]) -> list[Path]:
    """Those of the paths that can be described: their level can, and their kind."""
    state = peer.read() | peer.read(peer.database)
    with peer.connector() as connector:
        return [
            path
            for path in paths
            if has(peer, Aspect.DESCRIPTION, EntityType.of(path)) and not connector.refuse(change(path, "x", state))
        ]


# Reading and writing


def test_every_kind_is_read_under_its_name(peer: Peer) -> None:
    kinds = peer.kinds()
    state = peer.read()
    assert {path[2]: found.kind for path, found in state.items() if len(path) == 3} == dict(kinds)
    assert {path[2] for path in state if len(path) == 4 and path[3] == "id"} == set(kinds)
    assert peer.partition.path in state
    assert all(found.path == path for path, found in state.items())
    assert peer.path("nowhere") not in state


def test_what_was_written_is_read_back_at_every_level_and_kind(peer: Peer) -> None:
    peer.kinds()
    paths = [*peer.read(peer.database), *peer.read()]
    able = describable(peer, paths)
    for text in ("about {}", "rather, about {}", None):
        wishes: dict[Path, str | None] = {path: None if text is None else text.format(path[-1]) for path in able}
        for part in together(wishes):
            assert errors(peer.push(part)) == {}
        assert {path: normal(peer.stored(path)) for path in able} == wishes
        state = peer.read() | peer.read(peer.database)
        assert {path: normal(state[path].description) for path in able} == wishes
    assert {EntityType.of(path) for path in able} == set(peer.capabilities.levels[Aspect.DESCRIPTION])


def test_what_no_kind_can_hold_is_refused_with_a_verdict(peer: Peer) -> None:
    peer.kinds()
    state = peer.read() | peer.read(peer.database)
    able = describable(peer, list(state))
    unable = [path for path in state if path not in able]
    with peer.connector() as connector:
        for path in unable:
            if has(peer, Aspect.DESCRIPTION, EntityType.of(path)):
                refused = connector.refuse(change(path, "x", state))
                assert refused is not None
                assert refused[0] in (Verdict.UNSUPPORTED, Verdict.UNSAFE)
                assert refused[1]


def test_everything_that_has_an_owner_changes_hands(peer: Peer, tmp_path: File) -> None:
    if unclaimed(peer, Aspect.OWNER, tmp_path):
        return
    peer.kinds()
    owner, levels = peer.owner(), peer.capabilities.levels[Aspect.OWNER]
    state = peer.read() | peer.read(peer.database)
    with peer.connector() as connector:
        known = set(connector.principals([owner, "nobody of this name"]))
        assert known <= {owner} if peer.knows_its_users else known == {owner, "nobody of this name"}
        owned: dict[Path, str | None] = {
            path: owner
            for path in state
            if EntityType.of(path) in levels and not connector.refuse(change(path, owner, state, Aspect.OWNER))
        }
    for part in together(owned):
        assert errors(peer.push(part, Aspect.OWNER)) == {}
    assert {path: peer.stored(path, Aspect.OWNER) for path in owned} == owned
    assert {EntityType.of(path) for path in owned} == set(levels)
    after = peer.read() | peer.read(peer.database)
    readable = {path for path in owned if not peer.capabilities.is_write_only(Aspect.OWNER, EntityType.of(path))}
    assert {path: after[path].owner for path in readable} == dict.fromkeys(readable, owner)


def test_tags_are_added_changed_and_removed_and_others_stay(peer: Peer, tmp_path: File) -> None:
    if unclaimed(peer, Aspect.TAGS, tmp_path):
        return
    peer.table("orders", ("id",))
    places = {EntityType.of(path): path for path in (peer.path(), peer.path("orders"), peer.path("orders", "id"))}
    places[EntityType.DATABASE] = peer.database.path
    assert set(peer.tags) == set(peer.capabilities.levels[Aspect.TAGS])
    for level, examples in peer.tags.items():
        path = places[level]
        for key, one, other in examples:
            assert errors(peer.push({path: one}, Aspect.TAGS, key)) == {}
            assert peer.stored(path, Aspect.TAGS, key) == one
            assert errors(peer.push({path: other}, Aspect.TAGS, key)) == {}
        partition = peer.database if level is EntityType.DATABASE else peer.partition
        assert dict(peer.read(partition)[path].tags) == {key: other for key, _, other in examples}
        gone, *kept = examples
        assert errors(peer.push({path: None}, Aspect.TAGS, gone[0])) == {}
        assert dict(peer.read(partition)[path].tags) == {key: other for key, _, other in kept}
        for key, _, _ in kept:
            assert errors(peer.push({path: None}, Aspect.TAGS, key)) == {}


# Hostile text


def arrive(peer: Peer, texts: list[str]) -> None:
    """Write each text to a column of `wide`, one column after the other, and read all of them back."""
    state = peer.read(only=["wide"])
    with peer.connector() as connector:
        wishes: dict[Path, str | None] = {}
        for number, text in enumerate(texts):
            path = peer.path("wide", f"c{number}")
            limit = peer.capabilities.limit(Aspect.DESCRIPTION, EntityType.COLUMN)
            refused = connector.refuse(change(path, text, state))
            if refused is None and normal(text) is not None and (limit is None or limit.length(text) <= limit.most):
                wishes[path] = text
        assert not wishes or errors(push(connector, wishes)) == {}
        after = connector.read(peer.partition, ["wide"])
    for path, wish in wishes.items():
        assert same(after[path].description, wish), path
        assert same(peer.stored(path), wish), path


def test_hostile_texts_arrive_to_the_letter_or_are_refused(peer: Peer) -> None:
    peer.table("wide", [f"c{number}" for number in range(len(TEXTS))])
    arrive(peer, list(TEXTS))
    state = peer.read()
    with peer.connector() as connector:
        for text in TEXTS:
            refused = connector.refuse(change(peer.path("wide", "c0"), text, state))
            assert refused is None or refused[0] is Verdict.INVALID
            assert refused is None or refused[1].endswith(("remove it", "remove them")), refused


def test_any_text_arrives_to_the_letter_or_is_refused(peer: Peer) -> None:
    peer.table("wide", [f"c{number}" for number in range(20)])

    @some(200 if FULL else 5, shrink=FULL)
    @given(st.lists(nasty, min_size=20, max_size=20))
    def tried(texts: list[str]) -> None:
        arrive(peer, texts)

    tried()


def test_hostile_names_mean_what_they_say(peer: Peer) -> None:
    for name in peer.names:
        peer.table(name, ["id", name])
    wishes: dict[Path, str | None] = {}
    for number, name in enumerate(peer.names):
        wishes |= {peer.path(name): f"table {number}", peer.path(name, name): f"column {number}"}
    assert errors(peer.push(wishes)) == {}
    assert {path: peer.stored(path) for path in wishes} == wishes
    state = peer.read()
    assert {path: state[path].description for path in wishes} == wishes


def test_the_limits_are_those_of_the_engine(peer: Peer) -> None:
    peer.table("orders")
    places = (peer.database.path, peer.partition.path, peer.path("orders"), peer.path("orders", "id"))
    for path in places:
        limit = peer.capabilities.limits.get((Aspect.DESCRIPTION, EntityType.of(path)))
        if limit is not None:
            assert errors(peer.push({path: "x" * limit})) == {}
            assert peer.stored(path) == "x" * limit
            refused = errors(peer.push({path: "y" * (limit + 1)}))
            assert refused or peer.stored(path) != "y" * (limit + 1)


# What goes wrong


def test_a_table_that_is_gone_fails_alone(peer: Peer) -> None:
    gone, stays = peer.table("gone", ["id"]), peer.table("stays", ["id"])
    with peer.connector() as connector:
        state = connector.read(peer.partition)
        changes = [change(path, "x", state) for path in (gone, (*gone, "id"), stays, (*stays, "id"))]
        statements = connector.resolve(changes)
        peer.drop(gone)
        failed = errors(connector.execute(peer.partition, statements))
    assert {path: error.reason for path, error in failed.items()} == dict.fromkeys(
        (gone, (*gone, "id")), Reason.MISSING_OBJECT
    )
    assert [peer.stored(path) for path in (stays, (*stays, "id"))] == ["x", "x"]
    assert gone not in peer.read()


def test_one_bad_change_among_500_fails_alone(peer: Peer) -> None:
    columns = [f"c{number}" for number in range(50)]
    tables = [peer.table(f"t{number}", columns) for number in range(peer.large)]
    wishes: dict[Path, str | None] = {(*table, column): f"about {column}" for table in tables for column in columns}
    bad = (*tables[peer.large // 2], "nowhere")
    with peer.connector() as connector:
        state = connector.read(peer.partition)
        changes = [change(path, text, state) for path, text in wishes.items()]
        changes.insert(len(changes) // 2, change(bad, "x", state))
        failed = errors(connector.execute(peer.partition, connector.resolve(changes)))
    assert {path: error.reason for path, error in failed.items()} == {bad: Reason.MISSING_OBJECT}
    after = peer.read()
    assert {path: after[path].description for path in wishes} == wishes


def test_a_missing_privilege_fails_its_tables_alone_and_says_what_would_help(peer: Peer) -> None:
    peer.table("orders", ["id", "amount"])
    there = peer.table("customers", ["id"], peer.elsewhere)
    with peer.lacking() as connector:
        failed = errors(push(connector, {peer.path("orders"): "x", peer.path("orders", "id"): "y"}))
        assert {error.reason for error in failed.values()} == {Reason.MISSING_PRIVILEGE}
        assert set(failed) == {peer.path("orders"), peer.path("orders", "id")}
        needs = [Need(Aspect.DESCRIPTION, path, "table") for path in failed]
        grants = [grant for each in connector.missing(peer.partition, needs) for grant in each.grants]
        assert all(grant in str(next(iter(failed.values()))) for grant in grants)
        assert grants
        assert errors(push(connector, {there: "x"})) == {}
    assert not peer.stored(peer.path("orders"))
    assert peer.stored(there) == "x"


def test_preflight_names_exactly_what_is_missing_and_its_grants_mend_it(peer: Peer) -> None:
    orders = peer.table("orders", ["id"])
    peer.table("customers", ["id"], peer.elsewhere)
    state = peer.read()
    needs = [Need(Aspect.DESCRIPTION, path, state[path].kind) for path in (orders, (*orders, "id"))]
    there = [Need(Aspect.DESCRIPTION, (*peer.elsewhere.path, "customers"), "table")]
    absent = [Need(Aspect.DESCRIPTION, peer.path("nowhere"), "table")]
    with peer.connector() as connector:
        assert connector.version()
        assert connector.missing(peer.partition, [*needs, *absent]) == []
    with peer.lacking() as connector:
        assert connector.missing(peer.elsewhere, there) == []
        assert connector.missing(peer.partition, absent) == []
        with peer.counted() as few:
            missing = connector.missing(peer.partition, needs)
        assert missing
        assert all(each.what and each.grants for each in missing)
        peer.grant(list(dict.fromkeys(grant for each in missing for grant in each.grants)))
    with peer.lacking() as connector:
        assert connector.missing(peer.partition, needs) == []
        assert errors(push(connector, {orders: "x", (*orders, "id"): "y"})) == {}
    for number in range(10):
        peer.table(f"t{number}", ["id"])
    more = [Need(Aspect.DESCRIPTION, peer.path(f"t{number}"), "table") for number in range(10)]
    with peer.connector() as connector:
        connector.version()
        with peer.counted() as many:
            connector.missing(peer.partition, [*needs, *more])
    requests = peer.capabilities.requests
    assert many[0] <= max(few[0], 1) + 10 * (requests.table + requests.preflight)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_connection_is_opened_again_and_nothing_is_lost(peer: Peer, when: str) -> None:
    orders = peer.table("orders", ["id"])
    assert when in ("before", "after")
    with peer.connector() as connector:
        state = connector.read(peer.partition)
        statements = connector.resolve([change(path, "x", state) for path in (orders, (*orders, "id"))])
        with peer.lost("before" if when == "before" else "after"):
            failed = errors(connector.execute(peer.partition, statements))
        # Whoever cannot tell whether a commit arrived says so, and reading back tells.
        assert all(error.reason is Reason.CONNECTION for error in failed.values())
        assert when == "after" or failed == {}
        connector.settle(peer.partition)
        after = connector.read(peer.partition)
    assert [after[path].description for path in (orders, (*orders, "id"))] == ["x", "x"]


def test_wrong_credentials_are_told_apart_and_never_repeated(peer: Peer) -> None:
    connector, secrets = peer.locked_out()
    with connector:
        for asked in (lambda: connector.read(peer.partition), connector.version, connector.identity):
            with pytest.raises(SourceError) as raised:
                asked()
            assert raised.value.reason is Reason.AUTHENTICATION, str(raised.value)
            assert not any(secret in text for secret in secrets for text in (str(raised.value), repr(raised.value)))
    assert secrets


# Cost


def test_reading_takes_as_many_requests_as_declared(peer: Peer) -> None:
    allowed = peer.capabilities.requests
    with peer.connector() as connector:
        for number in range(3):
            peer.table(f"t{number}", [f"c{column}" for column in range(20)])
        connector.identity()
        with peer.counted() as few:
            connector.read(peer.partition)
        for number in range(3, 12):
            peer.table(f"t{number}", [f"c{column}" for column in range(20)])
        with peer.counted() as many:
            state = connector.read(peer.partition)
        with peer.counted() as named:
            connector.read(peer.partition, ["t1"])
        changes = [change(path, "x", state) for path in state if len(path) > 2]
        with peer.counted() as resolved:
            statements = connector.resolve(changes)
    assert 0 < few[0] <= allowed.schema + 3 * allowed.table
    assert many[0] <= allowed.schema + 12 * allowed.table
    assert named[0] <= allowed.schema + allowed.table
    assert resolved[0] <= 12 * allowed.resolve
    assert len(statements) == (12 * peer.capabilities.statements if peer.capabilities.together else len(changes))


def test_only_the_tables_that_were_asked_for_are_read(peer: Peer) -> None:
    for name in ("a", "b", "c"):
        peer.table(name, ["id"])
    assert {path[2] for path in peer.read(only=["a", "c", "nowhere"]) if len(path) > 2} == {"a", "c"}
    assert set(peer.read(only=[])) == {peer.partition.path}


def test_an_absent_schema_or_database_is_an_empty_state(peer: Peer) -> None:
    nowhere = peer.partition.schema or ""
    with peer.connector() as connector:
        assert connector.read(type(peer.partition)(SERVICE, peer.partition.database, f"{nowhere}_nowhere")) == {}


def test_an_object_that_was_made_anew_is_another_one(peer: Peer) -> None:
    orders = peer.table("orders", ["id"])
    assert errors(peer.push({orders: "x"})) == {}
    before = peer.read()[orders]
    peer.drop(orders)
    peer.table("orders", ["id"])
    after = peer.read()[orders]
    assert normal(after.description) is None
    assert before.object_id == "" or before.object_id != after.object_id


def test_two_runs_at_once_write_two_schemas(peer: Peer) -> None:
    tables = {
        partition: [peer.table(f"t{number}", ["id"], partition) for number in range(10)]
        for partition in (peer.partition, peer.elsewhere)
    }

    def written(mine: list[Path]) -> dict[Path, SourceError]:
        return errors(peer.push({path: "x" for table in mine for path in (table, (*table, "id"))}))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(written, tables.values())) == [{}, {}]
    for partition, mine in tables.items():
        state = peer.read(partition)
        assert {state[path].description for table in mine for path in (table, (*table, "id"))} == {"x"}


# Whole runs


def test_a_second_run_sends_nothing(peer: Peer, tmp_path: File) -> None:
    peer.kinds()
    estate = Estate(peer, tmp_path)
    for fqn in estate.fqns:
        estate.catalog.describe(fqn, f"about {fqn}")
    able = describable(peer, [*peer.read(peer.database), *peer.read()])
    first = [estate.run(partition) for partition in (peer.partition, peer.database)]
    assert [problem for applied in first for problem in applied.problems] == []
    assert sum(applied.counts.get("apply", 0) for applied in first) == len([path for path in able if len(path) < 5])
    second = [estate.run(partition) for partition in (peer.partition, peer.database)]
    assert [applied.statements for applied in second] == [0, 0]
    assert [applied.counts.get("apply", 0) for applied in second] == [0, 0]


def test_a_level_without_descriptions_is_refused(peer: Peer, tmp_path: File) -> None:
    peer.table("orders", ["id"])
    estate = Estate(peer, tmp_path)
    for fqn in estate.fqns:
        estate.catalog.describe(fqn, "x")
    for partition, state in ((peer.partition, peer.read()), (peer.database, peer.read(peer.database))):
        unable = [path for path in state if not has(peer, Aspect.DESCRIPTION, EntityType.of(path))]
        assert estate.run(partition).counts.get(Verdict.UNSUPPORTED, 0) == len(unable)
