"""What Redshift's driver is told to log in.

Its words: https://github.com/aws/amazon-redshift-python-driver#connection-parameters
"""

from typing import Any

from reverse_metadata.connectors.aws_credentials import assumed, sign_in
from reverse_metadata.connectors.redshift.options import RedshiftOptions
from reverse_metadata.redaction import register_secret

_ALWAYS: dict[str, Any] = {
    # A session that dies must be noticed by either side.
    "tcp_keepalive": True,
    "tcp_keepalive_idle": 30,
    "tcp_keepalive_interval": 10,
    "tcp_keepalive_count": 3,
    # Each statement of ours is another one; kept as prepared they would fill the server.
    "max_prepared_statements": 0,
}


def parameters(options: RedshiftOptions, database: str) -> dict[str, Any]:
    """What `redshift_connector.connect` is told; a role is assumed for it where the options name one.

    Raises SourceError when AWS refuses the role, and what boto3 raises before that.
    """
    register_secret(options.password or "")
    options.register_secrets()
    told: dict[str, Any] = _ALWAYS | {
        "host": options.host,
        "port": options.port,
        "database": database,
        "ssl": options.sslmode != "disable",
        "sslmode": None if options.sslmode == "disable" else options.sslmode,
        "timeout": options.connect_timeout,
        "application_name": options.application_name,
    }
    if options.iam:
        told |= {
            "iam": True,
            # The driver keeps passwords it was given in a cache of the process, until the second they expire.
            "iam_disable_cache": True,
            "db_user": options.username,
            "region": options.region or options.endpoint.region,
            # The driver finds a workgroup in its endpoint by itself, and a cluster only without `iam`.
            "cluster_identifier": options.cluster_identifier or options.endpoint.cluster,
            "is_serverless": True if options.workgroup else None,
            "serverless_work_group": options.workgroup,
        }
        told |= _credentials(options)
    else:
        told |= {"user": options.username, "password": options.password or ""}
    return {name: value for name, value in told.items() if value is not None}


def _credentials(options: RedshiftOptions) -> dict[str, Any]:
    """Whose name AWS is asked in."""
    if options.assume_role_arn is None:
        return {
            "profile": options.profile,
            "access_key_id": options.access_key_id,
            "secret_access_key": options.secret_access_key,
            "session_token": options.session_token,
        }
    signed = sign_in(options, "redshift", options.endpoint.region)
    given = assumed(signed.client("sts"), options)
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }
