"""What a refusal of any source means, and how people are told."""

from collections.abc import Iterable
from dataclasses import dataclass

from reverse_metadata.connectors.base import Missing
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Statement
from reverse_metadata.redaction import redact

_ADVICE = {
    Reason.MISSING_OBJECT: "It was dropped, or made anew as something else, since it was read; the next run reads it.",
    Reason.LOCK_TIMEOUT: "Another session holds a lock on it for longer than lock_timeout; the next run tries again.",
    Reason.STATEMENT_TIMEOUT: "It was cancelled, or took longer than statement_timeout.",
    Reason.SERIALIZATION: "Another session changed it at the same moment; the next run tries again.",
    Reason.INVALID_VALUE: "The database's encoding has no such character.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error of a driver means: `message` is the server's own sentence, without secrets.

    With `spoils_table` no other statement on the same table can succeed either.
    """

    reason: Reason
    message: str
    spoils_table: bool = False

    def error(self, what: str, advice: str = "") -> SourceError:
        """The error for what was attempted: `reading schema sales`. `advice` takes the place of the usual one."""
        told = advice or _ADVICE.get(self.reason, "")
        said = self.message if self.message.endswith("?") else f"{self.message.rstrip('.')}."
        return SourceError(self.reason, f"{what}: {said}{told and ' '}{told}")


def told(error: object) -> str:
    """An error of a driver as one line without secrets."""
    # Twice: a secret may have blanks in it, and a pair of key and value may stand on two lines.
    return redact(" ".join(redact(str(error)).split()) or type(error).__name__)


def named(statement: Statement) -> str:
    """The statement as far as it names its object: the rest may be 64 kB of description."""
    if statement.aspect is Aspect.OWNER:
        return statement.text
    begins = statement.text.partition(" IS ")[0].splitlines()[0]
    return begins if len(begins) <= 200 else f"{begins[:200]}…"


def granting(missing: Iterable[Missing]) -> str:
    """A sentence with everything that gives what is missing; "" when nothing is."""
    listed = list(missing)
    grants = dict.fromkeys(grant for each in listed for grant in each.grants)
    if grants:
        return f"What is missing: {' '.join(grants)}"
    return " ".join(dict.fromkeys(each.what for each in listed))
