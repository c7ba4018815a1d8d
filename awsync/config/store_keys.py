"""The keys of the store: its addresses, how it is spoken to, who awsync is there, whom it trusts.

May import: the standard library and the kinds of config, so that `awsync --help` stays quick.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from awsync.config import addresses, durations, secret_values, values
from awsync.config.key import Key, key
from awsync.config.secret_values import SecretRef

PROMETHEUS_URL: Key[str] = key(
    "prometheus-url",
    addresses.STORE_URL,
    "Where to deliver: the base of a server, or a whole write URL (ends in /write, /push or /receive).",
    "http://localhost:9090",
    words="none, it must be set",
    env=("PROMETHEUS_URL",),
    old="--prometheusUrl",
)
QUERY_URL: Key[str] = key(
    "query-url",
    addresses.QUERY_URL,
    "Where the store answers queries (what stands before /api/v1/query), if not where it is written to.",
    "http://localhost:8080/prometheus",
    words="worked out from prometheus-url, where that tells it",
)
TIMEOUT: Key[timedelta] = key(
    "timeout",
    durations.duration("30s", positive=True),
    "How long to wait for the store to answer one request.",
    "30s",
    default="30s",
)
PROTOCOL: Key[str] = key(
    "protocol",
    values.choice("auto", "1.0", "2.0"),
    "Remote write version; auto takes 2.0 where the store proves that it speaks it.",
    "auto",
    default="auto",
)
BEARER_TOKEN: Key[SecretRef] = key(
    "bearer-token",
    secret_values.SECRET,
    "Token for the store (Authorization: Bearer).",
    "secret",
    env=("PROMETHEUS_AUTH", "PROMETHEUS_SECRET_KEY"),
    flag=None,
)
BEARER_TOKEN_FILE: Key[Path] = key(
    "bearer-token-file", values.PATH, "A file that holds that token.", "/run/secrets/store-token"
)
USERNAME: Key[str] = key(
    "username", values.text("NAME", "anna"), "User name for the store (basic authentication).", "anna"
)
PASSWORD: Key[SecretRef] = key(
    "password", secret_values.SECRET, "Password of that user.", "secret", flag=None
)
PASSWORD_FILE: Key[Path] = key(
    "password-file", values.PATH, "A file that holds that password.", "/run/secrets/store-password"
)
HEADERS: Key[Mapping[str, SecretRef]] = key(
    "headers",
    secret_values.HEADERS,
    "More HTTP headers for the store, such as a tenant; a value may be { file = ... } or { env = ... }.",
    {"X-Scope-OrgID": "team"},
    default={},
    flag="--header",
)
CA_FILE: Key[Path] = key(
    "ca-file", values.PATH, "Certificates (PEM) to trust for the store instead of the usual ones.", "ca.pem"
)
CLIENT_CERT_FILE: Key[Path] = key(
    "client-cert-file", values.PATH, "Certificate (PEM) that awsync shows to the store.", "client.pem"
)
CLIENT_KEY_FILE: Key[Path] = key(
    "client-key-file",
    values.PATH,
    "Private key of that certificate, if it is in a file of its own.",
    "client.key",
)
