"""The environment variables of a child process: those that any program needs, and those that the caller names."""

import os
from collections.abc import Iterable, Mapping

_ANY_PROGRAM = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "TEMP", "TMP"),
    # Network settings: proxies, and the certificates of a private certificate authority.
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"),
    # On Windows, programs do not start without these.
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES"),
    *("USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
}
_ANY_PREFIX = ("LC_", "XDG_", "PYTHON")


def named(names: Iterable[str] = (), prefixes: Iterable[str] = ()) -> dict[str, str]:
    """Return the variables that any program needs, those in `names`, and those that start with one of `prefixes`."""
    wanted, beginnings = _ANY_PROGRAM | set(names), (*_ANY_PREFIX, *prefixes)
    return {name: value for name, value in os.environ.items() if name in wanted or name.startswith(beginnings)}


def without(names: Iterable[str], variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `variables` (by default, this process's environment) without those in `names`."""
    unwanted = set(names)
    return {name: value for name, value in variables.items() if name not in unwanted}
