"""Signs in to AWS and calls its services through boto3."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from reverse_metadata.connectors.athena.options import AthenaOptions, Service
from reverse_metadata.connectors.aws import Unreachable, refused
from reverse_metadata.connectors.aws_credentials import assumed, sign_in
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.errors import Reason, SourceError

#: A role's session is opened anew when it has less than this left: no call outlives it.
_SPARE = timedelta(minutes=5)


class Call(Protocol):
    """Calls an action of a service and gives its answer: `call("glue", "get_table", "reading it", Name="orders")`.

    `what` is for messages. Raises SourceError.
    """

    def __call__(self, service: Service, action: str, what: str, **parameters: Any) -> dict[str, Any]: ...


class Clients:
    """The clients of one service block, each made when it is needed first. Not to be shared by threads."""

    def __init__(self, options: AthenaOptions) -> None:
        self._options = options
        self._session: Any = None
        self._expires: datetime | None = None
        self._made: dict[Service, Any] = {}
        options.register_secrets()

    def close(self) -> None:
        """Close every client. Safe to call twice."""
        self._session = self._expires = None
        while self._made:
            self._made.popitem()[1].close()

    def call(self, service: Service, action: str, what: str, **parameters: Any) -> dict[str, Any]:
        """See `Call`."""
        client = self._client(service)
        try:
            answer: dict[str, Any] = getattr(client, action)(**parameters)
        except KeyError:
            # botocore's way to say that an answer in XML is another one than it expects.
            message = (
                f"{what}: what answers is not AWS. Check endpoint_url and the way there; the next run tries again."
            )
            raise Unreachable(Reason.CONNECTION, message) from None
        except Exception as error:
            raise refused(error, what) from None
        return answer

    def shape(self, name: str) -> Any:
        """What botocore knows of a structure of Glue: `TableInput`. Raises SourceError."""
        return self._client("glue").meta.service_model.shape_for(name)

    @cached_property
    def region(self) -> str:
        """The region that is called. Raises SourceError."""
        return str(self._client("glue").meta.region_name)

    @cached_property
    def partition(self) -> str:
        """AWS's own word for the world that the region is in: `aws`, `aws-cn`. Raises SourceError."""
        return str(self._client("glue").meta.partition)

    @cached_property
    def caller(self) -> tuple[str, str]:
        """The account and ARN of whoever signs. Raises SourceError.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html needs no permission.
        """
        answer = self.call("sts", "get_caller_identity", "asking who signs")
        return answer["Account"], answer["Arn"]

    def _client(self, service: Service) -> Any:
        if self._expires is not None and datetime.now(UTC) > self._expires - _SPARE:
            self.close()
        if service not in self._made:
            try:
                if self._session is None:
                    self._session = self._signed_in()
                self._made[service] = self._new(self._session, service)
            except SourceError:
                raise
            except Exception as error:
                raise refused(error, "connecting") from None
        return self._made[service]

    def _signed_in(self) -> Any:
        """A session of whoever the options say, of the role where they name one. Raises what boto3 raises."""
        options = self._options
        signed = sign_in(options, "athena")
        if options.assume_role_arn is None:
            return signed
        credentials = assumed(self._new(signed, "sts"), options)
        self._expires = credentials["Expiration"]
        return driver("boto3", "athena").Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=signed.region_name,
        )

    def _new(self, session: Any, service: Service) -> Any:
        """A client. Adaptive retries: https://docs.aws.amazon.com/boto3/latest/guide/retries.html."""
        config = driver("botocore.config", "athena").Config(
            connect_timeout=self._options.connect_timeout,
            read_timeout=self._options.read_timeout,
            retries={"mode": "adaptive", "total_max_attempts": self._options.max_attempts},
            user_agent_extra="reverse_metadata",
        )
        endpoint = self._options.endpoints.get(service, self._options.endpoint_url)
        return session.client(service, endpoint_url=endpoint, config=config)
