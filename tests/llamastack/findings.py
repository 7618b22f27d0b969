"""The basis of the reference pages: a probe sends the live server a request, and a finding describes the outcome.

Each table of probes has one for every name in a third-party list: the openai SDK's methods and parameters, or the
keywords of JSON Schema. `findings` runs a table, and fails on a name without a probe.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
from openai import APIStatusError, OpenAI
from responses_live import Live

IMPLEMENTED = "implemented"
PARTLY = "partly"
PASSED_ON = "passed on"
IGNORED = "ignored"
NOT_PROBED = "not probed"
REFUSED = "refused"
FAILS = "fails"


_TRANSPORT = {"extra_headers", "extra_query", "extra_body", "timeout"}


@dataclass(frozen=True)
class Finding:
    verdict: str
    evidence: str


Probe = Callable[[Live], Finding]


def effect(seen: bool, evidence: str) -> Finding:
    return Finding(IMPLEMENTED, evidence) if seen else Finding(IGNORED, f"not so: {evidence}")


def yes(value: Any) -> str:
    return "yes" if value else "no"


def outcome(reply: httpx.Response) -> str:
    """Return the status, and an error's message in up to 77 characters, without parts that differ between runs."""
    if reply.status_code == 200:
        return "200"
    body = reply.json()
    message = body["detail"] if "detail" in body else body["error"]["message"]
    text = re.sub(r"\b(resp|conv|msg|pmpt|file|vs|batch)[_-][0-9a-f-]{16,}", r"\1_…", _first_of_many(message))
    text = re.sub(r"\(?\d+ tokens\)?", "(… tokens)", text)
    return f"{reply.status_code}: {text if len(text) <= 72 else text[:71].rstrip() + '…'}"


def _first_of_many(message: str) -> str:
    """Return the message; for a list of validation errors, only the most informative one."""
    if not message.startswith("{'errors':"):
        return message
    errors = ast.literal_eval(message)["errors"]
    error = next((error for error in errors if error["type"] == "union_tag_invalid"), errors[0])
    tag = re.match(r"Input tag ('\w+')", error["msg"])
    return f"{tag[1]} does not match any of the expected tags" if tag else error["msg"]


def refusal(reply: httpx.Response) -> Finding | None:
    if reply.status_code == 200:
        return None
    return Finding(FAILS if reply.status_code >= 500 else REFUSED, outcome(reply))


def answers(call: Callable[[], Any], evidence: str, works: Callable[[Any], bool] = bool) -> Finding:
    """Return whether the return value of an SDK method is right, or how the server rejected the request."""
    try:
        return effect(works(call()), evidence)
    except APIStatusError as error:
        return refusal(error.response)


def as_code(name: str) -> str:
    """Return a name formatted as code, unless it is in parentheses."""
    return name if name.startswith("(") else f"`{name}`"


def findings(
    table: dict[str, Probe], names: Iterable[str], live: Live, show: Callable[[str], str] = as_code
) -> list[list[str]]:
    """Run the probe of each name. Fails on a name without a probe, and on a probe without a name."""
    names = list(names)
    assert not set(names) - set(table), "names that nobody has probed: write their probes"
    assert not set(table) - set(names), "probes of names that are not in the list"
    found = {name: table[name](live) for name in names}
    return [[show(name), finding.verdict, finding.evidence] for name, finding in found.items()]


def code(names: Iterable[str]) -> str:
    """Return the distinct names, formatted as code."""
    return ", ".join(dict.fromkeys(map(as_code, names))) or "none"


def methods(client: OpenAI, *resources: str) -> list[str]:
    """Return the public methods of the SDK's resources, as in `conversations.items.create`."""
    names = []
    for path in resources:
        resource = _at(client, path)
        public = (name for name in dir(resource) if not name.startswith("_"))
        names += [f"{path}.{name}" for name in public if inspect.ismethod(getattr(resource, name))]
    return names


def with_parameters(client: OpenAI, *resources: str) -> list[str]:
    """Return the methods of resources with each of their parameters, as in `files.list(after)`.

    Ids are left out, and so are the parameters of methods that only call other methods of the SDK, such as
    `create_and_poll`.
    """
    names = []
    for method in methods(client, *resources):
        names.append(method)
        if not method.endswith(("poll", "upload", "wait_for_processing")):
            given = inspect.signature(_at(client, method)).parameters
            names += [f"{method}({name})" for name in sorted(given) if name not in _TRANSPORT and name[-2:] != "id"]
    return names


def _at(client: OpenAI, path: str) -> Any:
    found: Any = client
    for part in path.split("."):
        found = getattr(found, part)
    return found
