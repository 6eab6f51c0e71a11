from typing import Any

import pytest

from reverse_metadata.errors import Unwritable
from reverse_metadata.templates import TemplateError, parse
from reverse_metadata_tests.templates import golden

VALUES, *ROWS = golden.rows("places.yaml")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['dialect']}: {row['place']}")
def test_every_place_in_every_dialect(row: dict[str, Any]) -> None:
    dialect, values = golden.dialect(row["dialect"]), golden.values(VALUES["values"])
    if "refused" in row:
        with pytest.raises(TemplateError) as refused:
            parse(row["template"], dialect)
        assert refused.value.message == row["refused"]
        return
    template = parse(row["template"], dialect)
    if "unwritable" in row:
        with pytest.raises(Unwritable) as unwritable:
            template.render(values)
        assert str(unwritable.value) == row["unwritable"]
        return
    assert template.render(values) == tuple(row["sql"])


@pytest.mark.parametrize("row", golden.rows("published.yaml"), ids=lambda row: row["template"])
def test_what_the_catalogs_vendor_published_works_unchanged(row: dict[str, Any]) -> None:
    template = parse(row["template"], golden.dialect(row["system"]))
    assert template.render(golden.values(row["values"])) == (row["sql"],)
    assert (template.aspect, template.level) == (row["aspect"], row["level"])
