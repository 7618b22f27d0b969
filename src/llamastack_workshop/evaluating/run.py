"""A run over the data set: a server, the requests one after the other, and a file with the results so far."""

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
    """A finished run: the model, the results in the order of the data set, and the file with the results."""

    model: str
    results: list[Result]
    path: Path


def chosen(kinds: list[str], cases: list[Case]) -> list[Case]:
    """Return the cases of these kinds, or all if `kinds` is empty. Raises WorkshopError for an unknown kind."""
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
    """Send the `cases` of these kinds (all, if `kinds` is empty) to the model, and judge the answers.

    Without `base_url`, a server is started. Without `model`, the server's first model is used. `on_result` is called
    with each result, including those of an unfinished run with the same server and weights, which this run continues.
    Raises WorkshopError if server, model or kind do not exist, or if the server stops answering.
    """
    wanted = chosen(kinds, cases)
    with _server(base_url, say) as url:
        client = OpenAI(base_url=url, api_key=token() or "none", timeout=_TIMEOUT)
        served = _model(client, url, model)
        model = served.id
        folder = files.private_folder(FOLDER)
        name = re.sub(r"[^\w.-]+", "_", model)
        finished, unfinished = folder / f"{name}.jsonl", folder / f"{name}.unfinished.jsonl"
        # Our own server has another address each time.
        source = f"{url if base_url else 'own server'} {fingerprint(url, served)}"
        kept = _kept(unfinished, source, cases)
        results = {case.id: kept.pop(case.id) for case in wanted if case.id in kept}
        say(f"Sending {len(wanted) - len(results)} requests to {model} …")
        if results:
            file = unfinished.relative_to(paths.ROOT)
            say(f"{len(results)} more have already been answered; delete {file} to send them again.")
        for result in results.values():
            on_result(result)
        left = [case for case in wanted if case.id not in results]
        # Always all documents, regardless of the kinds, because a search in fewer documents finds other passages.
        searched = cases if any(case.documents for case in left) else []
        with _gone_server_told(url), asking.documents_in_store(client, searched) as store:
            for case in left:
                results[case.id] = _result(client, model, case, store, source, unfinished)
                on_result(results[case.id])
        ordered = [results[case.id] for case in wanted]
        _write(finished, ordered)
        # The results of other kinds, for a later run.
        _write(unfinished, kept.values())
    return Evaluation(model, ordered, finished)


def _result(client: OpenAI, model: str, case: Case, store: str | None, source: str, path: Path) -> Result:
    """Send one case to the model, and append its result to `path`."""
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
    """Turn the connection error of a server that no longer answers into a WorkshopError."""
    try:
        yield
    except APIConnectionError as error:
        fix = "Start it again; the same command continues from here."
        raise WorkshopError(f"The server at {url} no longer answers.", fix) from error


def _kept(path: Path, source: str, cases: list[Case]) -> dict[str, Result]:
    """Return the results in `path` that are valid for `cases` and `source`, by id; remove the others from the file."""
    if not path.exists():
        return {}
    digests = {case.id: case.digest for case in cases}
    kept = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        # The last line may be incomplete, if the process ended while writing it.
        with suppress(ValidationError):
            result = Result.model_validate_json(line)
            if result.source == source and digests.get(result.id) == result.digest:
                kept[result.id] = result
    _write(path, kept.values())
    return kept


def _write(path: Path, results: Collection[Result]) -> None:
    """Write `results` to `path`, one per line; delete the file if there are none."""
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
            raise WorkshopError(f"The server at {url} rejects the token (HTTP {error.status_code}).", fix) from error
        hint = "" if url.endswith("/v1") else " The address ends in /v1."
        raise WorkshopError(
            f"No server with OpenAI's API answers at {url}.{hint}", "Start it, or leave out --base-url."
        ) from error
    # Only LlamaStack states a model's type.
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
    """Yield `base_url`, or the address of a server started on a free port, with temporary state."""
    if base_url:
        if not base_url.startswith(("http://", "https://")):
            host = base_url.split("://")[-1]
            raise WorkshopError(
                f"--base-url {base_url} does not start with http:// or https://.", f"Give http://{host}"
            )
        yield base_url.rstrip("/")
        return
    with (
        tempfile.TemporaryDirectory(prefix="workshop-eval-", ignore_cleanup_errors=True) as state,
        running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "eval") as running,
    ):
        yield running.base_url
