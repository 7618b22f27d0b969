"""Checks of chapter 20, Who may do what."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from llama_stack.core.access_control.access_control import is_action_allowed
from llama_stack.core.access_control.datatypes import Action
from llama_stack.core.datatypes import AuthenticationConfig, User
from llama_stack.core.server.auth import RouteAuthorizationMiddleware

from llamastack_workshop.exercises.check import exercise, given, require


def _user(role: str) -> User:
    return User(principal=f"some {role}", attributes={"roles": [role]})


@dataclass
class _Resource:
    """Something of a developer's, as LlamaStack's rules see it."""

    type: str
    identifier: str
    owner: User = field(default_factory=lambda: _user("developer"))


@exercise
def reasons(function: Callable[[str], str | None], mint: Callable[..., str]) -> str:
    """Check that `function(token)` says why a token does not pass, and returns None for one that does."""
    now = int(time.time())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong = {
        "expired": mint("dana", ["developer"], exp=now - 5),
        "audience": mint("dana", ["developer"], aud="billing"),
        "issuer": mint("dana", ["developer"], iss="https://login.example.com"),
        "signature": mint("dana", ["developer"], key=stranger),
    }
    given(function(wrong["expired"]))
    for reason, token in wrong.items():
        answer = function(token)
        require(answer == reason, f"for a token whose problem is {reason!r} you return {answer!r}.")
    require(function("sk-0123456789") is not None, "a text that is no JWT passes; return 'signature' for it.")
    answer = function(mint("dana", ["developer"]))
    require(answer is None, f"a good token passes: return None, not {answer!r}.")
    return "four tokens refused, each with its reason, and one accepted"


@exercise
def auditor(auth: dict[str, Any]) -> str:
    """Check that with `auth` an auditor reads the responses of all and does nothing else.

    `auth` is what stands under `server.auth`. LlamaStack's own functions decide.
    Guests and developers keep what they have.
    """
    auth = given(auth)
    require(isinstance(auth, dict), f"give the whole `auth` as a dictionary, not {type(auth).__name__}.")
    rules = {key: auth.get(key) for key in ("route_policy", "access_policy")}
    require(all(rules.values()), "`auth` has lost a policy: keep route_policy and access_policy.")
    policies = AuthenticationConfig(**rules)
    routes = RouteAuthorizationMiddleware(None, policies.route_policy)

    def opens(role: str, path: str) -> bool:
        return routes._is_route_allowed(path, _user(role))

    def may(role: str, action: str, kind: str, name: str) -> bool:
        return is_action_allowed(policies.access_policy, Action(action), _Resource(kind, name), _user(role))

    require(opens("auditor", "/v1/responses/resp_1"), "a route of /v1/responses/… is still a 403 for an auditor.")
    for path in ("/v1/files", "/v1/vector_stores", "/v1/providers"):
        require(not opens("auditor", path), f"an auditor gets to {path}; name the routes of responses alone.")
    responses = "sql_record::responses"
    require(may("auditor", "read", responses, "resp_1"), "an auditor does not see the responses of a developer.")
    require(not may("auditor", "delete", responses, "resp_1"), "the rule gives an auditor more than `read`.")
    require(not may("auditor", "read", "model", "large/any"), "an auditor may use a model; name the resource.")
    others = "sql_record::conversation_items"
    require(not may("auditor", "read", others, "msg_1"), "an auditor reads more than responses; name their table.")
    require(not may("guest", "read", responses, "resp_1"), "now a guest reads the responses of all; add a `when`.")
    for role, model in (("guest", "openai/any"), ("developer", "large/any")):
        require(
            opens(role, "/v1/models") and may(role, "read", "model", model),
            f"a {role} has lost the models; add rules, and keep those that are there.",
        )
    return "an auditor reads the responses of all, and nothing else changed"
