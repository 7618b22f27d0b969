"""What must not be printed: keys and passwords, which people would send along with a message that they ask about."""

import os
import re

_HIDDEN = "…"
# The ends of the names of variables that hold something secret.
_SECRET_NAMES = re.compile(r"(?i)(KEY|TOKEN|PASSWORD|SECRET|CREDENTIALS)$")
# Shorter ones are no secrets, but "none" and the like, and stand in ordinary words.
_SHORTEST = 6
# A password may hold a slash or an @, which ought to be escaped: everything up to the last @ goes. And somebody may
# forget the http:// before it.
_USER_AND_PASSWORD = re.compile(r"(?<=://)\S*@|\b[\w.+%-]+:[^\s/@]+@")
_VALUE_IN_QUERY = re.compile(r"(?<=[?&])([\w.-]*(?:key|token|secret|password|sig)[\w.-]*)=[^&\s)]*", re.IGNORECASE)


def hidden(text: str) -> str:
    """Return `text` with "…" for each key in our environment, and for users, passwords and keys in addresses."""
    secrets = {value.strip() for name, value in os.environ.items() if _SECRET_NAMES.search(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _HIDDEN)
    return _VALUE_IN_QUERY.sub(rf"\1={_HIDDEN}", _USER_AND_PASSWORD.sub(f"{_HIDDEN}@", text))
