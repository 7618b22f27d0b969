"""Scores, the record, and the run over a data set: stopping, resuming, comparing."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types import Model
from openai.types.responses import Response, ResponseFunctionToolCall
from typer.testing import CliRunner
from web_servers import serving

from llamastack_workshop import cli
from llamastack_workshop.evaluating import asking, record, run
from llamastack_workshop.evaluating.cases import Case, load
from llamastack_workshop.evaluating.figures import chance_of_drop, interval
from llamastack_workshop.evaluating.record import Change, Result
from llamastack_workshop.evaluating.rules import Answer
from llamastack_workshop.evaluating.served import fingerprint
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError

CASES = load()


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # From Newcombe's comparison of seven methods (1998, table I), method 3; the last row follows from the symmetry of
    # the formula.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_the_interval_is_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert interval(right, of) == pytest.approx((low, high), abs=0.0001)


@pytest.mark.parametrize(
    ("lost", "won", "chance"), [(0, 0, 1), (1, 0, 1 / 2), (5, 0, 1 / 32), (5, 1, 7 / 64), (1, 1, 3 / 4)]
)
def test_the_chance_of_a_drop_is_that_of_tossed_coins(lost: int, won: int, chance: float) -> None:
    assert chance_of_drop(lost, won) == chance


def results(right: int, wrong: int, kind: str = "tools", digest: str = "d") -> list[Result]:
    """Return results of which the first `right` are right."""
    return [
        Result(
            id=f"{kind}-{number}",
            kind=kind,
            digest=digest,
            source="",
            problem=None if number < right else "not so",
            seconds=1,
            answer={},
        )
        for number in range(right + wrong)
    ]


def test_a_drop_counts_beyond_chance_alone_and_only_in_the_same_cases(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    record.record("other/model", results(1, 0), path)
    record.record("our/model", results(30, 10) + results(9, 1, "plan"), path)
    figures = record.recorded(path)["our/model"]
    assert figures["kinds"] == {"tools": {"right": 30, "of": 40}, "plan": {"right": 9, "of": 10}}
    assert "other/model" in record.recorded(path)

    assert record.drops(figures, results(31, 9) + results(9, 1, "plan")) == []
    four_fewer = results(26, 14) + results(9, 1, "plan")
    assert record.change(figures, four_fewer) == Change(lost=4, won=0)
    assert record.drops(figures, four_fewer) == []
    assert record.drops(figures, results(25, 15) + results(9, 1, "plan")) == ["all"]
    assert record.drops(figures, results(24, 16)) == ["all", "tools"]
    # A gain in one kind would hide a loss in another, so each kind is compared separately.
    assert record.drops(figures, results(40, 0) + results(3, 7, "plan")) == ["plan"]
    assert record.drops(figures, results(0, 40, digest="reworded")) == []


def test_the_recorded_figures_add_up_and_are_of_this_data_set() -> None:
    digests = {case.id: case.digest for case in CASES}
    for model, figures in record.recorded().items():
        cases = figures["cases"]
        assert (figures["right"], figures["of"]) == (sum(one["right"] for one in cases.values()), len(cases)), model
        for name in ("right", "of"):
            assert figures[name] == sum(kind[name] for kind in figures["kinds"].values()), model
        same = sum(digests.get(id) == case["digest"] for id, case in cases.items())
        assert same >= 0.9 * len(CASES), f"{model}: record it anew, make eval ARGS=--record"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "a"}', "line 2: kind: Field required"),
        ("{", "line 2: Invalid JSON"),
        ('{"id": "x", "kind": "k", "input": "?", "right": {"contain": ["a"]}}', "line 2: right.contain: Extra inputs"),
        ('{"id": "chat-01", "kind": "chat", "input": "?", "right": {}}', "line 2: the id chat-01 is a duplicate"),
    ],
)
def test_a_line_that_is_no_case_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "mine.jsonl"
    first = '{"id": "chat-01", "kind": "chat", "input": "Hi", "right": {}}'
    path.write_text(f"{first}\n{line}\n", encoding="utf-8")
    with pytest.raises(WorkshopError, match=problem):
        load(path)


@pytest.mark.parametrize("arguments", ["[1]", '{"a": '])
def test_broken_arguments_are_an_error_of_the_answer(arguments: str) -> None:
    call = ResponseFunctionToolCall(type="function_call", call_id="c", name="f", arguments=arguments)
    response = Response.model_construct(status="completed", error=None, output=[call])
    assert asking.read(response).error == "the arguments of a call are not a JSON object"


def test_a_response_that_a_limit_ended_is_cut() -> None:
    assert asking.read(Response.model_construct(status="incomplete", error=None, output=[])) == Answer(cut=True)


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Case]]:
    """Yield two cases; the run's files go to a temporary folder."""
    folder = run.FOLDER / tmp_path.name
    monkeypatch.setattr(run, "FOLDER", folder)
    yield [case for case in CASES if case.kind == "chat"][:2]
    shutil.rmtree(folder)


def test_a_run_that_was_stopped_goes_on_where_it_was(
    chat: list[Case], base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def stop(result: Result) -> None:
        seen.append(result.id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.evaluate(chat, [], None, base_url, print, stop)
    # The process was killed in the middle of a line: that case runs again. So does one answered by other weights.
    unfinished = next(run.FOLDER.glob("*.unfinished.jsonl"))
    kept = unfinished.read_text(encoding="utf-8")
    other = Result.model_validate_json(kept).model_copy(update={"id": chat[1].id, "digest": chat[1].digest})
    other.source = other.source[:-1] + ("0" if other.source[-1] != "0" else "1")
    unfinished.write_text(f'{kept}{other.model_dump_json()}\n{{"id": "chat-', encoding="utf-8")
    said: list[str] = []
    done = run.evaluate(chat, [], None, base_url, said.append, lambda result: seen.append(result.id))
    assert re.search(r"\b1 requests to ", said[0])
    assert seen == [chat[0].id, chat[0].id, chat[1].id]
    assert not unfinished.exists()
    assert [one.id for one in done.results] == [case.id for case in chat]
    assert [json.loads(line)["id"] for line in done.path.read_text(encoding="utf-8").splitlines()] == [
        c.id for c in chat
    ]


def test_other_weights_under_the_same_name_are_another_source(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    said: dict[str, Any] = {"meta": {"n_params": 135}}

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        body = {"config": {"base_url": f"{address}/v1"}} if "providers" in path else {"model_path": str(file)}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def seen(**changes: Any) -> str:
        entry = {"id": "m", "object": "model", "owned_by": "me", "created": 1, **said, **changes}
        return fingerprint(f"{address}/v1", Model.model_validate(entry))

    with serving(app) as address:
        without_file = seen()
        file.write_bytes(b"weights")
        first = seen()
        assert seen(created=2) == first != without_file
        assert seen(meta={"n_params": 360}) != first
        # Behind LlamaStack, whose list doesn't identify the weights.
        stack = {"custom_metadata": {"model_type": "llm", "provider_id": "llama-cpp"}}
        behind = seen(**stack)
        file.write_bytes(b"WEIGHTS")
        assert seen() != first
        assert seen(**stack) != behind
    assert seen() == seen(created=2)


def test_a_request_that_the_server_refuses_is_wrong_and_says_why(chat: list[Case], base_url: str) -> None:
    tool = {"name": "not a name", "description": "", "parameters": {"type": "no type"}}
    broken = chat[0].model_copy(update={"tools": [tool]})
    done = run.evaluate([broken], [], None, base_url, print, lambda result: None)
    assert done.results[0].problem.startswith("refused (HTTP ")


def test_a_server_that_is_not_there_is_one_line() -> None:
    address = f"http://127.0.0.1:{ports.free_port()}/v1"
    with pytest.raises(WorkshopError, match=f"No server with OpenAI's API answers at {address}"):
        run.evaluate(CASES, [], None, address, print, lambda result: None)


@pytest.mark.dear
def test_the_command_starts_a_server_asks_and_prints_a_table(chat: list[Case], tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    found = next(case for case in CASES if case.kind == "found")
    lines = [case.model_dump_json(by_alias=True, exclude_unset=True) for case in (chat[0], found)]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(cli.app, ["eval", "--requests", str(path), "--verbose"])
    assert done.exit_code == 0, done.output
    assert re.search(r"│ chat +│ [01] of 1 │", done.output)
    assert re.search(r"│ found +│ [01] of 1 │", done.output)
    assert "cannot store" not in done.output
    assert "Nothing is recorded" in done.output


def test_figures_are_recorded_for_the_whole_data_set_alone() -> None:
    done = CliRunner().invoke(cli.app, ["eval", "--record", "--kind", "chat"])
    assert done.exit_code == 2
    assert "leave out --kind" in done.output
