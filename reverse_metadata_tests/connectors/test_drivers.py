import json

import pytest

from reverse_metadata.connectors.drivers import driver
from reverse_metadata.errors import Reason, SourceError


def test_a_driver_is_imported() -> None:
    assert driver("json", "nothing") is json


def test_a_driver_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(SourceError) as raised:
        driver("no_such_driver.dbapi", "trino")
    assert raised.value.reason is Reason.OTHER
    assert str(raised.value) == "the driver no_such_driver is not installed: pip install 'reverse-metadata[trino]'"
