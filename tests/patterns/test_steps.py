"""How a step handles failures, and the journal that keeps the successful steps."""

import asyncio
from pathlib import Path

import httpx
import pytest
from cuttable import line_to
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field

from llamastack_workshop.patterns.steps import Journal, Step, StepError, ask, ask_async, schema_gate
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError

LONG = "Write a long story about the sea."


class City(BaseModel, extra="forbid"):
    city: str = Field(pattern="^[A-Z][a-z]{2,12}$")


def test_a_schema_and_a_limit_reach_the_model(client: OpenAI, model: str) -> None:
    step = ask(client, model, "city", "Name the capital of France.", journal=Journal(), schema=City)
    assert step.output.replace("\n", "").replace(" ", "") == '{"city":"Paris"}'
    assert 0 < step.first_token_seconds < step.seconds
    assert client.responses.retrieve(step.response_id).output_text == step.output
    short = ask(client, model, "story", LONG, journal=Journal(), max_output_tokens=16)
    assert short.output_tokens <= 17


def test_an_answer_that_is_no_json_is_asked_again_with_the_objection(client: OpenAI, model: str) -> None:
    objections = []

    def gate(answer: str) -> str | None:
        objections.append(answer)
        return None if len(objections) == 2 else "the answer: Invalid JSON"

    step = ask(client, model, "story", LONG, journal=Journal(), gate=gate, max_output_tokens=16)
    assert step.attempts == 2 and len(objections) == 2
    asked = client.responses.input_items.list(step.response_id).data[0].content[0].text
    assert "Your last answer was not accepted: the answer: Invalid JSON. Try again." in asked


def test_an_answer_that_is_never_json_is_an_error_with_the_answer(client: OpenAI, model: str) -> None:
    class Story(BaseModel):
        text: str

    journal = Journal()
    with pytest.raises(StepError, match="'story' failed its gate twice: the answer: Invalid JSON") as caught:
        ask(client, model, "story", LONG, journal=journal, gate=schema_gate(Story), schema=Story, max_output_tokens=16)
    assert caught.value.reason == "gate" and not journal.steps
    assert caught.value.step.attempts == 2 and "text" in caught.value.step.output


def test_silence_is_a_timeout(base_url: str, model: str) -> None:
    impatient = OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=0.01)
    with pytest.raises(StepError, match="'story' timed out waiting for the server") as caught:
        ask(impatient, model, "story", LONG, journal=Journal())
    assert caught.value.reason == "timeout"


def test_a_refusal_and_a_dead_address(client: OpenAI, model: str) -> None:
    with pytest.raises(StepError, match=r"was rejected by the server \(HTTP 400\)") as caught:
        ask(client, model, "story", LONG, journal=Journal(), max_output_tokens=1)
    assert caught.value.reason == "refused"
    nobody = OpenAI(base_url=f"http://127.0.0.1:{ports.free_port()}/v1", api_key="none", max_retries=0)
    with pytest.raises(StepError, match="lost the connection") as caught:
        ask(nobody, model, "story", LONG, journal=Journal())
    assert caught.value.reason == "connection"


def test_a_model_that_is_not_there_is_told_in_the_stream(client: OpenAI) -> None:
    with pytest.raises(StepError, match="failed on the server") as caught:
        ask(client, "openai/none", "story", LONG, journal=Journal())
    assert caught.value.reason == "server"


def test_a_stream_that_breaks_off_loses_no_finished_step(
    base_url: str, client: OpenAI, model: str, tmp_path: Path
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, {"text": "…"})
    with line_to(base_url) as line:
        over_it = client.with_options(base_url=line.base_url)
        first = ask(over_it, model, "first", "Say yes.", journal=journal, max_output_tokens=16)
        # Cut the line after the stream has begun: that story takes seconds.
        hooks = {"response": [lambda response: line.cut()]}
        streaming = over_it.with_options(http_client=httpx.Client(event_hooks=hooks))
        with pytest.raises(StepError, match="'second' lost the connection") as caught:
            ask(streaming, model, "second", LONG, journal=journal)
    assert caught.value.reason == "connection"

    again = Journal(path)
    assert again.metadata == {"text": "…"}
    kept = ask(client, model, "first", "Say yes.", journal=again, max_output_tokens=16)
    assert kept == first.model_copy(update={"kept": True})
    assert not ask(client, model, "second", LONG, journal=again, max_output_tokens=16).kept
    assert [step.name for step in again.steps] == ["first", "second"]
    assert [step.name for step in Journal(path).kept.values()] == ["first", "second"]


def test_async_steps_run_together_and_fail_alike(base_url: str, model: str) -> None:
    journal = Journal()

    async def run() -> list[Step | BaseException]:
        async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            steps = (
                ask_async(client, model, name, f"Say {name}.", journal=journal, max_output_tokens=limit)
                for name, limit in (("yes", 16), ("no", 1), ("maybe", 16))
            )
            return await asyncio.gather(*steps, return_exceptions=True)

    yes, no, maybe = asyncio.run(run())
    assert yes.output and maybe.output and {step.name for step in journal.steps} == {"yes", "maybe"}
    assert isinstance(no, StepError) and no.reason == "refused"


def test_what_a_resumed_run_was_given_counts_for_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"text": "old", "model": "m"}).add(Step(name="first", prompt="?", output="!"))
    Journal(path).update_metadata(text="new")
    again = Journal(path)
    assert again.metadata == {"text": "new", "model": "m"} and again.find("first", "?")


def test_a_journal_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(WorkshopError, match="is not the journal of a run"):
        Journal(path)


def test_a_line_that_was_not_written_to_its_end_costs_one_step(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add(Step(name="first", prompt="?", output="!"))
    journal.add(Step(name="second", prompt="?", output="!"))
    path.write_text(path.read_text("utf-8")[:-20], encoding="utf-8")
    again = Journal(path)
    assert again.find("first", "?") and not again.find("second", "?")


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x1c", "😀", "\u202e"])
def test_a_journal_keeps_every_character(character: str, tmp_path: Path) -> None:
    path, text = tmp_path / "run.jsonl", f"16{character}GB"
    Journal(path, {"text": text}).add(Step(name="extract", prompt=text, output=text))
    resumed = Journal(path)
    resumed.update_metadata(model="m")
    again = Journal(path)
    assert again.metadata == {"text": text, "model": "m"}
    assert again.find("extract", text).output == text
