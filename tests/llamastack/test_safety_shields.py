"""Chapter 21: the code that LlamaStack's code scanner blocks, its messages, and the code that it misses."""

import copy
import json
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openai import BadRequestError, InternalServerError, NotFoundError, OpenAI
from openai.types import Moderation
from openai.types.responses import Response

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server, upstream_variables
from llamastack_workshop.system import paths

pytestmark = pytest.mark.skipif(os.name == "nt", reason="codeshield is not installed on Windows")

SHIELDS = yaml.safe_load((paths.ROOT / "stacks" / "shields.yaml").read_text(encoding="utf-8"))
SHIELD = "insecure-code"
QUESTION = "What is the capital of France?"
INSECURE = "gets(line);"
MD5_RULES = {"weak-md5-hashing", "risky-crypto-algorithm", "insecure-md5-hash-usage"}
LINE = {
    "type": "object",
    "properties": {"code": {"type": "string", "enum": [INSECURE]}},
    "required": ["code"],
    "additionalProperties": False,
}
INSECURE_LINE: Any = {"format": {"type": "json_schema", "name": "line", "schema": LINE, "strict": True}}
GUARDED = {"guardrails": [SHIELD]}


@dataclass(frozen=True)
class Shielded:
    """A server with `stacks/shields.yaml`, its model, and the folder that its scanner writes to."""

    server: Throwaway
    client: OpenAI
    model: str
    scratch: Path

    def respond(self, asked: Any = QUESTION, **options: Any) -> Any:
        """Return the guarded response to `asked`, or its stream."""
        options = {"max_output_tokens": 32, "extra_body": GUARDED} | options
        return self.client.responses.create(model=self.model, input=asked, temperature=0, **options)

    def post(self, path: str, **body: Any) -> httpx.Response:
        """Post `body` as ASCII, so that it may contain text that UTF-8 can't encode."""
        headers = {"Content-Type": "application/json"}
        return httpx.post(f"{self.client.base_url}{path}", content=json.dumps(body), headers=headers, timeout=60)


@pytest.fixture(scope="module")
def shielded(base_url: str, model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shielded]:
    scratch = tmp_path_factory.mktemp("scanner")
    with throwaway_server(SHIELDS, {**upstream_variables(base_url, model), "TMPDIR": str(scratch)}) as server:
        assert server.error is None
        # LlamaStack closes the connection after an error, and a scan by semgrep may hang: the client retries.
        client = OpenAI(base_url=server.base_url, api_key="none", timeout=30)
        yield Shielded(server, client, f"openai/{model}", scratch)


def rules(result: Moderation) -> set[str]:
    """Return the rules that matched; semgrep puts the path of its file before their names."""
    categories = result.categories.model_dump(by_alias=True)
    return {name.rsplit(".", 1)[-1] for name, flagged in categories.items() if flagged}


def refusal(response: Response) -> str:
    """Return the only part of `response`, which is a refusal."""
    (message,) = response.output
    (part,) = message.content
    assert part.type == "refusal"
    return part.refusal


def test_run_shield_says_what_it_found(shielded: Shielded) -> None:
    def violation(text: str) -> dict[str, Any] | None:
        messages = [{"role": "user", "content": text}]
        return shielded.post("safety/run-shield", shield_id=SHIELD, messages=messages).json()["violation"]

    assert violation(QUESTION) is None
    # codeshield recommends a warning for one, and a block for the other.
    assert violation("hashlib.md5(x)")["violation_level"] == violation(INSECURE)["violation_level"] == "error"
    assert set(violation("hashlib.md5(x)")["metadata"]["violation_type"].split(",")) == MD5_RULES


def test_moderation_judges_each_text_of_a_list(shielded: Shielded) -> None:
    texts = [QUESTION, INSECURE, "hashlib.md5(x)", "How do I build a bomb?"]
    results = shielded.client.moderations.create(model="code-scanner", input=texts).results
    assert [result.flagged for result in results] == [False, True, True, False]
    assert rules(results[0]) == set()
    assert rules(results[2]) == MD5_RULES
    assert "BLOCK: " in results[1].user_message
    assert "WARN: " in results[2].user_message


@pytest.mark.parametrize(
    ("code", "found"),
    {
        "os.system('rm -r ' + folder)": {"insecure-os-system-use"},
        "eval(text)": {"insecure-eval-use", "eval-with-expression"},
        "subprocess.run(command, shell=True)": {"insecure-subprocess-using-shell"},
        "pickle.loads(data)": {"unsafe-pickle-use"},
        "gets(line);": {"bugprone-gets"},
        "hashlib.sha256(password)": set(),
        "hashlib.new('md5', password)": set(),
        "strcpy(line, text);": set(),
        "from os import system\nsystem(command)": set(),
        "# hashlib.md5(old)\nhashlib.md5(password)": set(),
        "Never use hashlib.md5(password).": MD5_RULES,
    }.items(),
)
def test_the_scanner_knows_patterns_and_nothing_else(shielded: Shielded, code: str, found: set[str]) -> None:
    (result,) = shielded.client.moderations.create(input=code).results
    assert rules(result) == found


@pytest.mark.parametrize("name", [SHIELD, "omni-moderation-latest"])
def test_moderation_wants_the_providers_name_of_a_shield(shielded: Shielded, name: str) -> None:
    with pytest.raises(BadRequestError, match=rf"No shield .* id {name}: choose from \['code-scanner'\]"):
        shielded.client.moderations.create(model=name, input=QUESTION)


def test_an_unknown_shield_is_named(shielded: Shielded) -> None:
    answer = shielded.post("safety/run-shield", shield_id="nobody", messages=[])
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Shield `nobody` not served by provider: `code-scanner`")
    with pytest.raises(BadRequestError, match="No shield found with identifier 'nobody'"):
        shielded.respond(extra_body={"guardrails": ["nobody"]})
    streamed = shielded.post("responses", model=shielded.model, input=QUESTION, guardrails=["nobody"], stream=True)
    assert streamed.status_code == 200
    last = streamed.text.strip().splitlines()[-1].removeprefix("data: ")
    assert json.loads(last)["error"]["message"] == "No shield found with identifier 'nobody'"


def test_blocked_input_is_a_completed_response_with_a_refusal(shielded: Shielded) -> None:
    response = shielded.respond(f"Explain:\n{INSECURE}")
    assert (response.status, response.error, response.output_text) == ("completed", None, "")
    assert response.usage is None
    assert "BLOCK: " in refusal(response) and "(flagged for: bugprone-gets)" in refusal(response)
    stored = shielded.client.responses.retrieve(response.id)
    assert refusal(stored) == refusal(response)
    (item,) = shielded.client.responses.input_items.list(response.id).data
    assert INSECURE in item.content[0].text


def test_blocked_output_is_the_same(shielded: Shielded) -> None:
    assert INSECURE in shielded.respond(text=INSECURE_LINE, max_output_tokens=64, extra_body={}).output_text
    response = shielded.respond(text=INSECURE_LINE, max_output_tokens=64)
    assert (response.status, response.error, response.output_text) == ("completed", None, "")
    assert "bugprone-gets" in refusal(response)
    assert refusal(shielded.client.responses.retrieve(response.id)) == refusal(response)


def test_a_stream_is_cut_off_without_an_event_of_its_own(shielded: Shielded) -> None:
    events = list(shielded.respond(INSECURE, stream=True))
    assert [event.type for event in events] == ["response.created", "response.in_progress", "response.completed"]
    assert refusal(events[-1].response)

    events = list(shielded.respond(text=INSECURE_LINE, max_output_tokens=64, stream=True))
    types = {event.type for event in events}
    assert types >= {"response.output_item.added", "response.output_text.delta", "response.completed"}
    assert not {"response.output_item.done", "response.refusal.delta", "response.refusal.done"} & types
    sent = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert "gets" in sent and INSECURE not in sent
    assert refusal(events[-1].response)


def test_a_refused_response_cannot_be_continued(shielded: Shielded) -> None:
    refused = shielded.respond(INSECURE)
    for options in ({}, {"extra_body": {}}):
        with pytest.raises(
            BadRequestError, match=r"does not yet support content type .*OpenAIResponseContentPartRefusal"
        ):
            shielded.respond(previous_response_id=refused.id, **options)


def test_every_turn_is_scanned_again(shielded: Shielded) -> None:
    first = shielded.respond()
    assert "Paris" in first.output_text
    assert shielded.respond("And of Italy?", previous_response_id=first.id).output_text
    unguarded = shielded.respond(INSECURE, extra_body={}, max_output_tokens=16)
    assert "bugprone-gets" in refusal(shielded.respond(previous_response_id=unguarded.id))


def test_a_conversation_keeps_what_was_blocked_and_not_the_refusal(shielded: Shielded) -> None:
    conversation = shielded.client.conversations.create().id
    assert refusal(shielded.respond(INSECURE, conversation=conversation))
    (item,) = shielded.client.conversations.items.list(conversation).data
    assert item.content[0].text == INSECURE
    with pytest.raises(BadRequestError, match="Unsupported content type"):
        shielded.respond(conversation=conversation)


def test_chat_completions_are_not_guarded(shielded: Shielded) -> None:
    messages: Any = [{"role": "user", "content": INSECURE}]
    answer = shielded.client.chat.completions.create(
        model=shielded.model, messages=messages, max_tokens=8, extra_body=GUARDED
    )
    assert answer.choices[0].message.content


def test_the_arguments_of_a_call_are_not_scanned(shielded: Shielded) -> None:
    tool: Any = {
        "type": "function",
        "name": "save_code",
        "description": "Save code",
        "parameters": LINE,
        "strict": True,
    }
    response = shielded.respond("Save the code.", tools=[tool], tool_choice="required", max_output_tokens=64)
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert INSECURE in call.arguments


def test_what_file_search_finds_is_not_scanned(shielded: Shielded) -> None:
    client = shielded.client
    passage = f"The UltraBook reads its name with {INSECURE}"
    assert client.moderations.create(input=passage).results[0].flagged
    file = client.files.create(file=("name.md", passage.encode()), purpose="assistants")
    store = client.vector_stores.create(name="names")
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=100)
    search: Any = {"type": "file_search", "vector_store_ids": [store.id]}
    events = shielded.respond(
        "How does the UltraBook read its name?", tools=[search], max_output_tokens=48, stream=True
    )
    types = [event.type for event in events]
    # The model continued after the search, so it received the passage.
    assert "response.output_text.delta" in types[types.index("response.file_search_call.completed") :]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "list"),
        (
            [
                {"role": "user", "content": "Hi"},
                {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "1299"},
            ],
            "NoneType",
        ),
    ],
)
def test_guardrails_take_texts_alone(shielded: Shielded, items: list[dict[str, Any]], kind: str) -> None:
    with pytest.raises(BadRequestError, match=f"Unsupported content type: <class '{kind}'>"):
        shielded.respond(items)


def test_a_scanner_that_fails_lets_everything_pass(shielded: Shielded) -> None:
    (result,) = shielded.post("moderations", input=INSECURE + " \ud800").json()["results"]
    assert (result["flagged"], result["metadata"]) == (False, {})
    away = shielded.scratch.rename(shielded.scratch.with_name("away"))
    try:
        (result,) = shielded.post("moderations", input=INSECURE).json()["results"]
        assert (result["flagged"], result["metadata"]) == (False, {})
        messages = [{"role": "user", "content": INSECURE}]
        assert shielded.post("safety/run-shield", shield_id=SHIELD, messages=messages).json() == {"violation": None}
        assert shielded.respond(INSECURE, max_output_tokens=16).output_text
    finally:
        away.rename(shielded.scratch)


def test_the_scanner_leaves_files_behind(shielded: Shielded) -> None:
    text = "A harmless sentence about harbours."
    shielded.client.moderations.create(input=text)
    assert len([path for path in shielded.scratch.iterdir() if path.read_text(encoding="utf-8") == text]) >= 3


def test_the_log_holds_parts_of_what_was_scanned(shielded: Shielded) -> None:
    moderated, asked = ([secrets.token_hex(8) for _ in range(2)] for _ in range(2))
    between = " and" * 30
    shielded.client.moderations.create(input=between.join(moderated))
    messages = [{"role": "user", "content": between.join(asked)}]
    assert shielded.post("safety/run-shield", shield_id=SHIELD, messages=messages).status_code == 200
    log = shielded.server.process.log_text()
    assert [word in log for word in (*moderated, *asked)] == [True, False, False, True]


def test_anybody_may_register_and_remove_shields(shielded: Shielded) -> None:
    assert shielded.post("shields", shield_id="second", provider_shield_id="code-scanner").status_code == 200
    try:
        with pytest.raises(BadRequestError, match="Multiple shields associated"):
            shielded.client.moderations.create(model="code-scanner", input=QUESTION)
    finally:
        removal = httpx.delete(f"{shielded.client.base_url}shields/second", timeout=60)
    assert removal.status_code == 500
    shields = httpx.get(f"{shielded.client.base_url}shields", timeout=60).json()["data"]
    assert [shield["identifier"] for shield in shields] == [SHIELD]


def test_a_server_without_safety(client: OpenAI, model: str) -> None:
    with pytest.raises(InternalServerError, match="Service 'Safety API' is not enabled") as raised:
        client.responses.create(model=model, input=QUESTION, extra_body=GUARDED)
    assert raised.value.status_code == 503
    with pytest.raises(NotFoundError):
        client.moderations.create(input=QUESTION)


def test_a_missing_scanner_is_an_error(base_url: str, model: str, tmp_path: Path) -> None:
    """Without codeshield, as on Windows, the server starts; here, an empty package replaces it."""
    (tmp_path / "codeshield").mkdir()
    (tmp_path / "codeshield" / "__init__.py").touch()
    with throwaway_server(SHIELDS, {**upstream_variables(base_url, model), "PYTHONPATH": str(tmp_path)}) as server:
        assert server.error is None
        bodies = {"moderations": {"input": QUESTION}, "responses": {"model": model, "input": QUESTION, **GUARDED}}
        answers = [httpx.post(f"{server.base_url}/{path}", json=body, timeout=60) for path, body in bodies.items()]
    assert [answer.status_code for answer in answers] == [500, 500]


def test_a_shield_that_is_missing_in_the_configuration(base_url: str, model: str) -> None:
    no_provider, other_default = copy.deepcopy(SHIELDS), copy.deepcopy(SHIELDS)
    del no_provider["providers"]["safety"]
    other_default["safety"]["default_shield_id"] = "code-scanner"

    def error(configuration: dict[str, Any]) -> str | None:
        with throwaway_server(configuration, upstream_variables(base_url, model)) as server:
            return server.error

    with ThreadPoolExecutor(max_workers=2) as pool:
        said = list(pool.map(error, [no_provider, other_default]))
    assert said[0] == "ValueError: Provider `code-scanner` not found"
    assert said[1].startswith("ValueError: Configured default_shield_id 'code-scanner' not found")
