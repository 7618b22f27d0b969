"""Common mistakes in the exercises of the infrastructure part, chapters 17 to 24: see mistakes.py."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from dotenv import dotenv_values
from openai import OpenAI
from openai.types.responses import ResponseOutputRefusal, ResponseStreamEvent

from llamastack_workshop import paths
from llamastack_workshop.exercises import (
    access_control,
    backends,
    data_sovereignty,
    drop_in,
    model_freedom,
    safety_shields,
    traces,
    upgrading,
)
from llamastack_workshop.stacks import RESULTS


def reviewer(**changed: Any) -> dict[str, Any]:
    """Return the entry of the provider `reviewer`, with other values for some of its keys."""
    config = {
        "base_url": "${env.REVIEWER_URL:=http://localhost:8000/v1}",
        "api_token": "${env.REVIEWER_API_TOKEN:=}",
        "allowed_models": ["${env.REVIEWER_MODEL:=Qwen/Qwen2.5-7B-Instruct}"],
    }
    return {"provider_id": "reviewer", "provider_type": "remote::vllm", "config": config} | changed


def reviewer_config(**changed: Any) -> dict[str, Any]:
    return reviewer(config=reviewer()["config"] | changed)


def tgi_block(**changed: Any) -> dict[str, Any]:
    config = {"base_url": "${env.TGI_URL:=http://localhost:8080/v1}", "api_key": "${env.TGI_API_KEY:=none}"}
    return {"provider_id": "${env.TGI_URL:+tgi}", "provider_type": "remote::openai", "config": config} | changed


def upstreams_outside(configuration: dict[str, Any], outside: Callable[[str], bool]) -> list[str]:
    """Return the ids of the providers whose base_url `outside` finds to be elsewhere."""
    providers = [one for some in configuration["providers"].values() for one in some]
    with_url = [one for one in providers if "base_url" in one.get("config", {})]
    return [one["provider_id"] for one in with_url if outside(one["config"]["base_url"])]


_SIGNING_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def mint(sub: str, roles: list[str], key: rsa.RSAPrivateKey = _SIGNING_KEY, **claims: Any) -> str:
    """A token as chapter 20 mints them."""
    now = int(time.time())
    payload = {"iss": "https://issuer", "aud": "llama-stack", "sub": sub, "exp": now + 600, "roles": roles} | claims
    return jwt.encode(payload, key, algorithm="RS256")


def reason(token: str, **options: Any) -> str | None:
    """Why a token is refused, with PyJWT's own names."""
    try:
        jwt.decode(
            token,
            _SIGNING_KEY.public_key(),
            algorithms=["RS256"],
            audience="llama-stack",
            issuer="https://issuer",
            options=options,
        )
    except jwt.ExpiredSignatureError:
        return "expired"
    except jwt.InvalidAudienceError:
        return "audience"
    except jwt.InvalidIssuerError:
        return "issuer"
    except jwt.InvalidTokenError:
        return "signature"
    return None


def auth_with(route: dict[str, Any] | None = None, *resources: dict[str, Any]) -> dict[str, Any]:
    """`server.auth` of stacks/access.yaml with a rule for routes and rules for resources at the end."""
    stack = yaml.safe_load((paths.ROOT / "stacks" / "access.yaml").read_text(encoding="utf-8"))
    auth = stack["server"]["auth"]
    auth["route_policy"] += [route] if route else []
    auth["access_policy"] += resources
    return auth


def auth_for_guests_and_auditors() -> dict[str, Any]:
    """`server.auth` with the right rules for auditors, and without those for developers."""
    auth = auth_with(TO_RESPONSES, permit(actions="read", resource=STORED))
    for policy in ("route_policy", "access_policy"):
        auth[policy] = [rule for rule in auth[policy] if "developer" not in rule.get("when", "")]
    return auth


def permit(when: str | None = "user with auditor in roles", **scope: Any) -> dict[str, Any]:
    return {"permit": scope} | ({"when": when} if when else {})


TO_RESPONSES = permit(paths="regex:/v1/responses(/.*)?$")
CLAIMS = ("verify_exp", "verify_aud", "verify_iss")
STORED = "sql_record::responses::*"


def harmless_stream(client: OpenAI, model: str) -> list[ResponseStreamEvent]:
    question = "What is the capital of France?"
    return list(client.responses.create(model=model, input=question, max_output_tokens=16, stream=True))


def refused_stream(client: OpenAI, model: str) -> list[ResponseStreamEvent]:
    """Return a stream that a shield cut off: no server of the tests has one."""
    events = [event.model_copy(deep=True) for event in harmless_stream(client, model)]
    (message,) = events[-1].response.output
    message.content = [ResponseOutputRefusal(type="refusal", refusal="Security concerns detected in the code.")]
    return events


def deltas(events: Iterable[ResponseStreamEvent]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def keep_what_had_arrived(events: Iterable[ResponseStreamEvent]) -> tuple[str, str | None]:
    """Return the refusal, and the text that came before it."""
    events = list(events)
    (part,) = events[-1].response.output[0].content
    return deltas(events), part.refusal if part.type == "refusal" else None


def called(kinds: set[str], services: set[str], part: str = "netloc") -> Any:
    """Return an answer to the exercise on destinations that counts the spans of `kinds` and `services`."""

    def destinations(trace: list[Any]) -> dict[str, int]:
        spans = [span for span in trace if span.kind in kinds and span.service in services]
        return Counter(getattr(urlsplit(span.attributes["http.url"]), part) for span in spans)

    return destinations


def telemetry(**changes: str) -> dict[str, str]:
    """Return right variables for production, but for `changes`."""
    return dotenv_values(paths.ROOT / "stacks" / "telemetry.env") | {
        "OTEL_SERVICE_NAME": "gateway",
        "OTEL_TRACES_SAMPLER_ARG": "0.02",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "/v1/health,/v1/version,/v1/models",
        **changes,
    }


OPENAI_PROGRAM = """
from openai import OpenAI

client = OpenAI(base_url="https://api.openai.com/v1", max_retries=0)
text = "What is the capital of France?"
chat = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])
vector = client.embeddings.create(model="text-embedding-3-small", input=text)
print(repr(chat.choices[0].message.content))
print(len(vector.data[0].embedding))
"""


def upgraded(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return an answer to the exercise on upgrading that is right but for `changes` at the top level."""
    wanted = yaml.safe_load((paths.ROOT / "stacks" / "llama-stack-0.7.yaml").read_text(encoding="utf-8"))
    return lambda old: wanted | changes


def renamed_in_place(old: dict[str, Any]) -> dict[str, Any]:
    old["apis"].remove("agents")
    return old


def routes(name: str) -> set[str]:
    return set(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["routes"])


INFRASTRUCTURE: list[tuple[Any, Any, str]] = [
    (
        model_freedom.falls_over,
        lambda client, model: (lambda ids: (ids[0], "Paris"), [model], "night/none"),
        "the upstream of night/none is down, so it cannot have answered",
    ),
    (
        model_freedom.falls_over,
        lambda client, model: (lambda ids: (ids[-1], "Paris"), [model, "last/one"], "night/none"),
        "the first that answers is",
    ),
    (
        model_freedom.falls_over,
        lambda client, model: (lambda ids: model, [model], "night/none"),
        "return two values: the id, and the text that it gave",
    ),
    (
        model_freedom.falls_over,
        lambda client, model: (lambda ids: (model, None), [model], "night/none"),
        "the second value is the text of",
    ),
    (
        model_freedom.falls_over,
        lambda client, model: (lambda ids: (model, "Paris") if model in ids else ("", ""), [model], "night/none"),
        "raise LookupError when no model of the list answers; you returned ('', '')",
    ),
    (model_freedom.third_job, lambda client, model: (reviewer(provider_id="vllm"),), "the id is the job: `reviewer`"),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer(provider_type="remote::openai"),),
        "the type of a vLLM is `remote::vllm`",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer(config={"api_key": "${env.REVIEWER_API_TOKEN:=}"}),),
        "what the other providers call api_key is `api_token`",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer_config(api_token="my-secret"),),
        "`api_token` is 'my-secret'; read it from a variable, as ${env.NAME:=value}",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer_config(base_url="${env.VLLM_URL:=http://localhost:8000/v1}"),),
        "`base_url` reads the variable VLLM_URL, not REVIEWER_URL",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer_config(base_url="${env.REVIEWER_URL}"),),
        "write := in `base_url`: the value where REVIEWER_URL is not set",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer_config(allowed_models="${env.REVIEWER_MODEL:=Qwen/Qwen2.5-7B-Instruct}"),),
        "`allowed_models` is a list, here of one model",
    ),
    (
        model_freedom.third_job,
        lambda client, model: (reviewer_config(api_token="${env.REVIEWER_API_TOKEN:=secret}"),),
        "without REVIEWER_API_TOKEN, `api_token` is 'secret', not ''",
    ),
    (
        backends.stop_probe,
        lambda client, model: (lambda url, name: None, str(client.base_url).rstrip("/"), model),
        "no answer yet",
    ),
    (
        backends.stop_probe,
        lambda client, model: (lambda url, name: "yes", str(client.base_url).rstrip("/"), model),
        "not 'yes'",
    ),
    (
        backends.stop_probe,
        lambda client, model: (lambda url, name: False, str(client.base_url).rstrip("/"), model),
        "is the word in",
    ),
    (
        backends.stop_probe,
        lambda client, model: (lambda url, name: True, str(client.base_url).rstrip("/"), model),
        "never sees `stop`",
    ),
    (backends.tgi_provider, lambda *_: (tgi_block(provider_type="remote::tgi"),), "no server starts with remote::tgi"),
    (backends.tgi_provider, lambda *_: (tgi_block(provider_type="remote::passthrough"),), "is for another upstream"),
    (backends.tgi_provider, lambda *_: (tgi_block(provider_id="tgi"),), "see `:+`"),
    (
        backends.tgi_provider,
        lambda *_: (tgi_block(config={"base_url": "http://localhost:8080/v1", "api_key": "none"}),),
        "variable TGI_URL",
    ),
    (
        backends.tgi_provider,
        lambda *_: (tgi_block(config={"base_url": "${env.TGI_URL}", "api_key": "none"}),),
        "give `base_url` a default, `${env.TGI_URL:=…}`",
    ),
    (
        backends.tgi_provider,
        lambda *_: (tgi_block(config=tgi_block()["config"] | {"api_key": "${env.TGI_API_KEY}"}),),
        "no server starts where TGI_API_KEY is not set",
    ),
    (
        backends.tgi_provider,
        lambda *_: (tgi_block(config={"base_url": "${env.TGI_URL:=http://localhost:8080/v1}"}),),
        "lists no models",
    ),
    (backends.tgi_provider, lambda *_: (tgi_block(config={}),), "has no `config`"),
    (data_sovereignty.forgets, lambda client, model: (lambda client, id: None, client), "no answer yet"),
    (
        data_sovereignty.forgets,
        lambda client, model: (lambda client, id: client.conversations.delete(id), client),
        "all 25 items can still be retrieved",
    ),
    (
        data_sovereignty.forgets,
        lambda client, model: (
            lambda client, id: (
                [
                    client.conversations.items.delete(item.id, conversation_id=id)
                    for item in client.conversations.items.list(id)
                ]
                and client.conversations.delete(id)
            ),
            client,
        ),
        "5 of 25 items can still be retrieved",
    ),
    (
        data_sovereignty.forgets,
        lambda client, model: (
            lambda client, id: [
                client.conversations.items.delete(item.id, conversation_id=id)
                for item in client.conversations.items.list(id, limit=100)
            ],
            client,
        ),
        "the conversation is still there",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (lambda configuration: None,),
        "no answer yet",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (lambda configuration: "hosted",),
        "return a list of ids, not str",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (
            lambda configuration: upstreams_outside(configuration, lambda url: "localhost" not in url),
        ),
        "'local-address' does not leave: http://127.0.0.1:8000/v1 is on this machine",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (
            lambda configuration: upstreams_outside(
                configuration, lambda url: not any(name in url for name in ("localhost", "127.0.0.1", "[::1]"))
            ),
        ),
        "'look-alike' is missing: its base_url, https://localhost.example.com/v1",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (
            lambda configuration: [
                one["provider_id"] for providers in configuration["providers"].values() for one in providers
            ],
        ),
        "'local-address' does not leave",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (lambda configuration: ["hosted", "look-alike", "neighbour", "no-config"],),
        "'no-config' does not leave: it has no base_url",
    ),
    (
        data_sovereignty.finds_what_leaves,
        lambda client, model: (lambda configuration: ["hosted", "look-alike", "neighbour"],),
        "'elsewhere' is missing: its base_url, https://shields.example.com",
    ),
    (access_control.reasons, lambda c, m: [lambda token: None, mint], "there is no answer yet"),
    (access_control.reasons, lambda c, m: [lambda token: reason(token, verify_exp=False) or "fine", mint], "'expired'"),
    (access_control.reasons, lambda c, m: [lambda token: reason(token, verify_aud=False), mint], "'audience'"),
    (
        access_control.reasons,
        lambda c, m: [lambda token: reason(token, **dict.fromkeys(CLAIMS, True), verify_signature=False), mint],
        "is 'signature' you return None",
    ),
    (access_control.reasons, lambda c, m: [lambda token: reason(token) or "fine", mint], "return None, not 'fine'"),
    (
        access_control.reasons,
        lambda c, m: [lambda token: reason(token) if "." in token else None, mint],
        "a text that is no JWT passes",
    ),
    (access_control.auditor, lambda c, m: [auth_with()["access_policy"]], "not list"),
    (access_control.auditor, lambda c, m: [{"route_policy": [TO_RESPONSES]}], "has lost a policy"),
    (access_control.auditor, lambda c, m: [auth_with(None, permit(actions="read", resource=STORED))], "still a 403"),
    (access_control.auditor, lambda c, m: [auth_with(permit(paths="*"))], "gets to /v1/files"),
    (access_control.auditor, lambda c, m: [auth_with(TO_RESPONSES)], "does not see the responses of"),
    (
        access_control.auditor,
        lambda c, m: [auth_with(TO_RESPONSES, permit(actions=["read", "delete"], resource=STORED))],
        "more than `read`",
    ),
    (access_control.auditor, lambda c, m: [auth_with(TO_RESPONSES, permit(actions="read"))], "may use a model"),
    (
        access_control.auditor,
        lambda c, m: [auth_with(TO_RESPONSES, permit(actions="read", resource="regex:sql_record::"))],
        "name their table",
    ),
    (
        access_control.auditor,
        lambda c, m: [auth_with(TO_RESPONSES, permit(None, actions="read", resource=STORED))],
        "add a `when`",
    ),
    (
        access_control.auditor,
        lambda c, m: [
            {"route_policy": [TO_RESPONSES], "access_policy": [permit(actions="read", resource=STORED)]},
        ],
        "a guest has lost the models",
    ),
    (
        access_control.auditor,
        lambda c, m: [auth_for_guests_and_auditors()],
        "a developer has lost the models",
    ),
    (safety_shields.closed_gate, lambda c, m: [lambda code: None, nullcontext], "passed your gate"),
    (safety_shields.closed_gate, lambda c, m: [lambda code: "gets" in code, nullcontext], "say what is wrong"),
    (safety_shields.closed_gate, lambda c, m: [lambda code: "flagged", nullcontext], "doubles a number"),
    (
        safety_shields.closed_gate,
        lambda c, m: [lambda code: "flagged" if "gets" in code else None, nullcontext],
        "the scanner was broken, and code passed",
    ),
    (
        safety_shields.guarded_stream,
        lambda c, m: [deltas, harmless_stream(c, m), refused_stream(c, m)],
        "return two values",
    ),
    (
        safety_shields.guarded_stream,
        lambda c, m: [lambda events: ("", "refused"), harmless_stream(c, m), refused_stream(c, m)],
        "the harmless answer was refused",
    ),
    (
        safety_shields.guarded_stream,
        lambda c, m: [lambda events: ("Paris", None), harmless_stream(c, m), refused_stream(c, m)],
        "the text of the harmless answer is",
    ),
    (
        safety_shields.guarded_stream,
        lambda c, m: [lambda events: (deltas(events), None), harmless_stream(c, m), refused_stream(c, m)],
        "the blocked answer has no refusal",
    ),
    (
        safety_shields.guarded_stream,
        lambda c, m: [keep_what_had_arrived, harmless_stream(c, m), refused_stream(c, m)],
        "Withdraw what had arrived",
    ),
    (traces.destinations, lambda c, m: [lambda trace: ["127.0.0.1:8322"]], "return a dictionary, not list"),
    (
        traces.destinations,
        lambda c, m: [called({"client", "server"}, {"llama-stack"})],
        "look at `kind` and at `service`",
    ),
    (
        traces.destinations,
        lambda c, m: [called({"client"}, {"llama-stack", "my-program"})],
        "look at `kind` and at `service`",
    ),
    (traces.destinations, lambda c, m: [called({"client"}, {"llama-stack"}, "path")], "an address is host and port"),
    (traces.destinations, lambda c, m: [called({"client"}, {"llama-stack"}, "hostname")], "the port is missing"),
    (
        traces.destinations,
        lambda c, m: [lambda trace: dict.fromkeys(called({"client"}, {"llama-stack"})(trace), 1)],
        "was called twice, and you count 1",
    ),
    (traces.destinations, lambda c, m: [lambda trace: {}], "LlamaStack called 127.0.0.1:8322 and"),
    (traces.production, lambda c, m: ["OTEL_SERVICE_NAME=gateway"], "give the variables as a dictionary"),
    (
        traces.production,
        lambda c, m: [telemetry() | {"OTEL_TRACES_SAMPLER_ARG": 0.02}],
        "the value of a variable is a text",
    ),
    (traces.production, lambda c, m: [{"OTEL_SERVICE_NAME": "gateway"}], "OTEL_TRACES_EXPORTER is gone"),
    (
        traces.production,
        lambda c, m: [telemetry(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")],
        "the protocol stays http/protobuf",
    ),
    (traces.production, lambda c, m: [telemetry(OTEL_SERVICE_NAME="llama-stack")], "OTEL_SERVICE_NAME is not gateway"),
    (
        traces.production,
        lambda c, m: [telemetry(OTEL_TRACES_SAMPLER="traceidratio")],
        "for a caller's decision to hold",
    ),
    (traces.production, lambda c, m: [telemetry(OTEL_TRACES_SAMPLER_ARG="50")], "one in fifty is 0.02"),
    (traces.production, lambda c, m: [telemetry(OTEL_TRACES_SAMPLER_ARG="2 %")], "one in fifty is 0.02"),
    (traces.production, lambda c, m: [telemetry(OTEL_METRICS_EXPORTER="otlp")], "OTEL_METRICS_EXPORTER is none"),
    (
        traces.production,
        lambda c, m: [telemetry(OTEL_PYTHON_FASTAPI_EXCLUDED_URLS="/v1/models")],
        "/v1/health makes a span",
    ),
    (
        traces.production,
        lambda c, m: [telemetry(OTEL_PYTHON_FASTAPI_EXCLUDED_URLS="/v1/")],
        "/v1/responses makes no span",
    ),
    (drop_in.brought_over, lambda c, m: [OPENAI_PROGRAM, OPENAI_PROGRAM], "nothing has changed"),
    (
        drop_in.brought_over,
        lambda c, m: [OPENAI_PROGRAM.replace("gpt-4o-mini", m), OPENAI_PROGRAM],
        "still asks for api.openai.com",
    ),
    (
        drop_in.brought_over,
        lambda c, m: [OPENAI_PROGRAM.replace("https://api.openai.com/v1", str(c.base_url)), OPENAI_PROGRAM],
        "the server does not have a model",
    ),
    (
        drop_in.brought_over,
        lambda c, m: [OPENAI_PROGRAM.replace("\n", "\n\n"), OPENAI_PROGRAM],
        "3 are enough",
    ),
    (
        drop_in.tells_what_is_served,
        lambda c, m: [lambda answer: answer.status_code != 404, str(c.base_url)],
        "this one response is not, so this is True",
    ),
    (
        drop_in.tells_what_is_served,
        lambda c, m: [lambda answer: answer.is_success, str(c.base_url)],
        "the request is not complete",
    ),
    (
        drop_in.tells_what_is_served,
        lambda c, m: [
            lambda answer: answer.status_code != 404 or "not found" in answer.text,
            str(c.base_url),
        ],
        "not for this method",
    ),
    (
        drop_in.tells_what_is_served,
        lambda c, m: [lambda answer: answer.status_code, str(c.base_url)],
        "return True or False",
    ),
    (upgrading.upgraded, lambda c, m: [lambda old: None], "there is no answer yet"),
    (upgrading.upgraded, lambda c, m: [renamed_in_place], "change a copy"),
    (upgrading.upgraded, lambda c, m: [lambda old: dict(old)], "API 'agents' does not exist"),
    (
        upgrading.upgraded,
        lambda c, m: [upgraded(vector_stores={"file_search_params": {"header_template": "x"}})],
        "file_search",
    ),
    (upgrading.upgraded, lambda c, m: [upgraded(server={"host": "0.0.0.0"})], "under `server` something differs"),
    (upgrading.gone, lambda c, m: [routes("ogx-1.5") - routes("llama-stack-0.6")], "subtract the other way round"),
    (upgrading.gone, lambda c, m: [routes("llama-stack-0.6")], "are in OGX as well"),
    (upgrading.gone, lambda c, m: [set()], "are missing"),
]
