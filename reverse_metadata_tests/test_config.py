import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster._core.definitions.utils import DISALLOWED_NAMES
from dagster._utils.schedules import is_valid_cron_schedule
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.catalogs.filter import EVERYTHING, parse_filter
from reverse_metadata.config import (
    HOW_TO_BEGIN,
    Block,
    Channel,
    Config,
    FolderOptions,
    LedgerOptions,
    OpenMetadataOptions,
    Owners,
    Rewrite,
    find_config,
    ledger_url,
    load_config,
    reference,
    schema_json,
    slug,
)
from reverse_metadata.config.models import check_cron
from reverse_metadata.connectors.registry import CONNECTORS
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

FOLDER = "catalog: {type: folder, path: catalog}\n"
CHANNEL = "channels: [{name: all}]\n"

Load = Callable[..., Config]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a configuration of the text; further files by name."""
    monkeypatch.chdir(tmp_path)

    def load(text: str, environ: dict[str, str] | None = None, **files: str) -> Config:
        for name, content in {"reverse_metadata.yaml": text, **files}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        return load_config(environ=environ or {})

    return load


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """The mistakes in a configuration, without the name of the main file."""

    def mistakes(text: str, environ: dict[str, str] | None = None, **files: str) -> list[str]:
        with pytest.raises(ConfigurationError) as raised:
            load(text, environ, **files)
        return [mistake.removeprefix("reverse_metadata.yaml:") for mistake in raised.value.mistakes]

    return mistakes


def test_many_mistakes_at_once(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
catalog:
  type: openmetadata
  url: openmetadata.example.com
  token: abcdef
services:
  shop_pg:
    type: postgress
channels:
  - name: shop
    on_first_contac: keep
    on_conflict: overwite
    filter: {all: [{servce: shop_pg}]}
    schedule: "0 25 * * *"
    max_replacements: many
    owners:
      map: {ada: 7}
    schedule: null
  - update_owners: ja
"""
    ) == [
        "3: catalog.url: must be an address that begins with https:// or http://",
        "4: catalog.token: a secret must not stand in this file; write token: ${SOME_VARIABLE}",
        f"7: services.shop_pg.type: must be one of {', '.join(CONNECTORS)}, not 'postgress'; did you mean postgres?",
        "10: channels[0].on_first_contac: unknown key; did you mean on_first_contact?",
        "11: channels[0].on_conflict: must be one of overwrite, keep, fail, not 'overwite'; did you mean overwrite?",
        "12: channels[0].filter.all[0].servce: unknown key; did you mean service?",
        "14: channels[0].max_replacements: must be a whole number, not 'many'",
        "16: channels[0].owners.map.ada: must be text, not the number 7; put it in quotes",
        "17: channels[0].schedule: this key stands twice, first in line 13; remove one of them",
        "18: channels[1].name: this key is missing",
        "18: channels[1].update_owners: must be true or false, not 'ja'",
    ]


def test_a_small_configuration_and_its_defaults(load: Load) -> None:
    config = load(FOLDER + CHANNEL)
    assert config.path == Path("reverse_metadata.yaml")
    assert config.directory == Path.cwd()
    assert config.catalog.kind == "folder"
    assert config.catalog.resolve({}) == FolderOptions(path="catalog")
    assert (config.ledger, config.services) == (LedgerOptions(url=None, keep=None), {})
    [channel] = config.channels
    assert channel == Channel(name="all")
    assert channel.filter == EVERYTHING
    assert channel.model_dump() == {
        "name": "all",
        "filter": {"all": []},
        "update_descriptions": True,
        "description_format": "raw",
        "update_owners": False,
        "update_tags": False,
        "owners": {
            "map": {},
            "users": ["name"],
            "teams": ["none"],
            "team_types": ["Group"],
            "several": "fail",
            "allow": ["*"],
            "default": None,
            "inherited": "skip",
        },
        "tags": {
            "map": {},
            "case": "keep",
            "prefix": "",
            "include": ["*"],
            "exclude": [],
            "tier": False,
            "glossary": False,
            "label_types": ["Manual"],
            "protected": [],
            "on_ambiguous": "report",
            "join_with": ",",
            "on_too_long": "report",
            "on_invalid": "report",
        },
        "schedule": "0 2 * * *",
        "on_change": True,
        "sql_template": None,
        "priority": 0,
        "approval": "not_required",
        "approval_days": 7,
        "on_first_contact": "keep",
        "on_conflict": "overwrite",
        "on_catalog_delete": "leave",
        "on_too_long": "report",
        "max_replacements": None,
        "max_removals": None,
        "max_parallel": 4,
    }


def test_a_full_configuration(load: Load) -> None:
    config = load(
        """\
catalog:
  type: openmetadata
  url: ${OM_URL:-https://openmetadata.example.com/api/}
  token: ${OM_TOKEN}
  events: {max_age: 5}
ledger: postgresql+psycopg2://rm:${LEDGER_PASSWORD}@db/ledger
services:
  shop_pg: {type: postgres, host: db, port: ${PG_PORT}, username: rm, password: ${PG_PASSWORD}}
  crm_pg: {rewrite: {database: {crm: crm_clone}}}
channels:
  - name: pii
    filter: {all: [{service: "${STAGE}_pg"}, {tags: "PII.*"}]}
    update_owners: yes
    owners: {map: {finance-eng: finance}, allow: [finance], inherited: push}
    schedule: null
    on_change: false
    max_removals: 0
""",
        {
            "OM_TOKEN": "t" * 20,
            "LEDGER_PASSWORD": "l" * 20,
            "PG_PORT": "5433",
            "PG_PASSWORD": "p" * 20,
            "STAGE": "shop",
        },
    )
    environ = {"OM_TOKEN": "token-of-today", "PG_PORT": "5434", "PG_PASSWORD": "password-of-today"}
    catalog = config.catalog.resolve(environ)
    assert isinstance(catalog, OpenMetadataOptions)
    assert (catalog.url, catalog.token, catalog.events.max_age) == (
        "https://openmetadata.example.com",
        "token-of-today",
        5,
    )
    shop = config.services["shop_pg"].resolve(environ).model_dump()
    assert (shop["host"], shop["port"], shop["password"]) == ("db", 5434, "password-of-today")
    crm = config.services["crm_pg"]
    assert (crm.kind, crm.resolve(environ).rewrite) == (None, {"database": {"crm": "crm_clone"}})
    assert config.channel("pii") == Channel(
        name="pii",
        filter=parse_filter({"all": [{"service": "shop_pg"}, {"tags": "PII.*"}]}),
        update_owners=True,
        owners=Owners(map={"finance-eng": "finance"}, allow=["finance"], inherited="push"),
        schedule=None,
        on_change=False,
        max_removals=0,
    )


def test_the_owner_rules(load: Load) -> None:
    config = load(
        FOLDER
        + r"""
channels:
  - name: all
    owners:
      users: [email, {regex: 'x_(.*)', replace: '\1'}, {of: email, regex: '(.+)@a', replace: '\1'}, none]
      teams: [local_part, display_name]
      team_types: [Group, Department]
      several: [ada, grace]
      allow: ["shop_*", dba]
      default: dba
"""
    )
    assert config.channel("all").owners == Owners(
        users=[
            "email",
            Rewrite(regex="x_(.*)", replace=r"\1"),
            Rewrite(of="email", regex="(.+)@a", replace=r"\1"),
            "none",
        ],
        teams=["local_part", "display_name"],
        team_types=["Group", "Department"],
        several=["ada", "grace"],
        allow=["shop_*", "dba"],
        default="dba",
    )


def test_mistakes_in_the_owner_rules(mistakes: Mistakes) -> None:
    assert mistakes(
        FOLDER
        + r"""
channels:
  - name: a
    owners:
      users: [e-mail, 7, {regex: a}, {regx: a, regex: b, replace: c}, {regex: "(", replace: x}]
      teams: [{regex: a, replace: '\1'}, {regex: a, replace: '\g<b>'}, {regex: a, replace: b, of: mail}]
      team_types: [Grup]
      several: last
  - name: b
    owners: {users: [none, name], several: [1], allow: ["shop_*"], default: dba}
  - name: c
    owners: {allow: ["shop_*"], default: dba}
"""
    ) == [
        "6: channels[0].owners.users[0]: must be one of email, name, local_part, display_name, none, not 'e-mail';"
        " did you mean email?",
        "6: channels[0].owners.users[1]: must be one of email, name, local_part, display_name, none, not the number 7",
        "6: channels[0].owners.users[2].replace: this key is missing",
        "6: channels[0].owners.users[3].regx: unknown key; did you mean regex?",
        "6: channels[0].owners.users[4]: regex is no regular expression: missing ), unterminated subpattern at"
        " position 0",
        "7: channels[0].owners.teams[0]: replace does not fit the regular expression: invalid group reference 1 at"
        " position 1",
        "7: channels[0].owners.teams[1]: replace does not fit the regular expression: unknown group name 'b'",
        "7: channels[0].owners.teams[2].of: must be one of name, email, display_name, not 'mail'; did you mean email?",
        "8: channels[0].owners.team_types[0]: must be one of Organization, BusinessUnit, Division, Department, Group,"
        " not 'Grup'; did you mean Group?",
        "9: channels[0].owners.several: must be one of fail, first, team_first, not 'last'",
        "11: channels[1].owners.users: none ends the rules; put it last, or take it out",
        "11: channels[1].owners.several[0]: must be text, not the number 1; put it in quotes",
        "13: channels[2].owners: default is dba, which is not among allow; add it there",
    ]


def test_no_value_of_a_secret_is_held_or_shown(load: Load) -> None:
    environ = {name: secrets.token_hex(12) for name in ("TOKEN", "PASSWORD", "LEDGER")}
    config = load(
        "catalog: {type: openmetadata, url: 'https://om.example.com', token: ${TOKEN}}\n"
        "ledger: postgresql+psycopg2://rm:${LEDGER}@db/ledger\n"
        "services: {pg: {type: postgres, url: 'postgresql://rm:${PASSWORD}@db/shop'}}\n" + CHANNEL,
        environ,
    )
    shown = (
        repr(config) + repr(vars(config)) + repr([vars(block) for block in (config.catalog, *config.services.values())])
    )
    assert not any(value in shown for value in environ.values())
    assert config.services["pg"].raw == {"url": "postgresql://rm:${PASSWORD}@db/shop"}
    config.catalog.resolve(environ)
    config.services["pg"].resolve(environ)
    assert ledger_url(config, environ) == f"postgresql+psycopg2://rm:{environ['LEDGER']}@db/ledger"
    assert redact(" ".join(environ.values())) == "******** ******** ********"


def test_a_missing_variable_is_named_with_its_line(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
catalog: {type: openmetadata, url: 'https://om.example.com', token: ${OM_TOKEN}}
ledger: ${LEDGER_URL}
services:
  shop_pg:
    type: postgres
    host: ${PG_HOST:-db}
    password: ${PG_PASSWORD}
channels: [{name: "${STAGE}-${REGION}"}]
"""
    ) == [
        "1: catalog.token: the environment variable OM_TOKEN is not set; set it, or write ${OM_TOKEN:-default}",
        "2: ledger: the environment variable LEDGER_URL is not set; set it, or write ${LEDGER_URL:-default}",
        "7: services.shop_pg.password: the environment variable PG_PASSWORD is not set; set it,"
        " or write ${PG_PASSWORD:-default}",
        "8: channels[0].name: the environment variable STAGE is not set; set it, or write ${STAGE:-default}",
        "8: channels[0].name: the environment variable REGION is not set; set it, or write ${REGION:-default}",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${NAME}", "shop"),
        ("a ${NAME} b ${NAME}", "a shop b shop"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${ABSENT:-fallback}", "fallback"),
        ("${ABSENT:-}x", "x"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$${NAME}"),
        ("costs 5$ {NAME}", "costs 5$ {NAME}"),
        ("${TRICK}", "${NAME}"),
    ],
)
def test_variables(load: Load, text: str, name: str) -> None:
    environ = {"NAME": "shop", "EMPTY": "", "TRICK": "${NAME}"}
    assert load(f"{FOLDER}channels: [{{name: '{text}'}}]", environ).channels[0].name == name


@pytest.mark.parametrize("text", ["${1X}", "${}", "${A-b}", "${A", "${A B}"])
def test_a_variable_that_is_none(mistakes: Mistakes, text: str) -> None:
    assert mistakes(f"{FOLDER}channels:\n  - name: '{text}'\n") == [
        "3: channels[0].name: a variable is written ${NAME} or ${NAME:-default};"
        " for the characters ${ themselves write $${"
    ]


def test_no_value_of_a_variable_is_ever_printed(mistakes: Mistakes) -> None:
    environ = {name: secrets.token_hex(6) for name in ("PORT", "MODE", "URL", "WHEN", "FLAG", "SSL", "TYPE")}
    found = mistakes(
        """\
catalog: {type: openmetadata, url: ${URL}, token: ${URL}}
services:
  pg: {type: postgres, host: db, port: ${PORT}, sslmode: ${SSL}}
channels:
  - {name: a, on_conflict: ${MODE}, schedule: ${WHEN}, update_owners: ${FLAG}}
""",
        environ,
    )
    assert [mistake.partition(": ")[2] for mistake in found] == [
        "catalog.url: must be an address that begins with https:// or http://",
        "services.pg.port: must be a whole number; the value of ${PORT} is not",
        "services.pg.sslmode: must be one of disable, allow, prefer, require, verify-ca, verify-full;"
        " the value of ${SSL} is not",
        "channels[0].update_owners: must be true or false; the value of ${FLAG} is not",
        "channels[0].schedule: a schedule has 5 fields (minute, hour, day of the month, month, day of the week), not 1;"
        ' every night at two is "0 2 * * *"',
        "channels[0].on_conflict: must be one of overwrite, keep, fail; the value of ${MODE} is not",
    ]


def test_a_value_that_changed_its_kind_is_found_when_a_connection_is_opened(load: Load) -> None:
    config = load(
        f"{FOLDER}{CHANNEL}services:\n  pg:\n    type: postgres\n    host: db\n    port: ${{PORT}}\n", {"PORT": "5432"}
    )
    for environ, message in (
        ({"PORT": "x"}, "must be a whole number; the value of ${PORT} is not"),
        ({}, "the environment variable PORT is not set; set it, or write ${PORT:-default}"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            config.services["pg"].resolve(environ)
        assert raised.value.mistakes == [f"reverse_metadata.yaml:7: services.pg.port: {message}"]
        block = config.services["pg"]
        elsewhere = Block.of(block.kind, block.raw, block.model, "services.pg")
        with pytest.raises(ConfigurationError) as raised:
            elsewhere.resolve(environ)
        assert raised.value.mistakes == [f"services.pg: port: {message}"]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("password: geheim", "a secret must not stand in this file; write password: ${SOME_VARIABLE}"),
        ("password: ${PW:-geheim}", "a secret must not be a default; write password: ${SOME_VARIABLE}"),
        ("password: x${PW}", "a secret must not be a default; write password: ${SOME_VARIABLE}"),
        ("url: postgresql://rm:geheim@db/shop", "a password must not stand in this file; "),
        ("url: postgresql://rm:${PW:-geheim}@db/shop", "a password must not stand in this file; "),
        ("url: postgresql://db/shop?user=rm&password=geheim", "a password must not stand in this file; "),
    ],
)
def test_a_secret_in_the_file(mistakes: Mistakes, line: str, mistake: str) -> None:
    text = f"{FOLDER}{CHANNEL}services:\n  pg:\n    type: postgres\n    host: db\n    {line}\n"
    [found] = mistakes(text, {"PW": "x"})
    assert found.partition(": ")[2].partition(": ")[2].startswith(mistake)
    assert "geheim" not in found


@pytest.mark.parametrize(
    "line",
    [
        "password: ${PW}",
        "url: postgresql://db/shop",
        "url: postgresql://rm@db/shop",
        "url: postgresql://rm:${PW}@db/shop",
    ],
)
def test_secrets_as_they_should_be(load: Load, line: str) -> None:
    text = f"{FOLDER}{CHANNEL}services:\n  pg:\n    type: postgres\n    host: db\n    {line}\n"
    assert load(text, {"PW": "x"}).services["pg"].resolve({"PW": "y"})


def test_a_database_may_have_the_name_of_a_secret(load: Load) -> None:
    config = load(f"{FOLDER}{CHANNEL}services: {{pg: {{rewrite: {{database: {{token: token_clone}}}}}}}}\n")
    assert config.services["pg"].raw == {"rewrite": {"database": {"token": "token_clone"}}}


def test_part_of_a_connection_is_not_mixed_with_that_of_the_catalog(mistakes: Mistakes) -> None:
    assert mistakes(f"{FOLDER}{CHANNEL}services: {{pg: {{password: ${{PW}}, rewrit: {{}}}}}}\n", {"PW": "x"}) == [
        "3: services.pg.password: belongs to a connection, and this service has that of the catalog;"
        " to connect with this one, write the type of the system and the whole connection here",
        "3: services.pg.rewrit: unknown key; did you mean rewrite?",
    ]


def test_options_that_are_no_part_of_a_connection_are_laid_over_that_of_the_catalog(load: Load) -> None:
    config = load(f"{FOLDER}{CHANNEL}services: {{pg: {{lock_timeout: ${{WAIT}}, rewrite: {{}}}}}}\n", {"WAIT": "7"})
    options = config.services["pg"].resolve({"WAIT": "9"})
    assert options.model_dump(exclude_unset=True) == {"lock_timeout": "9", "rewrite": {}}


def test_a_rule_of_a_connector_is_told_in_its_words(mistakes: Mistakes) -> None:
    assert mistakes(f"{FOLDER}{CHANNEL}services:\n  pg:\n    type: postgres\n    port: 0\n") == [
        "6: services.pg.port: must be at least 1, not the number 0"
    ]
    assert mistakes(f"{FOLDER}{CHANNEL}services:\n  pg: {{type: postgres}}\n") == [
        "4: services.pg: give either `url` or `host`: without one there is no server to connect to"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: catalog: this key is missing; it says where descriptions come from", "1: channels: must be a list"]),
        ("- a", ["1: the file must be a mapping with the keys catalog, ledger, services, channels"]),
        (f"{FOLDER}{CHANNEL}chanels: []", ["3: chanels: unknown key; did you mean channels?"]),
        (
            f"{FOLDER}{CHANNEL}colour: red",
            ["3: colour: unknown key; the keys here are catalog, ledger, services, channels"],
        ),
        (f"catalog: folder\n{CHANNEL}", ["1: catalog: must be a mapping"]),
        (
            f"catalog: {{path: x}}\n{CHANNEL}",
            ["1: catalog.type: this key is missing; write one of openmetadata, folder"],
        ),
        (
            f"catalog:\n  type: foldr\n{CHANNEL}",
            ["2: catalog.type: must be one of openmetadata, folder, not 'foldr'; did you mean folder?"],
        ),
        (f"catalog: {{type: folder}}\n{CHANNEL}", ["1: catalog.path: this key is missing"]),
        (
            f"{FOLDER}{CHANNEL}services: [a]",
            ["3: services: must be a mapping from the catalog's name of a service to "],
        ),
        (f"{FOLDER}{CHANNEL}services: {{a: b}}", ["3: services.a: must be a mapping"]),
        (
            f"{FOLDER}{CHANNEL}ledger: 5",
            ["3: ledger: must be the URL of a database, a mapping with url and keep, or null"],
        ),
        (f"{FOLDER}{CHANNEL}ledger: mysql://x/y", ["3: ledger: must begin with sqlite:/// or postgresql+psycopg2://"]),
        (f"{FOLDER}{CHANNEL}ledger: 'sqlite://'", ["3: ledger: a ledger in memory forgets at the end of each run; "]),
        (
            f"{FOLDER}{CHANNEL}ledger: postgresql://a:b@c/d",
            ["3: ledger: a password must not stand in this file; write it as ${SOME_VARIABLE} within the URL"],
        ),
        (
            f"{FOLDER}{CHANNEL}ledger:\n  url: postgresql://a:b@c/d\n  keep: 1\n  kep: 2",
            [
                "4: ledger.url: a password must not stand in this file; write it as ${SOME_VARIABLE} within the URL",
                "5: ledger.keep: must be at least 7, not the number 1",
                "6: ledger.kep: unknown key; did you mean keep?",
            ],
        ),
        (f"{FOLDER}{CHANNEL}ledger: {{url: mysql://x/y}}", ["3: ledger.url: must begin with sqlite:/// or "]),
        (f"{FOLDER}{CHANNEL}ledger: {{url: 5}}", ["3: ledger.url: must be text, not the number 5"]),
        (f"{FOLDER}{CHANNEL}ledger: {{keep: soon}}", ["3: ledger.keep: must be a whole number, not 'soon'"]),
        (
            f"{FOLDER}channels: []",
            ["2: channels: must be a list with at least one channel, or with files of channels "],
        ),
        (f"{FOLDER}channels: [[]]", ["2: channels[0]: a channel is a mapping, and its first key is name"]),
        (f"{FOLDER}channels:\n  - name: ''", ["3: channels[0].name: must not be empty"]),
        (f"{FOLDER}channels:\n  - name:", ["3: channels[0].name: must be text, not empty"]),
        (f"{FOLDER}channels:\n  - name: on", ["3: channels[0].name: must be text, not true; put it in quotes"]),
        (
            f"{FOLDER}channels:\n  - {{name: a, update_descriptions: false}}",
            ["3: channels[0]: nothing would be pushed; set update_descriptions, update_owners or update_tags to true"],
        ),
        (f"{FOLDER}channels:\n  - {{name: a, owners: ada}}", ["3: channels[0].owners: must be a mapping, not 'ada'"]),
        (
            f"{FOLDER}channels:\n  - {{name: a, owners: {{allow: x}}}}",
            ["3: channels[0].owners.allow: must be a list, not 'x'"],
        ),
        (
            f"{FOLDER}channels:\n  - {{name: a, max_parallel: 1.5}}",
            ["3: channels[0].max_parallel: must be a whole number, "],
        ),
        (
            f"{FOLDER}channels:\n\t- name: a",
            ["3:1: this is not valid YAML: found character that cannot start any token; "],
        ),
    ],
)
def test_mistakes(mistakes: Mistakes, text: str, expected: list[str]) -> None:
    found = mistakes(text)
    assert len(found) == len(expected)
    assert all(one.startswith(other) for one, other in zip(found, expected, strict=True)), found


def test_channels_in_files(load: Load) -> None:
    config = load(
        FOLDER + 'channels: ["channels/*.yaml", {name: inline}]\n',
        **{"channels/b.yaml": "- name: b1\n- name: b2\n", "channels/a.yaml": "name: a\n", "channels/c.yml": "x"},
    )
    assert [channel.name for channel in config.channels] == ["a", "b1", "b2", "inline"]


def test_mistakes_in_files_of_channels(mistakes: Mistakes) -> None:
    assert mistakes(
        FOLDER + 'channels: ["channels/*.yaml", "${PLACE:-teams}/*.yaml"]\nledgr: x\n',
        **{
            "channels/a.yaml": "name: a\n\non_conflct: keep\n",
            "channels/b.yaml": "- name: b\n- name: b\n  max_parallel: 0\n",
            "channels/c.yaml": "name: c: d\n",
            "channels/d.yaml": "",
        },
    ) == [
        "2: channels[1]: no file matches 'teams/*.yaml', seen from the directory of this file",
        "3: ledgr: unknown key; did you mean ledger?",
        "channels/a.yaml:3: on_conflct: unknown key; did you mean on_conflict?",
        "channels/b.yaml:3: [1].max_parallel: must be at least 1, not the number 0",
        "channels/c.yaml:1:8: this is not valid YAML: mapping values are not allowed in this context;"
        " a text that contains a colon and a blank needs quotes; otherwise the indentation does not fit the line above",
        "channels/d.yaml:1: a channel is a mapping, and its first key is name",
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["pii tags", "pii-tags"],
            "channels[1].name: Dagster calls 'pii-tags' 'pii_tags', which is also what Dagster calls the channel"
            " 'pii tags'; rename the channel",
        ),
        (
            ["preflight"],
            "channels[0].name: Dagster calls 'preflight' 'preflight', which is the name of a job of reverse_metadata;"
            " rename the channel",
        ),
        (
            ["prune ledger"],
            "channels[0].name: Dagster calls 'prune ledger' 'prune_ledger', which is the name of a job of"
            " reverse_metadata; rename the channel",
        ),
        (
            ["shop", "shop sync"],
            "channels[1].name: Dagster calls 'shop sync' 'shop_sync', which the channel 'shop' needs;"
            " rename one of the two",
        ),
        (
            ["shop_on_change", "shop"],
            "channels[0].name: Dagster calls 'shop_on_change' 'shop_on_change', which the channel 'shop' needs;"
            " rename one of the two",
        ),
    ],
)
def test_channels_with_the_same_name_in_dagster(mistakes: Mistakes, names: list[str], expected: str) -> None:
    channels = json.dumps([{"name": name} for name in names])
    assert mistakes(f"{FOLDER}channels: {channels}") == [f"2: {expected}"]


def test_services_with_the_same_name_in_dagster(mistakes: Mistakes) -> None:
    text = FOLDER + CHANNEL + "services:\n" + "".join(f"  {name}: {{}}\n" for name in ("a.b", "a-b", "ledger"))
    assert mistakes(text) == [
        "5: services.a-b: Dagster calls 'a-b' 'a_b', which is also what Dagster calls the service 'a.b'",
        "6: services.ledger: Dagster calls 'ledger' 'ledger', which is a resource of reverse_metadata itself;"
        " rename it in the catalog",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop_pg", "shop_pg"),
        ("_private_", "_private_"),
        ("PII tags (prod)", "PII_tags_prod"),
        ("Überblick", "Uberblick"),
        ("2026", "_2026"),
        ("config", "config_"),
        ("class", "class_"),
        ("顧客", "name_40b3e4e1"),
        ("!!!", "name_e84c538e"),
    ],
)
def test_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text(min_size=1))
def test_every_slug_is_a_name_that_dagster_and_python_take(name: str) -> None:
    result = slug(name)
    assert result.isascii()
    assert result.isidentifier()
    assert result not in DISALLOWED_NAMES
    assert slug(result) == result


@pytest.mark.parametrize(
    "cron",
    [
        "0 2 * * *",
        "*/15 * * * *",
        "0,30 8-18 * * mon-fri",
        "5 4 1,15 * 7",
        "0 0 1 JAN *",
        "0-20/5 1 * * sun",
        "0 2 * * 0",
    ],
)
def test_schedules_that_dagster_takes(cron: str) -> None:
    assert check_cron(cron) == cron
    assert is_valid_cron_schedule(cron)


@pytest.mark.parametrize(
    "cron",
    [
        *("", "nightly", "* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8"),
        *("0 5-3 * * *", "x * * * *", "*/0 * * * *", "0 2 * * * *", "1,,2 * * * *"),
    ],
)
def test_schedules_that_are_none(cron: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        check_cron(cron)


@given(
    st.lists(
        st.sampled_from(["*", "0", "7", "12", "31", "59", "*/5", "1-5", "1,2", "mon", "jan", "5-1", "60"]),
        min_size=5,
        max_size=5,
    )
)
def test_whatever_schedule_is_accepted_dagster_accepts_too(fields: list[str]) -> None:
    cron = " ".join(fields)
    try:
        check_cron(cron)
    except ValueError:
        return
    assert is_valid_cron_schedule(cron)


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config({}) is None
    (tmp_path / "reverse_metadata.yaml").write_text(FOLDER + CHANNEL)
    assert find_config({}) == Path("reverse_metadata.yaml")
    assert find_config({"REVERSE_METADATA_CONFIG": "/etc/rm.yaml"}) == Path("/etc/rm.yaml")


def test_without_a_file_it_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        load_config(environ={})
    assert raised.value.mistakes == [HOW_TO_BEGIN]
    assert "reverse_metadata.yaml" in HOW_TO_BEGIN
    assert "make demo" in HOW_TO_BEGIN


def test_the_example_for_beginners_is_right(load: Load) -> None:
    example = HOW_TO_BEGIN.partition("for example\n\n")[2].partition("\n\nor name")[0]
    config = load(example, {"OPENMETADATA_TOKEN": "x"})
    assert [channel.name for channel in config.channels] == ["descriptions"]


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        load_config(environ={"REVERSE_METADATA_CONFIG": "conf/rm.yaml"})
    assert raised.value.mistakes == ["conf/rm.yaml: there is no such file; REVERSE_METADATA_CONFIG names it"]
    with pytest.raises(ConfigurationError) as raised:
        load_config("other.yaml", {})
    assert raised.value.mistakes == ["other.yaml: there is no such file"]


def test_an_unknown_channel(load: Load) -> None:
    config = load(FOLDER + "channels: [{name: shop}, {name: crm}]")
    with pytest.raises(ConfigurationError) as raised:
        config.channel("shp")
    assert raised.value.mistakes == ["there is no channel 'shp'; did you mean shop?"]
    with pytest.raises(ConfigurationError) as raised:
        config.channel("x")
    assert raised.value.mistakes == ["there is no channel 'x'; the channels are shop, crm"]


@pytest.mark.parametrize("keep", ["90", '"${KEEP}"'])
def test_the_ledger_as_a_mapping_keeps_its_variables(load: Load, keep: str) -> None:
    environ = {"LEDGER": secrets.token_hex(8), "KEEP": "90"}
    text = f"{FOLDER}{CHANNEL}ledger: {{url: 'postgresql://rm:${{LEDGER}}@db/ledger', keep: {keep}}}\n"
    config = load(text, environ)
    assert config.ledger == LedgerOptions(url="postgresql://rm:${LEDGER}@db/ledger", keep=90)
    assert ledger_url(config, environ) == f"postgresql://rm:{environ['LEDGER']}@db/ledger"


def test_the_ledger_may_say_only_how_long_it_keeps(load: Load, tmp_path: Path) -> None:
    config = load(f"{FOLDER}{CHANNEL}ledger: {{keep: 365}}\n")
    assert config.ledger == LedgerOptions(url=None, keep=365)
    assert ledger_url(config, {}) == f"sqlite:///{tmp_path}/reverse_metadata_ledger.sqlite"


def test_where_the_ledger_is(load: Load, tmp_path: Path) -> None:
    default = load(FOLDER + CHANNEL)
    assert ledger_url(default, {}) == f"sqlite:///{tmp_path}/reverse_metadata_ledger.sqlite"
    assert (
        ledger_url(default, {"DAGSTER_HOME": "/opt/dagster"}) == "sqlite:////opt/dagster/reverse_metadata_ledger.sqlite"
    )
    relative = load(FOLDER + CHANNEL + "ledger: sqlite:///state/ledger.db")
    assert ledger_url(relative, {"DAGSTER_HOME": "/opt/dagster"}) == f"sqlite:///{tmp_path}/state/ledger.db"
    absolute = load(FOLDER + CHANNEL + "ledger: sqlite:////var/lib/ledger.db")
    assert ledger_url(absolute, {}) == "sqlite:////var/lib/ledger.db"
    server = load(FOLDER + CHANNEL + "ledger: ${LEDGER}", {"LEDGER": "postgresql+psycopg2://a@b/c"})
    with pytest.raises(ConfigurationError) as raised:
        ledger_url(server, {})
    assert raised.value.mistakes == [
        "ledger: the environment variable LEDGER is not set; set it, or write ${LEDGER:-default}"
    ]


def test_every_key_is_described() -> None:
    assert "|  |" not in reference()
    schema = json.loads(schema_json())
    channel = schema["properties"]["channels"]["items"]["oneOf"][1]
    assert all(key.get("description") or "$ref" in key for key in channel["properties"].values())


def test_the_schema_takes_variables_where_numbers_stand() -> None:
    schema = json.loads(schema_json())
    channel = schema["properties"]["channels"]["items"]["oneOf"][1]
    assert channel["properties"]["max_parallel"]["anyOf"] == [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"\$\{"},
    ]
    assert channel["properties"]["filter"]["$ref"] == "#/$defs/Filter"
    assert [block["properties"]["type"] for block in schema["properties"]["catalog"]["oneOf"]] == [
        {"const": "openmetadata"},
        {"const": "folder"},
    ]


def test_choices_that_are_numbers_are_listed(mistakes: Mistakes) -> None:
    [found] = mistakes(f"{FOLDER}{CHANNEL}services: {{ch: {{type: clickhouse, host: db, alter_sync: 5}}}}\n")
    assert found.endswith("services.ch.alter_sync: must be one of 0, 1, 2, not the number 5")
