"""Hiding keys and passwords in messages, because people paste those into questions and bug reports."""

import os
import re

_HIDDEN = "…"
# Suffixes of the names of variables that hold a secret.
_SECRET_NAMES = re.compile(r"(?i)(KEY|TOKEN|PASSWORD|SECRET|CREDENTIALS)$")
# Shorter values are not secrets but placeholders such as "none", which occur in ordinary text.
_SHORTEST = 6
# A password may contain an unescaped slash or @, so everything up to the last @ is hidden. The http:// in front of it
# may be missing.
_USER_AND_PASSWORD = re.compile(r"(?<=://)\S*@|\b[\w.+%-]+:[^\s/@]+@")
_VALUE_IN_QUERY = re.compile(r"(?<=[?&])([\w.-]*(?:key|token|secret|password|sig)[\w.-]*)=[^&\s)]*", re.IGNORECASE)


def hidden(text: str) -> str:
    """Return `text` with "…" in place of each secret in our environment, and of users, passwords and keys in URLs."""
    secrets = {value.strip() for name, value in os.environ.items() if _SECRET_NAMES.search(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _HIDDEN)
    return _VALUE_IN_QUERY.sub(rf"\1={_HIDDEN}", _USER_AND_PASSWORD.sub(f"{_HIDDEN}@", text))
