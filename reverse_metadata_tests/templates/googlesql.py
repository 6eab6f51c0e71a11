"""SQL for BigQuery as it is rendered, for Google's own parser.

The parser is `goccy/go-googlesql` 0.4.0 with all its features. It is too big to be built for the tests, so
what it said stands in `googlesql.json`: [statement, "" or why it is refused]. It knows the syntax and not BigQuery:
that a table is there, or what an option takes. `python -m reverse_metadata_tests.templates.googlesql` prints the
statements, one a line as JSON, to be judged anew.
"""

import json
from pathlib import Path

from reverse_metadata.dialects import dialect_of
from reverse_metadata.errors import Unwritable
from reverse_metadata.templates import Values, parse
from reverse_metadata_tests.templates import golden
from reverse_metadata_tests.templates.injection.forms import SPEECHES

#: What breaks out of one kind of quotes or another, or is read as something else.
_HOSTILE = (
    *("'", "''", "'''", '"', '"""', "`", "\\", "\\'", "'\\", "\\\\'", "\\'''", "\\`", "\\\n", "\\\r\n", "it's"),
    *("'; DROP TABLE t; --", "\\'; DROP TABLE t; --", "`; DROP TABLE t; -- ", "]),('x", "*/ /* #", ";", "r'", "b'"),
    *(
        "\\n \\t \\u0041 \\101 \\x41 \\q \\0 \\x00",
        "one\ntwo",
        "one\r\ntwo\rthree",
        "\ttab\v\f",
        "nul\0",
        "\x1b[31m\x80",
    ),
    *(
        "%s %(name)s {x} ? :x @y @@z",
        "${env:HOME} $$ $tag$",
        "NULL",
        "select",
        "äöü 日本語",
        "🎉👩‍👦",
        "\u202e\u2028\ufeff",
    ),
    *("", " ", "\\'" * 50),
)

#: What the parser must refuse, or its word for the others would be worth nothing.
MISTAKES = (
    "ALTER TABLE t SET OPTIONS (description = 'it''s')",
    "ALTER TABLE t SET OPTIONS (description = 'one\ntwo')",
    "ALTER TABLE t SET OPTIONS (description = '\\q')",
    "ALTER TABLE t SET OPTIONS (description = '\\')",
    "ALTER TABLE t ALTER COLUMN a.b SET OPTIONS (description = 'x')",
    "ALTER TABLE `a``b` SET OPTIONS (description = 'x')",
)


def statements() -> list[str]:
    """The published templates, one value in every place, and hostile values in every form that a template can have."""
    listed = [row["sql"] for row in golden.rows("published.yaml") if row["system"] == "bigquery"]
    for row in golden.rows("places.yaml")[1:]:
        listed += row.get("sql", ()) if row["dialect"] == "bigquery" else ()
    dialect = dialect_of("bigquery")
    for form in SPEECHES["bigquery"].forms:
        template = parse(form.template, dialect)
        for hostile in _HOSTILE:
            name = hostile if hostile and not dialect.unwritable_name.search(hostile) else "a`b\\c\nd'e"
            values = Values(
                database="shop",
                schema=name,
                table=name,
                column=name,
                description=hostile,
                previous=hostile,
                owner=name,
                tag_key=name,
                tag_value=hostile,
                tags=[(hostile, hostile)],
                operation="set",
                service=name,
                fqn=hostile,
                entity_type="column",
                updated_by=hostile,
            )
            try:
                listed += template.render(values)
            except Unwritable:
                continue
    return list(dict.fromkeys(listed))


def judged() -> list[tuple[str, str]]:
    """What the parser was asked, and what it said."""
    file = Path(__file__).with_name("googlesql.json")
    return [(sql, refused) for sql, refused in json.loads(file.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    for statement in (*statements(), *MISTAKES):
        print(json.dumps(statement))
