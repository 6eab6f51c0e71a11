from pathlib import Path

import pytest

from reverse_metadata.documents import DocumentError, Duplicate, parse_yaml, read_json, read_yaml, spell


def test_every_value_has_its_line() -> None:
    document = parse_yaml("a: 1\nb:\n  - c: 2\n    d: 3\n  - 4\n", "f.yaml")
    assert document.value == {"a": 1, "b": [{"c": 2, "d": 3}, 4]}
    assert document.lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "c"): 3, ("b", 0, "d"): 4, ("b", 1): 5}
    assert document.line(("b", 0, "missing")) == 3
    assert document.line(("missing",)) == 1


def test_a_key_that_stands_twice_is_noticed() -> None:
    document = parse_yaml("a: {b: 1,\n b: 2}\n", "f.yaml")
    assert document.duplicates == (Duplicate(("a", "b"), 1, 2),)


def test_dates_are_text_and_keys_are_what_is_written() -> None:
    document = parse_yaml("on: 2024-01-01\n1: 2024-01-01T00:00:00Z\n2024-01-01: ~\n", "f.yaml")
    assert document.value == {"on": "2024-01-01", "1": "2024-01-01T00:00:00Z", "2024-01-01": None}


def test_variables_need_no_quotes_wherever_they_stand() -> None:
    document = parse_yaml("a: {b: ${B}, c: [${C:-d}, $${E}]}\nf: x${F}\n${G}: 1\n", "f.yaml")
    assert document.value == {"a": {"b": "${B}", "c": ["${C:-d}", "$${E}"]}, "f": "x${F}", "${G}": 1}


def test_private_characters_of_the_author_stay() -> None:
    assert parse_yaml("a: \ue000x\ue001\n", "f.yaml").value == {"a": "\ue000x\ue001"}


def test_anchors_and_merged_mappings() -> None:
    document = parse_yaml("base: &base {x: 1, y: 2}\nother: {<<: *base, y: 3}\n", "f.yaml")
    assert document.value["other"] == {"x": 1, "y": 3}
    assert document.duplicates == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "f.yaml:2:1: this is not valid YAML: found character that cannot start any token; indent with"),
        (
            "a: [1, 2\nb: 3",
            "f.yaml:2:2: this is not valid YAML: did not find expected ',' or ']'; a bracket or brace is",
        ),
        ("a: 'x\nb: 2", "f.yaml:2:5: this is not valid YAML: found unexpected end of stream; a quote is opened and"),
        (
            "a:\n  b: 1\n c: 2",
            "f.yaml:3:2: this is not valid YAML: did not find expected key; the indentation does not",
        ),
        ("a: &x [*x]", "f.yaml:1:4: this is not valid YAML: an anchor contains itself"),
        ("? [1]\n: 2", "f.yaml:1:3: this is not valid YAML: a key must be plain text"),
        ("a: 1\nb: \x01", "f.yaml:2: this is not valid YAML: a control character stands here"),
        ("a: !!python/object:os.system x", "f.yaml:1:4: this is not valid YAML: could not determine a constructor"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: this is not valid YAML: but found another document"),
    ],
)
def test_what_is_no_yaml_is_told_in_words(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as raised:
        parse_yaml(text, "f.yaml")
    assert str(raised.value).startswith(message)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: caf\xc3\xa9\r\n")
    (tmp_path / "a.json").write_text('{"a": "\\ud83e\\udd89\\t"}', encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml", "shown").value == {"a": "café"}
    assert read_yaml(tmp_path / "a.yaml", "shown").label == "shown"
    assert read_json(tmp_path / "a.json").value == {"a": "\N{OWL}\t"}
    with pytest.raises(DocumentError) as raised:
        read_yaml(tmp_path / "absent.yaml", "absent.yaml")
    assert str(raised.value) == "absent.yaml: the file cannot be read: No such file or directory"


def test_places_are_spelled_as_people_write_them() -> None:
    assert spell(("columns", 3, "name")) == "columns[3].name"
    assert spell((0, "name")) == "[0].name"
    assert spell(()) == ""
