"""The claims of the chapter on access control: tokens, roles, ownership, quotas, on live servers with a real issuer."""

import copy
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from access_server import ACCESS, Gateway, Issuer, Service, access_variables, new_key
from langchain_openai import ChatOpenAI
from openai import APIError, AuthenticationError, NotFoundError, PermissionDeniedError

from llamastack_workshop.server.throwaway import throwaway_server

INVALID = "Invalid JWT token"


def error(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the message, in either format of the body."""
    body = response.json()
    return response.status_code, body["error"]["message"] if "error" in body else body["detail"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def gateway(base_url: str, model: str, issuer: Issuer) -> Iterator[Gateway]:
    """stacks/access.yaml with one more role: the auditor, who has read access to everything."""
    configuration = copy.deepcopy(ACCESS)
    auth, auditor = configuration["server"]["auth"], "user with auditor in roles"
    auth["route_policy"].append({"permit": {"paths": "*"}, "when": auditor})
    auth["access_policy"].append({"permit": {"actions": "read"}, "when": auditor})
    with throwaway_server(configuration, access_variables(base_url, model, issuer)) as server:
        yield Gateway(server, issuer, model)


@pytest.fixture(scope="module")
def defaults(base_url: str, model: str) -> Iterator[Gateway]:
    """Only authentication: no policies, no mapping of claims, and an issuer that starts after the server."""
    configuration = copy.deepcopy(ACCESS)
    auth = configuration["server"]["auth"]
    del auth["route_policy"], auth["access_policy"], auth["provider_config"]["claims_mapping"]
    issuer = Issuer()
    issuer.stop()
    with throwaway_server(configuration, access_variables(base_url, model, issuer)) as server:
        gateway = Gateway(server, issuer, model)
        assert error(gateway.as_("dana", "GET", "/models")) == (401, INVALID), "nobody serves the keys yet"
        issuer.start()
        yield gateway
        issuer.release.set()
        issuer.stop()


# Authentication: which requests are accepted.


def test_open_without_a_token_are_health_and_version_alone(gateway: Gateway) -> None:
    assert gateway.ask(None, "GET", "/health").json() == {"status": "OK"}
    assert gateway.ask(None, "GET", "/version").json()["version"]
    wanted = f"Authentication required. Please provide a valid OAuth2 Bearer token from {gateway.issuer.url}"
    for path in ("/models", "/providers", "/inspect/routes", "/no/such/path"):
        answer = gateway.ask(None, "GET", path)
        assert error(answer) == (401, wanted)
        assert "www-authenticate" not in answer.headers
    for path in ("/docs", "/redoc", "/openapi.json", "/"):
        assert httpx.get(gateway.server.base_url.removesuffix("/v1") + path).status_code == 401
    # A HEAD request doesn't count as a health check.
    assert gateway.ask(None, "HEAD", "/health").status_code == 401


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "bearer {}", "{}", "Token {}"])
def test_a_malformed_header(gateway: Gateway, header: str) -> None:
    headers = {"Authorization": header.format(gateway.tokens["dana"])}
    answer = httpx.get(f"{gateway.server.base_url}/models", headers=headers)
    assert error(answer) == (401, "Invalid Authorization header format")


def unsigned(issuer: Issuer) -> str:
    _, claims, _ = issuer.token("ada", ["admin"]).split(".")
    header = jwt.utils.base64url_encode(json.dumps({"alg": "none", "kid": "first"}).encode()).decode()
    return f"{header}.{claims}."


REFUSED = {
    "no JWT at all": lambda issuer: "sk-0123456789",
    "signed by somebody else": lambda issuer: issuer.token("ada", ["admin"], key=new_key()),
    "a key that nobody published": lambda issuer: issuer.token("ada", ["admin"], key=new_key(), kid="unknown"),
    "not signed": unsigned,
    "expired": lambda issuer: issuer.token("ada", ["admin"], exp=int(time.time()) - 5),
    "not valid yet": lambda issuer: issuer.token("ada", ["admin"], nbf=int(time.time()) + 300),
    "for another service": lambda issuer: issuer.token("ada", ["admin"], aud="billing"),
    "for no service": lambda issuer: issuer.token("ada", ["admin"], aud=None),
    "of another issuer": lambda issuer: issuer.token("ada", ["admin"], iss="https://login.example.com"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_token_that_does_not_pass_is_a_401_and_stands_in_no_answer_and_no_log(gateway: Gateway, wrong: str) -> None:
    token = REFUSED[wrong](gateway.issuer)
    answer = gateway.ask(token, "GET", "/models")
    assert error(answer) == (401, INVALID)
    log = gateway.log()
    assert INVALID in log
    parts = [token, *(part for part in token.split(".") if part)]
    assert not [part for part in parts if part in log or part in answer.text]


def test_the_log_holds_no_token_that_passed(gateway: Gateway) -> None:
    assert gateway.respond("gil").status_code == 200
    assert gateway.tokens["gil"].split(".")[2] not in gateway.log()


def test_a_token_without_a_subject(gateway: Gateway) -> None:
    assert error(gateway.ask(gateway.issuer.token(None, ["admin"]), "GET", "/models")) == (
        401,
        "Authentication service error",
    )


def test_a_token_that_never_expires_passes(gateway: Gateway) -> None:
    assert gateway.ask(gateway.issuer.token("dana", ["developer"], exp=None), "GET", "/models").status_code == 200


@pytest.mark.parametrize("roles", [None, [], ["janitor"], "Developer", {"developer": True}])
def test_a_missing_or_unknown_role_is_a_403(gateway: Gateway, roles: Any) -> None:
    token = gateway.issuer.token("nora", roles)
    denied = (403, "Access denied: insufficient permissions for route /v1/models")
    assert error(gateway.ask(token, "GET", "/models")) == denied
    assert gateway.ask(token, "GET", "/health").status_code == 200


def test_a_role_is_no_name(gateway: Gateway) -> None:
    token = gateway.issuer.token("admin", ["guest"])
    assert gateway.ask(token, "GET", "/providers").status_code == 403


def test_without_the_issuers_address_the_server_does_not_start(base_url: str, model: str, issuer: Issuer) -> None:
    variables = access_variables(base_url, model, issuer)
    del variables["OIDC_ISSUER"]
    with throwaway_server(ACCESS, variables) as server:
        assert "Environment variable 'OIDC_ISSUER' not set or empty" in server.error


# Models and routes: the rights of each role.


def test_who_sees_which_model(gateway: Gateway) -> None:
    def listed(name: str) -> set[str]:
        return {one["id"].split("/")[0] for one in gateway.as_(name, "GET", "/models").json()["data"]}

    assert listed("gil") == {"openai", "embeddings"}
    assert listed("dana") == listed("ada") == {"openai", "embeddings", "large"}


def test_a_forbidden_model_looks_like_one_that_does_not_exist(gateway: Gateway) -> None:
    def refusals(model: str) -> list[tuple[int, str]]:
        chat = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        answers = [
            gateway.respond("gil", model),
            gateway.as_("gil", "POST", "/chat/completions", json=chat),
            gateway.as_("gil", "POST", "/chat/completions", json=chat | {"stream": True}),
            gateway.as_("gil", "GET", f"/models/{model}"),
        ]
        return [error(answer) for answer in answers]

    def not_found(model: str) -> tuple[int, str]:
        return 404, f"Model '{model}' not found. Use 'client.models.list()' to list available Models."

    assert refusals(gateway.large) == [not_found(gateway.large)] * 4
    assert refusals("large/none") == [not_found("large/none")] * 4
    assert refusals("nobody/none") == [not_found("nobody/none")] * 4
    assert gateway.respond("gil").status_code == gateway.respond("dana", gateway.large).status_code == 200


def test_what_the_clients_raise(gateway: Gateway) -> None:
    guest = gateway.client(gateway.tokens["gil"])
    assert guest.responses.create(model=gateway.small, input="hi", max_output_tokens=16).output_text
    with pytest.raises(NotFoundError, match="not found"):
        guest.responses.create(model=gateway.large, input="hi")
    with pytest.raises(APIError, match="not found") as caught:
        list(guest.responses.create(model=gateway.large, input="hi", stream=True))
    assert not hasattr(caught.value, "status_code")
    with pytest.raises(PermissionDeniedError, match="route /v1/files"):
        guest.files.list()
    with pytest.raises(AuthenticationError, match=INVALID):
        gateway.client("none").models.list()


def test_langchain_passes_the_token_as_its_api_key(gateway: Gateway) -> None:
    def chat(token: str, model: str) -> ChatOpenAI:
        return ChatOpenAI(
            base_url=gateway.server.base_url, api_key=token, model=model, use_responses_api=True, max_retries=0
        )

    assert chat(gateway.tokens["gil"], gateway.small).bind(max_output_tokens=16).invoke("hi").text
    with pytest.raises(NotFoundError):
        chat(gateway.tokens["gil"], gateway.large).invoke("hi")
    with pytest.raises(AuthenticationError):
        chat("none", gateway.small).invoke("hi")


def test_the_routes_of_a_guest(gateway: Gateway) -> None:
    upload = {"files": {"file": ("a.txt", b"hello")}, "data": {"purpose": "assistants"}}
    denied = "Access denied: insufficient permissions for route"
    assert error(gateway.as_("gil", "POST", "/files", **upload)) == (403, f"{denied} /v1/files")
    for path in ("/vector_stores", "/vector_stores/", "/%66iles", "/embeddings", "/prompts", "/providers", "/nowhere"):
        status, message = error(gateway.as_("gil", "GET", path))
        assert status == 403
        assert denied in message
    root = gateway.server.base_url.removesuffix("/v1")
    headers = {"Authorization": f"Bearer {gateway.tokens['gil']}"}
    assert httpx.get(f"{root}/openapi.json", headers=headers).status_code == 403
    headers = {"Authorization": f"Bearer {gateway.tokens['ada']}"}
    assert httpx.get(f"{root}/openapi.json", headers=headers).status_code == 200


def test_only_an_admin_changes_the_list_of_models(gateway: Gateway) -> None:
    alias = {"model_id": "mine", "provider_id": "large", "provider_model_id": gateway.small.removeprefix("openai/")}
    for name in ("gil", "dana"):
        status, message = error(gateway.as_(name, "POST", "/models", json=alias))
        assert (status, "cannot perform action 'create' on resource 'model::" in message) == (403, True)
        status, message = error(gateway.as_(name, "DELETE", f"/models/{gateway.small}"))
        assert (status, "cannot perform action 'delete' on resource 'model::" in message) == (403, True)


# Ownership: the table of the chapter.


class Stored:
    """The objects that dana has stored on the server."""

    def __init__(self, gateway: Gateway) -> None:
        def made(path: str, **request: Any) -> str:
            answer = gateway.as_("dana", "POST", path, **request)
            assert answer.status_code == 200, answer.text
            return answer.json()["id"]

        item = {"type": "message", "role": "user", "content": "The code word is saffron."}
        upload = {"file": ("word.txt", b"The code word is saffron.")}
        self.response = gateway.respond("dana", input="The code word is saffron.").json()["id"]
        self.conversation = made("/conversations", json={"items": [item]})
        self.file = made("/files", files=upload, data={"purpose": "assistants"})
        self.store = made("/vector_stores", json={"name": "dana's"})
        made(f"/vector_stores/{self.store}/files", json={"file_id": self.file})
        chat = {"model": gateway.small, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
        self.chat = made("/chat/completions", json=chat)


@pytest.fixture(scope="module")
def stored(gateway: Gateway) -> Stored:
    return Stored(gateway)


# For dana, dora (the same role), gil (a guest) and ada (an admin).
OWN = [200, 404, 404, 404]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/responses/{response}", OWN),
        ("/responses/{response}/input_items", OWN),
        ("/conversations/{conversation}", OWN),
        ("/conversations/{conversation}/items", OWN),
        ("/chat/completions/{chat}", [200, 400, 400, 400]),
        ("/files/{file}", [200, 404, 403, 404]),
        ("/files/{file}/content", [200, 404, 403, 404]),
        ("/vector_stores/{store}", [200, 400, 403, 200]),
        ("/vector_stores/{store}/files", [200, 400, 403, 200]),
    ],
)
def test_what_others_see_of_what_dana_made(gateway: Gateway, stored: Stored, path: str, statuses: list[int]) -> None:
    path = path.format(**vars(stored))
    assert [gateway.as_(name, "GET", path).status_code for name in ("dana", "dora", "gil", "ada")] == statuses


@pytest.mark.parametrize(
    ("path", "owned"),
    [("/responses", "response"), ("/files", "file"), ("/vector_stores", "store"), ("/chat/completions", "chat")],
)
def test_what_others_find_in_a_list(gateway: Gateway, stored: Stored, path: str, owned: str) -> None:
    sees = [getattr(stored, owned) in gateway.as_(name, "GET", path).text for name in ("dana", "dora", "gil", "ada")]
    assert sees == [True, False, False, owned == "store"]


def test_nobody_continues_what_another_began(gateway: Gateway, stored: Stored) -> None:
    for name, status in {"dana": 200, "dora": 404, "gil": 404, "ada": 404}.items():
        continued = gateway.respond(name, previous_response_id=stored.response, store=False)
        joined = gateway.respond(name, conversation=stored.conversation, store=False)
        assert [continued.status_code, joined.status_code] == [status, status]
    not_found = f"Response '{stored.response}' not found. Use 'client.responses.list()' to list available Responses."
    assert error(gateway.respond("gil", previous_response_id=stored.response)) == (404, not_found)


def test_nobody_searches_the_store_of_another(gateway: Gateway, stored: Stored) -> None:
    search = {"type": "file_search", "vector_store_ids": [stored.store]}

    def found(name: str) -> bool:
        asked = {"input": "What is the code word?", "tools": [search], "max_output_tokens": 64}
        answer = gateway.respond(name, **asked, include=["file_search_call.results"], store=False)
        assert answer.status_code == 200, answer.text
        return "saffron" in answer.text

    assert [found(name) for name in ("dana", "dora", "gil")] == [True, False, False]
    searched = gateway.as_("dora", "POST", f"/vector_stores/{stored.store}/search", json={"query": "word"})
    assert error(searched) == (400, f"Vector_store '{stored.store}' not found")


def test_nobody_changes_or_deletes_what_another_owns(gateway: Gateway, stored: Stored) -> None:
    for method, path, body in (
        ("DELETE", f"/responses/{stored.response}", None),
        ("POST", f"/conversations/{stored.conversation}", {"metadata": {"by": "dora"}}),
        ("DELETE", f"/conversations/{stored.conversation}", None),
        ("DELETE", f"/files/{stored.file}", None),
        ("DELETE", f"/vector_stores/{stored.store}", None),
    ):
        assert gateway.as_("dora", method, path, json=body).status_code in (400, 404)
    assert gateway.as_("dana", "GET", f"/files/{stored.file}/content").text == "The code word is saffron."


def test_prompts_have_no_owner(defaults: Gateway) -> None:
    prompt = {"prompt": "Answer {{ name }}.", "variables": ["name"]}
    made = defaults.as_("dana", "POST", "/prompts", json=prompt).json()["prompt_id"]
    assert defaults.as_("gil", "GET", f"/prompts/{made}").json()["prompt"] == "Answer {{ name }}."
    assert defaults.as_("gil", "DELETE", f"/prompts/{made}").is_success


def test_who_knows_the_id_of_a_prompt_may_use_it(gateway: Gateway) -> None:
    prompt = {"prompt": "Call everybody Marigold."}
    made = gateway.as_("ada", "POST", "/prompts", json=prompt).json()["prompt_id"]
    assert gateway.as_("gil", "GET", f"/prompts/{made}").status_code == 403
    assert gateway.respond("gil", prompt={"id": made}).status_code == 200
    for _ in range(100):  # the server stores chat completions with a short delay
        if "Marigold" in (completions := gateway.as_("gil", "GET", "/chat/completions").text):
            break
        time.sleep(0.1)
    assert "Marigold" in completions


# The limits of these rules.


def test_reading_a_response_is_leave_to_delete_it(gateway: Gateway) -> None:
    response = gateway.respond("dana").json()["id"]
    assert gateway.as_("otto", "GET", f"/responses/{response}").status_code == 200
    assert gateway.as_("otto", "DELETE", f"/responses/{response}").json()["deleted"] is True
    assert gateway.as_("dana", "GET", f"/responses/{response}").status_code == 404


def test_who_changes_a_conversation_owns_it(gateway: Gateway) -> None:
    conversation = gateway.as_("dana", "POST", "/conversations", json={}).json()["id"]
    changed = gateway.as_("otto", "POST", f"/conversations/{conversation}", json={"metadata": {"seen": "yes"}})
    assert changed.status_code == 200
    assert gateway.as_("dana", "GET", f"/conversations/{conversation}").status_code == 404


def test_a_page_of_a_list_is_filtered_after_it_is_cut(gateway: Gateway) -> None:
    mine = gateway.respond("dora").json()["id"]
    time.sleep(1.1)  # the list is sorted by whole seconds
    for _ in range(2):
        gateway.respond("gil")
    page = gateway.as_("dora", "GET", "/responses?limit=2").json()
    assert (page["data"], page["has_more"], page["last_id"]) == ([], True, "")
    assert mine in gateway.as_("dora", "GET", "/responses?limit=100").text


def finished(gateway: Gateway, name: str, response: str) -> dict[str, Any]:
    """Return the response once it is no longer queued or in progress, as seen by `name`."""
    for _ in range(300):
        answer = gateway.as_(name, "GET", f"/responses/{response}").json()
        if answer.get("status") not in (None, "queued", "in_progress"):
            return answer
        time.sleep(0.1)
    pytest.fail(f"still {answer}")


def test_background_responses_run_as_whoever_asked_for_the_first_one(gateway: Gateway) -> None:
    first = gateway.respond("otto", background=True).json()["id"]
    assert finished(gateway, "otto", first)["output"]
    # A guest may not use `large`, but the auditor may.
    second = gateway.respond("gil", gateway.large, background=True).json()["id"]
    assert finished(gateway, "otto", second)["output"]
    assert gateway.as_("gil", "GET", f"/responses/{second}").status_code == 404


def test_where_the_first_one_may_not_read_the_others_they_wait_for_ever(defaults: Gateway) -> None:
    first = defaults.respond("dana", background=True).json()["id"]
    assert finished(defaults, "dana", first)["output"]
    waiting = defaults.respond("gil", background=True).json()["id"]
    last = defaults.respond("dana", background=True).json()["id"]
    assert finished(defaults, "dana", last)["output"]
    assert defaults.as_("gil", "GET", f"/responses/{waiting}").json()["status"] == "queued"


def test_without_policies_a_shared_group_shares_all(defaults: Gateway) -> None:
    tokens = {name: defaults.issuer.token(name, groups=["sales"]) for name in ("mia", "max")}
    body = {"model": defaults.small, "input": "hi", "max_output_tokens": 16}
    response = defaults.ask(tokens["mia"], "POST", "/responses", json=body).json()["id"]
    assert defaults.ask(tokens["max"], "GET", f"/responses/{response}").status_code == 200
    assert defaults.as_("gil", "GET", f"/responses/{response}").status_code == 404


def test_without_a_mapping_each_word_of_the_subject_is_a_role(defaults: Gateway) -> None:
    response = defaults.respond("dana").json()["id"]
    for subject, status in {"mallory": 404, "mallory dana": 200}.items():
        token = defaults.issuer.token(subject)
        assert defaults.ask(token, "GET", f"/responses/{response}").status_code == status


def test_without_policies_everybody_may_register_and_delete_models(defaults: Gateway) -> None:
    alias = {"model_id": "mine", "provider_id": "large", "provider_model_id": "mine"}
    assert defaults.as_("gil", "POST", "/models", json=alias).status_code == 200
    listed = defaults.as_("gil", "GET", "/models").json()["data"]
    embedding = next(one["id"] for one in listed if one["custom_metadata"]["model_type"] == "embedding")
    assert defaults.as_("gil", "DELETE", f"/models/{embedding}").status_code == 200
    assert embedding not in defaults.as_("dana", "GET", "/models").text


# The issuer's keys.


def test_the_life_of_the_keys(defaults: Gateway) -> None:
    def models(kid: str, key: Any = None) -> int:
        token = defaults.issuer.token("dana", kid=kid, key=key)
        return defaults.ask(token, "GET", "/models").status_code

    issuer = defaults.issuer
    assert models("first") == 200
    issuer.stop()
    issuer.keys["second"] = new_key()
    time.sleep(1.1)  # longer than key_recheck_period
    assert [models("first"), models("second")] == [200, 401]
    issuer.start()
    assert models("second") == 200
    withdrawn = issuer.keys.pop("second")
    time.sleep(1.1)
    issuer.entered.clear()
    assert models("unknown", new_key()) == 401
    assert issuer.entered.is_set(), "the server knows the new list"
    assert models("second", withdrawn) == 200


def test_a_slow_issuer_stops_the_whole_server(defaults: Gateway) -> None:
    assert defaults.as_("dana", "GET", "/models").status_code == 200
    time.sleep(1.1)
    defaults.issuer.entered.clear()
    defaults.issuer.release.clear()
    stranger = defaults.issuer.token("mallory", key=new_key(), kid="unknown")
    asking = threading.Thread(target=defaults.ask, args=(stranger, "GET", "/models"))
    asking.start()
    assert defaults.issuer.entered.wait(30)
    with pytest.raises(httpx.ReadTimeout):
        health(defaults, timeout=1)
    defaults.issuer.release.set()
    asking.join(60)
    assert health(defaults, timeout=60).status_code == 200


def health(gateway: Gateway, timeout: float) -> httpx.Response:
    return httpx.get(f"{gateway.server.base_url}/health", timeout=timeout)


# Authentication through an endpoint, and quotas.


class Authority(Service):
    """The endpoint of `type: custom`; it returns the answer in `says`."""

    def __init__(self) -> None:
        self.says: tuple[int, Any] = 200, {}
        self.asked: dict[str, Any] = {}
        super().__init__()

    async def answer(self, body: bytes) -> tuple[int, Any]:
        self.asked = json.loads(body)
        return self.says


LIMIT = 20


def inference_alone() -> dict[str, Any]:
    configuration = copy.deepcopy(ACCESS)
    for api in ("agents", "vector_io", "tool_runtime", "files"):
        configuration["apis"].remove(api)
        del configuration["providers"][api]
    del configuration["registered_resources"]["tool_groups"], configuration["vector_stores"]
    return configuration


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    authority = Authority()
    yield authority
    authority.stop()


@pytest.fixture(scope="module")
def custom(base_url: str, model: str, issuer: Issuer, authority: Authority) -> Iterator[Gateway]:
    """A server that sends each token to an endpoint, and counts requests."""
    configuration = inference_alone()
    configuration["server"]["auth"]["provider_config"] = {"type": "custom", "endpoint": f"{authority.url}/check"}
    configuration["server"]["quota"] = {
        "kvstore": {"namespace": "quota", "backend": "kv_default"},
        "anonymous_max_requests": LIMIT,
        "authenticated_max_requests": 10 * LIMIT,
    }
    with throwaway_server(configuration, access_variables(base_url, model, issuer)) as server:
        yield Gateway(server, issuer, model)


def test_an_endpoint_of_your_own(custom: Gateway, authority: Authority) -> None:
    def models() -> httpx.Response:
        headers = {"Authorization": "Bearer key-of-gil", "X-Forwarded-For": "192.0.2.1"}
        return httpx.get(f"{custom.server.base_url}/models", headers=headers)

    authority.says = 200, {"principal": "gil", "attributes": {"roles": ["guest"]}}
    assert models().status_code == 200
    assert authority.asked["api_key"] == "key-of-gil"
    assert authority.asked["request"]["path"] == "/v1/models"
    authority.says = 200, {"access_attributes": {"roles": ["guest"]}, "message": "as the documentation has it"}
    assert error(models()) == (401, "Invalid authentication response format")
    authority.says = 200, {"principal": "gil"}
    assert error(models()) == (500, "Internal server error: An unexpected error occurred.")
    for status in (401, 403, 500):
        authority.says = status, {}
        assert error(models()) == (401, f"Authentication failed: {status}")
    authority.stop()
    assert error(models()) == (401, "Authentication service error")
    authority.start()
    assert "key-of-gil" not in custom.log()


def test_a_quota_counts_addresses_and_not_tokens(custom: Gateway, authority: Authority) -> None:
    authority.says = 200, {"principal": "gil", "attributes": {"roles": ["guest"]}}

    def statuses(address: str, path: str = "/models", times: int = LIMIT + 1) -> list[httpx.Response]:
        return [
            httpx.get(
                custom.server.base_url + path,
                headers={"Authorization": f"Bearer key-{number}", "X-Forwarded-For": address},
            )
            for number in range(times)
        ]

    *before, last = statuses("192.0.2.2")
    assert {answer.status_code for answer in before} == {200}
    assert error(last) == (429, "Quota exceeded")
    assert "retry-after" not in last.headers
    (health,) = statuses("192.0.2.2", "/health", 1)
    assert health.status_code == 429
    (other,) = statuses("192.0.2.3", times=1)
    assert other.status_code == 200
