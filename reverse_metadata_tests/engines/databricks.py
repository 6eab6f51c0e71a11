"""A stand-in of ours for a Databricks workspace, which the vendor's own client reaches over its Thrift protocol.

It takes the statements that a writer of metadata may send (`databricks_grammar`), keeps what they change
(`databricks_metastore`) and tells it again (`databricks_answers`); it refuses everything else, and holds no data. It is
written from the vendor's reference, and is NO PROOF of what Databricks accepts: nobody ran it against a workspace.

The wire: https://github.com/databricks/databricks-sql-python, whose generated classes also serve.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any
from uuid import uuid4

from reverse_metadata_tests.engines.databricks_answers import Answers, Row
from reverse_metadata_tests.engines.databricks_grammar import parse
from reverse_metadata_tests.engines.databricks_lexer import Failed
from reverse_metadata_tests.engines.databricks_metastore import Metastore
from reverse_metadata_tests.engines.databricks_statements import Describe, Query, SetParameter, Show
from reverse_metadata_tests.engines.front import Answer, Front, Request

HTTP_PATH = "/sql/1.0/warehouses/0123456789abcdef"
#: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-parameters; a warehouse knows no others.
_PARAMETERS = {
    "ansi_mode",
    "enable_photon",
    "max_file_partition_bytes",
    "query_tags",
    "statement_timeout",
    "timezone",
    "use_cached_result",
    # The client's own.
    "spark.thriftserver.arrowbasedrowset.timestampasstring",
}


class DatabricksStandIn(Front):
    """One workspace. A request is known by the procedure and the statement: `ExecuteStatement COMMENT ON …`."""

    def __init__(self) -> None:
        super().__init__()
        self.metastore = Metastore()
        #: Who logs in with which token.
        self.tokens: dict[str, str] = {}
        self._one_at_a_time = Lock()

    def arguments(self) -> dict[str, Any]:
        """What leads the client here."""
        return {"_port": self.port, "_connection_uri": self.url + HTTP_PATH}

    def token(self, user: str) -> str:
        """A token of the user, who exists from now on."""
        self.metastore.principals.add(user)
        token = f"dapi{uuid4().hex}"
        self.tokens[token] = user
        return token

    def run(self, sql: str, user: str = Metastore.admin) -> list[Row]:
        """What a statement of the user gives. Raises Failed."""
        parsed = parse(sql)
        answers = Answers(self.metastore)
        with self._one_at_a_time:
            match parsed:
                case Query():
                    return answers.query(user, parsed)
                case Show():
                    return answers.show(user, parsed)
                case Describe():
                    return answers.describe(user, parsed)
                case SetParameter():
                    _check_parameters([parsed.name])
                    return [(parsed.name, parsed.value)]
            self.metastore.change(user, parsed)
            return []

    @property
    def statements(self) -> list[str]:
        """Every statement that was sent, in order."""
        begin = "ExecuteStatement "
        return [name.removeprefix(begin) for name in self.requests if name.startswith(begin)]

    def name(self, request: Request) -> str:
        """`OpenSession`, `ExecuteStatement SELECT …`."""
        procedure, arguments = _called(request.body)
        statement = f" {arguments.req.statement}" if procedure == "ExecuteStatement" else ""
        return f"{procedure}{statement}"

    def answer(self, request: Request) -> Answer:
        """Carry it out, or refuse a token that nobody has."""
        user = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            reason = {"X-Databricks-Reason-Phrase": "Invalid access token."}
            return Answer(403, b'{"error_code":"403","message":"Invalid access token."}', reason)
        transports = import_module("thrift.transport.TTransport")
        protocols = import_module("thrift.protocol.TBinaryProtocol")
        service = import_module("databricks.sql.thrift_api.TCLIService.TCLIService")
        answered = transports.TMemoryBuffer()
        service.Processor(_Service(self, user)).process(
            protocols.TBinaryProtocol(transports.TMemoryBuffer(request.body)), protocols.TBinaryProtocol(answered)
        )
        return Answer(200, answered.getvalue(), {"Content-Type": "application/x-thrift"})


class _Service:
    """The procedures that the client calls. Everything is answered with the statement itself."""

    def __init__(self, workspace: DatabricksStandIn, user: str) -> None:
        self._workspace, self._user = workspace, user
        self._types = import_module("databricks.sql.thrift_api.TCLIService.ttypes")
        self._done = self._types.TStatus(self._types.TStatusCode.SUCCESS_STATUS)

    def OpenSession(self, request: Any) -> Any:
        types = self._types
        try:
            _check_parameters(request.configuration or {})
        except Failed as failed:
            return types.TOpenSessionResp(self._error(failed), types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7)
        handle = types.TSessionHandle(self._identifier(), types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7)
        return types.TOpenSessionResp(
            status=self._done,
            serverProtocolVersion=types.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            sessionHandle=handle,
            configuration={},
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, request: Any) -> Any:
        return self._types.TCloseSessionResp(self._done)

    def CloseOperation(self, request: Any) -> Any:
        return self._types.TCloseOperationResp(self._done)

    def ExecuteStatement(self, request: Any) -> Any:
        types = self._types
        handle = types.TOperationHandle(self._identifier(), types.TOperationType.EXECUTE_STATEMENT, True)
        try:
            rows = self._workspace.run(request.statement, self._user)
        except Failed as failed:
            state = types.TGetOperationStatusResp(
                status=self._done,
                operationState=types.TOperationState.ERROR_STATE,
                displayMessage=failed.message,
                diagnosticInfo=f"org.apache.hive.service.cli.HiveSQLException: {request.statement}",
            )
            direct = types.TSparkDirectResults(operationStatus=state)
        else:
            state = types.TGetOperationStatusResp(self._done, operationState=types.TOperationState.FINISHED_STATE)
            metadata, results = self._table(rows)
            direct = types.TSparkDirectResults(
                operationStatus=state,
                resultSetMetadata=metadata,
                resultSet=types.TFetchResultsResp(self._done, hasMoreRows=False, results=results),
                closeOperation=types.TCloseOperationResp(self._done),
            )
        return types.TExecuteStatementResp(self._done, operationHandle=handle, directResults=direct)

    def _table(self, rows: Sequence[Row]) -> tuple[Any, Any]:
        """Rows as columns of text, numbers and truth values."""
        types = self._types
        columns, described = [], []
        for number in range(len(rows[0]) if rows else 0):
            values = [row[number] for row in rows]
            kind, column = self._column(values)
            entry = types.TTypeEntry(primitiveEntry=types.TPrimitiveTypeEntry(kind))
            described.append(types.TColumnDesc(f"c{number}", types.TTypeDesc([entry]), number + 1))
            columns.append(column)
        metadata = types.TGetResultSetMetadataResp(
            status=self._done,
            schema=types.TTableSchema(described),
            resultFormat=types.TSparkRowSetType.COLUMN_BASED_SET,
            lz4Compressed=False,
            isStagingOperation=False,
        )
        return metadata, types.TRowSet(startRowOffset=0, rows=[], columns=columns)

    def _column(self, values: list[Any]) -> tuple[Any, Any]:
        types = self._types
        nulls = bytearray((len(values) + 7) // 8)
        for position, value in enumerate(values):
            if value is None:
                nulls[position // 8] |= 1 << position % 8
        if any(isinstance(value, bool) for value in values):
            filled = types.TBoolColumn([bool(value) for value in values], bytes(nulls))
            return types.TTypeId.BOOLEAN_TYPE, types.TColumn(boolVal=filled)
        if any(isinstance(value, int) for value in values):
            numbers = types.TI64Column([value or 0 for value in values], bytes(nulls))
            return types.TTypeId.BIGINT_TYPE, types.TColumn(i64Val=numbers)
        texts = types.TStringColumn(["" if value is None else str(value) for value in values], bytes(nulls))
        return types.TTypeId.STRING_TYPE, types.TColumn(stringVal=texts)

    def _error(self, failed: Failed) -> Any:
        return self._types.TStatus(self._types.TStatusCode.ERROR_STATUS, errorMessage=failed.message)

    def _identifier(self) -> Any:
        return self._types.THandleIdentifier(uuid4().bytes, uuid4().bytes)


def _called(body: bytes) -> tuple[str, Any]:
    """The procedure that a message calls, and its arguments."""
    transports = import_module("thrift.transport.TTransport")
    service = import_module("databricks.sql.thrift_api.TCLIService.TCLIService")
    protocol = import_module("thrift.protocol.TBinaryProtocol").TBinaryProtocol(transports.TMemoryBuffer(body))
    procedure, _, _ = protocol.readMessageBegin()
    arguments = getattr(service, f"{procedure}_args")()
    arguments.read(protocol)
    return procedure, arguments


def _check_parameters(names: Sequence[str] | dict[str, str]) -> None:
    for name in names:
        if name.lower() not in _PARAMETERS:
            raise Failed(f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I")


@contextmanager
def databricks() -> Iterator[DatabricksStandIn]:
    """A workspace with a metastore that holds nothing."""
    with DatabricksStandIn() as front:
        yield front
