"""A run over the data set: a server, the requests one after the other, and a file that keeps what is done."""

import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from openai import APIConnectionError, APIStatusError, OpenAI, OpenAIError
from openai.types import Model
from pydantic import ValidationError

from llamastack_workshop.evaluating import asking, rules
from llamastack_workshop.evaluating.cases import Case
from llamastack_workshop.evaluating.record import Result
from llamastack_workshop.evaluating.served import fingerprint
from llamastack_workshop.patterns.run import token
from llamastack_workshop.patterns.steps import DENIED
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import files, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError

FOLDER = paths.output() / "evaluation"

_TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class Evaluation:
    """A finished run: the model, the result of each case in the order of the data set, and the file that has them."""

    model: str
    results: list[Result]
    path: Path


def chosen(kinds: list[str], cases: list[Case]) -> list[Case]:
    """Return the cases of these kinds, or all without any. Raises WorkshopError if there is no such kind."""
    known = list(dict.fromkeys(case.kind for case in cases))
    if unknown := [kind for kind in kinds if kind not in known]:
        raise WorkshopError(f"There are no requests of the kind {unknown[0]}.", f"Choose from: {', '.join(known)}")
    return [case for case in cases if not kinds or case.kind in kinds]


def evaluate(
    cases: list[Case],
    kinds: list[str],
    model: str | None,
    base_url: str | None,
    say: Say,
    on_result: Callable[[Result], None],
) -> Evaluation:
    """Ask the model those of `cases` that are of these kinds (all, without any), and judge the answers.

    Without `base_url`, a server is started for it. Without `model`, it is the server's first one. `on_result` gets each
    result, also those of an unfinished run with the same server and weights, which this one continues.
    Raises WorkshopError if server, model or kind are not there, or if the server goes away meanwhile.
    """
    wanted = chosen(kinds, cases)
    with _server(base_url, say) as url:
        client = OpenAI(base_url=url, api_key=token() or "none", timeout=_TIMEOUT)
        served = _model(client, url, model)
        model = served.id
        folder = files.private_folder(FOLDER)
        name = re.sub(r"[^\w.-]+", "_", model)
        finished, unfinished = folder / f"{name}.jsonl", folder / f"{name}.unfinished.jsonl"
        # A server of our own has another address each time.
        source = f"{url if base_url else 'own server'} {fingerprint(url, served)}"
        kept = _kept(unfinished, source, cases)
        results = {case.id: kept.pop(case.id) for case in wanted if case.id in kept}
        say(f"Asking {model} {len(wanted) - len(results)} requests …")
        if results:
            file = unfinished.relative_to(paths.ROOT)
            say(f"{len(results)} more are answered already; remove {file} to ask them again.")
        for result in results.values():
            on_result(result)
        left = [case for case in wanted if case.id not in results]
        # The same documents whatever is asked: a search finds other passages among fewer.
        searched = cases if any(case.documents for case in left) else []
        with _gone_server_told(url), asking.documents_in_store(client, searched) as store:
            for case in left:
                results[case.id] = _result(client, model, case, store, source, unfinished)
                on_result(results[case.id])
        ordered = [results[case.id] for case in wanted]
        _write(finished, ordered)
        # Those of other kinds, which a later run continues.
        _write(unfinished, kept.values())
    return Evaluation(model, ordered, finished)


def _result(client: OpenAI, model: str, case: Case, store: str | None, source: str, path: Path) -> Result:
    """Ask one case, and write down in `path` what came of it."""
    started = time.perf_counter()
    answer = asking.ask(client, model, case, store)
    result = Result(
        id=case.id,
        kind=case.kind,
        digest=case.digest,
        source=source,
        problem=rules.objection(case.right, answer),
        seconds=round(time.perf_counter() - started, 2),
        answer={"text": answer.text, "calls": [call.model_dump() for call in answer.calls]},
    )
    with path.open("a", encoding="utf-8") as file:
        file.write(result.model_dump_json() + "\n")
    return result


@contextmanager
def _gone_server_told(url: str) -> Iterator[None]:
    """Turn the error of a server that does not answer into a WorkshopError."""
    try:
        yield
    except APIConnectionError as error:
        fix = "Start it again; the same command goes on from here."
        raise WorkshopError(f"The server at {url} does not answer any more.", fix) from error


def _kept(path: Path, source: str, cases: list[Case]) -> dict[str, Result]:
    """Return the results in `path` that hold for `cases` and are from `source`, by id; the others leave the file."""
    if not path.exists():
        return {}
    digests = {case.id: case.digest for case in cases}
    kept = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        # The process may have ended while it wrote the last line.
        with suppress(ValidationError):
            result = Result.model_validate_json(line)
            if result.source == source and digests.get(result.id) == result.digest:
                kept[result.id] = result
    _write(path, kept.values())
    return kept


def _write(path: Path, results: Collection[Result]) -> None:
    """Put `results` into `path`, one a line; without any, there is no file."""
    if results:
        files.write_whole(path, "".join(result.model_dump_json() + "\n" for result in results))
    else:
        path.unlink(missing_ok=True)


def _model(client: OpenAI, url: str, wanted: str | None) -> Model:
    """Return the model `wanted`, or the first language model that the server lists."""
    try:
        listed = list(client.models.list())
    except (OpenAIError, ValueError) as error:
        if isinstance(error, APIStatusError) and error.status_code in DENIED:
            fix = "Set LLAMA_STACK_API_KEY, in the shell or in .env, to a token that it accepts."
            raise WorkshopError(f"The server at {url} wants another token (HTTP {error.status_code}).", fix) from error
        hint = "" if url.endswith("/v1") else " The address ends in /v1."
        raise WorkshopError(
            f"No server with OpenAI's API answers at {url}.{hint}", "Start it, or leave out --base-url."
        ) from error
    # Only LlamaStack says of what type a model is.
    served = {one.id: one for one in listed if _type(one) == "llm"}
    if wanted is None and served:
        return next(iter(served.values()))
    if wanted not in served:
        known = f"Choose one of: {', '.join(list(served)[:20])}" if served else "Load one there."
        raise WorkshopError(f"The server at {url} does not serve {wanted or 'any language model'}.", known)
    return served[wanted]


def _type(model: Model) -> str:
    return ((model.model_extra or {}).get("custom_metadata") or {}).get("model_type", "llm")


@contextmanager
def _server(base_url: str | None, say: Say) -> Iterator[str]:
    """Yield `base_url`, or the address of a server that is started on a free port, with a state that goes with it."""
    if base_url:
        if not base_url.startswith(("http://", "https://")):
            host = base_url.split("://")[-1]
            raise WorkshopError(
                f"--base-url {base_url} does not begin with http:// or https://.", f"Give http://{host}"
            )
        yield base_url.rstrip("/")
        return
    with (
        tempfile.TemporaryDirectory(prefix="workshop-eval-", ignore_cleanup_errors=True) as state,
        running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "eval") as running,
    ):
        yield running.base_url
