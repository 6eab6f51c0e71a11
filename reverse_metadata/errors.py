"""Every error that reverse_metadata raises on purpose.

    ReverseMetadataError
    ├── ConfigurationError          the YAML is wrong; carries every mistake at once
    ├── CatalogError                the catalog could not be read
    │   ├── CatalogUnavailable      no answer, 429 or 5xx: another try may help
    │   ├── CatalogUnauthorized     401: the token is missing, wrong or expired
    │   ├── CatalogForbidden        403: the token is valid and may not read this
    │   ├── CatalogRejected         4xx: the catalog does not understand the request
    │   └── IncompleteListing       a listing ended early or contradicts the ledger
    ├── SourceError                 a database refused or did not answer; see `Reason`
    ├── LedgerError                 the ledger could not be read or written
    │   ├── LeaseBusy               another run holds the schema
    │   └── LeaseLost               this run held the schema and lost it
    ├── ContradictoryChannels       two channels would write the same value differently
    ├── FqnError                    a fully qualified name that cannot be parsed
    ├── Unwritable                  a text or name that a dialect of SQL cannot hold
    ├── TemplateError               a mistake in an SQL template, see `reverse_metadata.templates`
    └── PartitionsFailed            some partitions of a run failed; the others are done

A message says what, where and what to do, and never holds a secret: text that comes from a driver or a
server passes through `reverse_metadata.redaction.redact` first.
"""

from enum import StrEnum


class ReverseMetadataError(Exception):
    """The root of all errors of this project."""


class ConfigurationError(ReverseMetadataError):
    """The configuration is wrong. `mistakes` holds one sentence for each, in the order of the file."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{count} in the configuration:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


class CatalogError(ReverseMetadataError):
    """The catalog could not be read."""


class CatalogUnavailable(CatalogError):
    """No answer, 429 or 5xx after every retry: another run may succeed."""


class CatalogUnauthorized(CatalogError):
    """401: the token is missing, wrong, expired or revoked."""


class CatalogForbidden(CatalogError):
    """403: the token is valid and has no right to read this."""


class CatalogRejected(CatalogError):
    """Another 4xx: the catalog does not understand the request. Never retried."""


class IncompleteListing(CatalogError):
    """A listing ended before its announced total, or contradicts what the ledger knows."""


class Reason(StrEnum):
    """Why a source refused a statement or a read."""

    MISSING_OBJECT = "missing_object"
    MISSING_PRIVILEGE = "missing_privilege"
    LOCK_TIMEOUT = "lock_timeout"
    STATEMENT_TIMEOUT = "statement_timeout"
    SERIALIZATION = "serialization"
    CONNECTION = "connection"
    AUTHENTICATION = "authentication"
    INVALID_VALUE = "invalid_value"
    OTHER = "other"


#: Reasons for which the same statement may succeed a moment later.
TRANSIENT = frozenset({Reason.LOCK_TIMEOUT, Reason.SERIALIZATION, Reason.CONNECTION})


class SourceError(ReverseMetadataError):
    """A database refused a statement or a read, or did not answer."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)

    @property
    def transient(self) -> bool:
        """Whether the same statement may succeed a moment later."""
        return self.reason in TRANSIENT


class LedgerError(ReverseMetadataError):
    """The ledger could not be read or written."""


class NotApproved(ReverseMetadataError):
    """A plan was to be applied that is not the one that waits."""


class ContradictoryChannels(ReverseMetadataError):
    """Two channels would write the same value differently, and neither has the higher priority."""


class LeaseBusy(LedgerError):
    """Another run holds the lease and did not give it back in time."""


class LeaseLost(LedgerError):
    """This run's lease expired and was taken by another; nothing more may be written."""


class FqnError(ReverseMetadataError, ValueError):
    """A fully qualified name that cannot be parsed."""


class Unwritable(ReverseMetadataError):
    """A text or name that a dialect of SQL cannot hold, however it is written."""


class PartitionsFailed(ReverseMetadataError):
    """Some partitions of a run failed; the others are done and recorded."""

    def __init__(self, failures: dict[str, str]) -> None:
        self.failures = failures
        count = "1 partition failed" if len(failures) == 1 else f"{len(failures)} partitions failed"
        super().__init__(f"{count}:\n" + "\n".join(f"  {key}: {message}" for key, message in failures.items()))
