"""Answers to the exercises of chapter 20, Who may do what."""

import copy
import functools
import time
from collections.abc import Callable
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from answers import Answer
from llamastack_workshop.exercises import access_control as check
from llamastack_workshop.system import paths

ISSUER = "https://issuer"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLISHED = {"key-1": KEY.public_key()}
NAMES = {"ExpiredSignatureError": "expired", "InvalidAudienceError": "audience", "InvalidIssuerError": "issuer"}
CLAIMS = ("verify_exp", "verify_aud", "verify_iss")
ACCESS = yaml.safe_load((paths.ROOT / "stacks" / "access.yaml").read_text(encoding="utf-8"))["server"]["auth"]


def mint(sub: str, roles: list[str], key: rsa.RSAPrivateKey = KEY, kid: str = "key-1", **claims: Any) -> str:
    """Return a token like the chapter's."""
    now = int(time.time())
    payload = {"iss": ISSUER, "aud": "llama-stack", "sub": sub, "exp": now + 600, "roles": roles} | claims
    return jwt.encode(payload, key, algorithm="RS256", headers={"kid": kid})


def reason(token: str, key: Any = None, **options: bool) -> str | None:
    """Return why a token is rejected, from PyJWT's exceptions."""
    try:
        key = key or PUBLISHED[jwt.get_unverified_header(token)["kid"]]
        wanted: Any = {"audience": "llama-stack", "issuer": ISSUER, "options": options}
        jwt.decode(token, key, algorithms=["RS256"], **wanted)
    except jwt.ExpiredSignatureError:
        return "expired"
    except jwt.InvalidAudienceError:
        return "audience"
    except jwt.InvalidIssuerError:
        return "issuer"
    except (jwt.InvalidTokenError, KeyError):
        return "signature"
    return None


def by_hand(token: str, published: dict[str, Any]) -> str | None:
    """Check the signature first, and then the claims one by one."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        options: Any = dict.fromkeys(CLAIMS, False)
        claims = jwt.decode(token, published.get(kid, ""), algorithms=["RS256"], options=options)
    except Exception:
        return "signature"
    checks = {
        "issuer": claims["iss"] == ISSUER,
        "audience": claims["aud"] == "llama-stack",
        "expired": claims["exp"] > time.time(),
    }
    return next((name for name, passed in checks.items() if not passed), None)


class HelpDesk:
    """Derives the reason from the exception's class."""

    def __call__(self, token: str) -> str | None:
        options: Any = {"require": ["exp"]}
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            jwt.decode(token, PUBLISHED[kid], ["RS256"], audience=["llama-stack"], issuer=ISSUER, options=options)
        except Exception as error:
            return NAMES.get(type(error).__name__, "signature")
        return None


def unsigned(token: str) -> str | None:
    return reason(token, **dict.fromkeys(CLAIMS, True), verify_signature=False)


def auth_with(route: Any = None, *resources: dict[str, Any], first: bool = False, **other: Any) -> dict[str, Any]:
    """Return `auth` with an additional route rule, and additional resource rules, at its end or its beginning."""
    auth = copy.deepcopy(ACCESS)
    routes, rights = [route] if route else [], list(resources)
    for policy, rules in (("route_policy", routes), ("access_policy", rights)):
        auth[policy] = rules + auth[policy] if first else auth[policy] + rules
    return auth | other


def permit(when: Any = "user with auditor in roles", **scope: Any) -> dict[str, Any]:
    return {"permit": scope} | ({"when": when} if when else {})


def without(role: str) -> dict[str, Any]:
    """Return `auth` with the right rules for auditors, but without those for another role."""
    auth = auth_with(TO_RESPONSES, READ)
    for policy in ("route_policy", "access_policy"):
        auth[policy] = [rule for rule in auth[policy] if role not in rule.get("when", "")]
    return auth


STORED = "sql_record::responses::*"
READ = permit(actions="read", resource=STORED)
TO_RESPONSES = permit(paths="regex:/v1/responses(/.*)?$")
NOT_AUDITORS = {"unless": "user with auditor not in roles"}
TO_ANY_RESPONSES = permit(None, paths=["/v1/responses", "/v1/responses/*"]) | NOT_AUDITORS


def refused(style: str, function: Callable[[str], Any], said: str = "") -> Answer:
    return Answer(check.reasons, style, lambda server: [function, mint], said)


def rules(style: str, auth: Any, said: str = "") -> Answer:
    return Answer(check.auditor, style, lambda server: [auth], said)


RIGHT = [
    refused("by hand, one claim after the other", functools.partial(by_hand, published=PUBLISHED)),
    refused("a class that looks the exception up", HelpDesk()),
    rules("a prefix, and a regular expression", auth_with(permit(paths="/v1/responses*"), READ)),
    rules("two paths, unless", auth_with(TO_ANY_RESPONSES, permit(None, **READ["permit"]) | NOT_AUDITORS)),
    rules(
        "in front, conditions in lists, a pattern for the name",
        auth_with(
            permit(["user with auditor in roles"], paths=["regex:^/v1/responses(/|$)"]),
            permit(["user with auditor in roles", "user is not owner"], actions=["read"], resource="regex:" + STORED),
            first=True,
        ),
    ),
    rules(
        "nothing else, not even what all may",
        auth_with(
            permit(paths="/v1/responses*"),
            READ,
            {"forbid": {"actions": ["create", "read", "update", "delete"]}} | {"when": "user with auditor in roles"},
            first=True,
        ),
    ),
]

WRONG = [
    refused("a blank", lambda token: None, "there is no answer yet"),
    refused("prints the reason", lambda token: print(reason(token)), "it has expired) you return None, not 'expired'"),
    refused("always the signature", lambda token: "signature", "you return 'signature', not 'expired'"),
    refused("passes expired tokens", lambda token: reason(token, verify_exp=False), "it has expired) you return None"),
    refused("does not look for whom", lambda token: reason(token, verify_aud=False), "for another service) you return"),
    refused(
        "does not look of whom", lambda token: reason(token, verify_iss=False), "from another issuer) you return None"
    ),
    refused("does not look at the signature", unsigned, "it was signed with another key) you return None"),
    refused(
        "one key for all",
        lambda token: reason(token, KEY.public_key()) if "." in token else "format",
        "you return 'format'",
    ),
    refused(
        "a text is fine", lambda token: reason(token) if "." in token else None, "it is not a JWT) you return None"
    ),
    refused("a word for a good one", lambda token: reason(token) or "fine", "return None, not 'fine'"),
    refused("False for a good one", lambda token: reason(token) or False, "return None, not False"),
    refused("no except", lambda token: jwt.decode(token, KEY.public_key(), ["RS256"]), "raised"),
    rules("one policy", ACCESS["access_policy"], "give the whole `auth` as a dictionary, not a list"),
    rules(
        "a lost policy", {"provider_config": {}, "route_policy": [TO_RESPONSES]}, "`auth` has lost `provider_config`"
    ),
    rules(
        "another issuer", auth_with(TO_RESPONSES, READ, provider_config={"type": "custom"}), "leave `provider_config`"
    ),
    rules(
        "no such condition", auth_with(permit("user has role auditor", paths="*")), "LlamaStack rejects this, at route"
    ),
    rules("the policies as they were", ACCESS, "/v1/responses still returns 403 for an auditor"),
    rules(
        "one route of the two", auth_with(permit(paths="/v1/responses"), READ), "/v1/responses/resp_1 still returns 403"
    ),
    rules("all routes", auth_with(permit(paths="*"), READ), "an auditor can reach /v1/conversations"),
    rules(
        "a route for everybody",
        auth_with(permit(None, paths="/v1/responses*"), READ),
        "now a visitor can reach /v1/resp",
    ),
    rules("a shut route", auth_with({"forbid": {"paths": "/v1/files*"}}, first=True), "can no longer reach /v1/files"),
    rules("no right", auth_with(TO_RESPONSES), "an auditor may not read a response of another guest"),
    rules(
        "those of one role",
        auth_with(
            TO_RESPONSES,
            permit(["user with auditor in roles", "user in owners roles"], actions="read", resource=STORED),
        ),
        "an auditor may not read a response of another guest",
    ),
    rules(
        "more than reading",
        auth_with(TO_RESPONSES, permit(actions=["read", "delete"], resource=STORED)),
        "an auditor may delete a response of another guest: permit only `read`",
    ),
    rules(
        "creating",
        auth_with(TO_RESPONSES, permit(actions=["read", "create"], resource=STORED)),
        "an auditor may create a",
    ),
    rules("everything", auth_with(TO_RESPONSES, permit(actions="read")), "an auditor may read the messages of a conv"),
    rules(
        "all that is stored",
        auth_with(TO_RESPONSES, permit(actions="read", resource="regex:sql_record::")),
        "name the resource, `sql_record::responses::*`",
    ),
    rules(
        "files too",
        auth_with(TO_RESPONSES, READ, permit(actions="read", resource="sql_record::openai_files::*")),
        "an auditor may read a file of another guest",
    ),
    rules(
        "for everybody",
        auth_with(TO_RESPONSES, permit(None, **READ["permit"])),
        "now a guest may read a response of another guest; add a `when`",
    ),
    rules("without developers", without("developer"), "a developer can no longer reach /v1/responses"),
    rules("an admin in the place of an auditor", without("admin"), "an admin can no longer reach"),
]
