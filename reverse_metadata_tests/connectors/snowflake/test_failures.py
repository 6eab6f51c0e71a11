"""What the driver's errors mean."""

from secrets import token_hex

import pytest
from snowflake.connector import errors

from reverse_metadata.connectors.snowflake import failures
from reverse_metadata.errors import Reason
from reverse_metadata.redaction import register_secret


def meaning(
    code: int | str | None, state: str = "", message: str = "no", kind: type = errors.ProgrammingError
) -> Reason:
    refusal = failures.refusal(kind(msg=message, errno=code, sqlstate=state))
    assert refusal is not None
    return refusal.reason


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (2003, "02000", Reason.MISSING_OBJECT),
        (2043, "02000", Reason.MISSING_OBJECT),
        (904, "42000", Reason.MISSING_OBJECT),
        (2203, "02000", Reason.MISSING_OBJECT),
        (91367, "42601", Reason.MISSING_OBJECT),
        (3001, "42501", Reason.MISSING_PRIVILEGE),
        (625, "57014", Reason.LOCK_TIMEOUT),
        (390102, "08001", Reason.AUTHENTICATION),
        (390318, "08001", Reason.AUTHENTICATION),
        (394400, "08001", Reason.AUTHENTICATION),
        (630, "57014", Reason.STATEMENT_TIMEOUT),
        (604, "57014", Reason.STATEMENT_TIMEOUT),
        (390100, "28000", Reason.AUTHENTICATION),
        (390144, "08001", Reason.AUTHENTICATION),
        (390189, "08001", Reason.AUTHENTICATION),
        (390303, "28000", Reason.AUTHENTICATION),
        (390112, "08001", Reason.CONNECTION),
        (390114, "08001", Reason.CONNECTION),
        (250001, "08001", Reason.CONNECTION),
        (1003, "42000", Reason.OTHER),
        (391801, "22023", Reason.OTHER),
        (999999, "", Reason.OTHER),
        (None, "", Reason.OTHER),
    ],
)
def test_codes(code: int | None, state: str, reason: Reason) -> None:
    assert meaning(code, state) is reason


def test_only_what_may_pass_is_tried_again() -> None:
    transient = [code for code in (2003, 3001, 604, 630, 625, 390112, 250001, 1003) if _transient(code)]
    assert transient == [625, 390112, 250001]


def _transient(code: int) -> bool:
    refusal = failures.refusal(errors.ProgrammingError(msg="no", errno=code))
    assert refusal is not None
    return refusal.error("writing").transient


def test_what_the_driver_cannot_number_is_the_connection() -> None:
    assert meaning(None, kind=errors.OperationalError) is Reason.CONNECTION
    assert meaning(None, kind=errors.InterfaceError) is Reason.CONNECTION
    assert failures.refusal(KeyError("x")) is None


@pytest.mark.parametrize(
    ("code", "message", "spoils"),
    [
        (2003, "SQL compilation error:\nTable 'D.S.T' does not exist or not authorized.", True),
        (2003, "SQL compilation error:\nTag 'G.T.PII' does not exist or not authorized.", False),
        (2203, "SQL compilation error:\nObject found is of type 'VIEW', not specified type 'TABLE'.", True),
        (904, "SQL compilation error: error line 1\ninvalid identifier 'X'", False),
        (3001, "SQL access control error:\nInsufficient privileges to operate on table 'T'.", False),
    ],
)
def test_what_spoils_a_table(code: int, message: str, spoils: bool) -> None:
    refusal = failures.refusal(errors.ProgrammingError(msg=message, errno=code, sqlstate="02000"))
    assert refusal is not None
    assert refusal.spoils_table is spoils


def test_messages_are_one_line_without_secrets_and_name_the_query() -> None:
    secret = token_hex(8)
    register_secret(secret)
    error = errors.ProgrammingError(
        msg=f"SQL compilation error:\nTable 'T'\n{secret} does not exist or not authorized.", errno=2003, sfqid="01b-2"
    )
    refusal = failures.refusal(error)
    assert refusal is not None
    assert secret not in refusal.message
    assert refusal.message.startswith("Table 'T' ")
    assert refusal.message.endswith("does not exist or not authorized (query 01b-2)")


def test_what_to_do_is_said() -> None:
    refusal = failures.refusal(errors.ProgrammingError(msg="Unsupported feature 'TAG'.", errno=2, sqlstate="0A000"))
    assert refusal is not None
    assert refusal.message.endswith("tags begin with Enterprise Edition")
