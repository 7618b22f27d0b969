"""Checks of chapter 20, Who may do what."""

import io
import itertools
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from llama_stack.core.access_control.access_control import is_action_allowed
from llama_stack.core.access_control.datatypes import Action
from llama_stack.core.datatypes import AuthenticationConfig, User
from llama_stack.core.server.auth import RouteAuthorizationMiddleware
from pydantic import ValidationError

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.server import lines

questions = QuickCheck(__name__)

_ROLES = ("guest", "developer", "admin", "visitor", "auditor")
_RESPONSES = "sql_record::responses"
# The kinds of resources that the rules of this stack apply to, each with an example name and a description.
_RESOURCES = {
    _RESPONSES: ("resp_1", "a response"),
    "sql_record::conversation_messages": ("conv_1", "the messages of a conversation"),
    "sql_record::conversation_items": ("msg_1", "the items of a conversation"),
    "sql_record::openai_conversations": ("conv_1", "a conversation"),
    "sql_record::inference_store": ("chatcmpl_1", "a chat completion"),
    "sql_record::openai_files": ("file_1", "a file"),
    "vector_store": ("vs_1", "a vector store"),
    "model": ("openai/any", "a model"),
    "tool_group": ("builtin::rag", "the search behind file_search"),
    "shield": ("any", "a shield"),
}
_LARGE = ("model", "large/any", "a model of `large`")
_THE_AUDITORS = ("/v1/responses", "/v1/responses/resp_1")
_ROUTES = (
    *("/v1/conversations", "/v1/conversations/conv_1", "/v1/conversations/conv_1/items"),
    *("/v1/files", "/v1/files/file_1", "/v1/files/file_1/content"),
    *("/v1/vector_stores", "/v1/vector_stores/vs_1", "/v1/vector_stores/vs_1/search", "/v1/vector_stores/vs_1/files"),
    *("/v1/models", "/v1/models/openai/any", "/v1/embeddings", "/v1/completions"),
    *("/v1/chat/completions", "/v1/chat/completions/chatcmpl_1"),
    *(
        "/v1/prompts",
        "/v1/prompts/pmpt_1",
        "/v1/tools",
        "/v1/toolgroups",
        "/v1/tool-runtime/invoke",
        "/v1/vector-io/query",
    ),
    *(
        "/v1/providers",
        "/v1/inspect/routes",
        "/v1alpha/connectors",
        "/v1/health",
        "/v1/version",
        "/docs",
        "/openapi.json",
    ),
)


@dataclass
class _Resource:
    """A resource with its owner, in the form that LlamaStack's rules expect."""

    type: str
    identifier: str
    owner: User | None


class _Policies:
    """The policies of a `server.auth`, evaluated with LlamaStack's own functions."""

    def __init__(self, auth: dict[str, Any]) -> None:
        self._policies = AuthenticationConfig(route_policy=auth["route_policy"], access_policy=auth["access_policy"])
        self._routes = RouteAuthorizationMiddleware(None, self._policies.route_policy)

    def opens(self, role: str, path: str) -> bool:
        return self._routes._is_route_allowed(path, _user(role))

    def may(self, role: str, action: Action, resource: _Resource) -> bool:
        return is_action_allowed(self._policies.access_policy, action, resource, _user(role))


@exercise
def reasons(function: Callable[[str], str | None], mint: Callable[..., str]) -> str:
    """Check that `function(token)` returns the reason why a token is rejected, and None for a valid one."""
    now = int(time.time())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    header, _, signature = mint("gil", ["guest"]).split(".")
    claims = mint("gil", ["admin"]).split(".")[1]
    wrong = [
        ("expired", "it has expired", mint("dana", ["developer"], exp=now - 5)),
        ("audience", "it is for another service", mint("dana", ["developer"], aud="billing")),
        ("issuer", "it comes from another issuer", mint("dana", ["developer"], iss="https://login.example.com")),
        ("signature", "it was signed with another key", mint("dana", ["developer"], key=stranger)),
        ("signature", "its claims were changed after signing", f"{header}.{claims}.{signature}"),
        ("signature", "its key was never published", mint("dana", ["developer"], stranger, "key-of-a-stranger")),
        ("signature", "it is not a JWT", "sk-0123456789"),
    ]
    for reason, why, token in wrong:
        answer = call(function, token, or_none=True)
        require(answer == reason, f"for an invalid token ({why}) you return {answer!r}, not {reason!r}.")
    for name, role in (("dana", "developer"), ("gil", "guest")):
        answer = call(function, mint(name, [role]), or_none=True)
        require(answer is None, f"for a valid token, return None, not {answer!r}.")
    return "seven tokens rejected, each with its reason, and two accepted"


@exercise
def auditor(auth: dict[str, Any]) -> str:
    """Check that with `auth`, an auditor can list and read everyone's responses, and nothing else.

    `auth` is the content of `server.auth`. All other roles keep the permissions that the line's access.yaml gives them.
    """
    auth = of_type(given(auth), dict, "give the whole `auth` as a dictionary")
    for key in ("provider_config", "route_policy", "access_policy"):
        require(auth.get(key), f"`auth` has lost `{key}`: add rules to a copy of `auth`.")
    stack = yaml.safe_load(lines.started().file("access").read_text(encoding="utf-8"))
    original = stack["server"]["auth"]
    require(auth["provider_config"] == original["provider_config"], "leave `provider_config` as it is.")
    try:
        after, before = _Policies(auth), _Policies(original)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise NotYet(f"LlamaStack rejects this, at {place}: {first['msg']}.") from None
    # LlamaStack prints a line for each role that a user lacks.
    with redirect_stdout(io.StringIO()):
        for role in _ROLES:
            _same_routes(role, before, after)
        for role in _ROLES:
            _same_rights(role, before, after)
    return (
        "your rules let an auditor list and read everyone's responses, and grant nothing else; "
        "the section below shows what this version allows despite its rules"
    )


def _same_routes(role: str, before: _Policies, after: _Policies) -> None:
    for path in (*_THE_AUDITORS, *_ROUTES):
        was, now = before.opens(role, path), after.opens(role, path)
        if role == "auditor" and path in _THE_AUDITORS:
            require(now, f"{path} still returns 403 for an auditor: add a rule to `route_policy`.")
        elif role == "auditor":
            require(was or not now, f"an auditor can reach {path}; name only the routes of responses.")
        else:
            require(was or not now, f"now {_a(role)} can reach {path}; add a `when`.")
            require(now or not was, f"{_a(role)} can no longer reach {path}; add rules, and keep the existing ones.")


def _same_rights(role: str, before: _Policies, after: _Policies) -> None:
    owners = [*(User(principal=f"another {one}", attributes={"roles": [one]}) for one in _ROLES), _user(role), None]
    resources = [*((kind, *named) for kind, named in _RESOURCES.items()), _LARGE]
    for (kind, name, what), owner, action in itertools.product(resources, owners, Action):
        resource = _Resource(kind, name, owner)
        was, now = before.may(role, action, resource), after.may(role, action, resource)
        whose = f"{action.value} {what}{f' of {owner.principal}' if owner else ''}"
        if role == "auditor" and kind == _RESPONSES and action is Action.READ:
            require(now or not owner, f"an auditor may not {whose}: add a rule to `access_policy`.")
        elif role == "auditor":
            more = "permit only `read`" if kind == _RESPONSES else f"name the resource, `{_RESPONSES}::*`"
            require(was or not now, f"an auditor may {whose}: {more}.")
        else:
            require(was or not now, f"now {_a(role)} may {whose}; add a `when`.")
            require(now or not was, f"{_a(role)} may no longer {whose}; add rules, and keep the existing ones.")


def _user(role: str) -> User:
    return User(principal=f"some {role}", attributes={"roles": [role]})


def _a(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
