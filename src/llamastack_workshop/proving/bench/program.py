"""Run one of the programs in comparison/, and measure it from inside, for `comparison`.

`python -m llamastack_workshop.proving.bench.program NAME BASE_URL MODEL` reads requests from standard
input, each a JSON line with a command and its arguments, and answers each with a JSON line.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from llamastack_workshop.system import paths, ports


def main() -> None:
    name, base_url, model = sys.argv[1:]
    ports.bypass_proxies()
    sys.path.insert(0, str(paths.ROOT / "comparison"))
    before = _memory()
    started = time.perf_counter()
    program = importlib.import_module(name)
    _say(seconds=time.perf_counter() - started, megabytes=_memory() - before)
    chain = program.Chain(base_url, model)
    for line in sys.stdin:
        request = json.loads(line)
        match request.pop("command"):
            case "run":
                _say(**_timed(lambda text: chain.run(text).model_dump(), **request), megabytes=_memory() - before)
            case "run_all":
                _say(**_timed(lambda texts: [one.model_dump() for one in chain.run_all(texts)], **request))
            case "stream":
                _say(**_first_token(chain, **request))
            case "fail":
                options = {"base_url": base_url, "model": model, **request["options"]}
                failing = program.Chain(**options)
                if request["stream"]:
                    _say(**_failure(_stream_aloud, failing, request["text"]))
                else:
                    _say(**_failure(failing.run, request["text"], request["limit"]))


def _timed(work: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Return the result of `work`, its wall time, and this process's CPU time, in seconds."""
    started, cpu = time.perf_counter(), time.process_time()
    result = work(**arguments)
    return {"result": result, "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}


def _first_token(chain: Any, text: str) -> dict[str, float]:
    started = time.perf_counter()
    pieces = chain.stream(text)
    # LangChain starts with empty pieces.
    while not next(pieces):
        pass
    first = time.perf_counter() - started
    for _ in pieces:
        pass
    return {"first_token_seconds": first, "seconds": time.perf_counter() - started}


def _stream_aloud(chain: Any, text: str) -> None:
    """Stream, and report the first piece."""
    for number, piece in enumerate(piece for piece in chain.stream(text) if piece):
        if number == 0:
            _say(first=piece)


def _failure(work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Return the exception of `work`: its class, the openai, httpx or pydantic class that catches it, and the time."""
    started = time.perf_counter()
    try:
        work(*arguments)
    except Exception as error:
        known = [
            kind
            for kind in type(error).__mro__
            if kind.__module__.split(".")[0] in ("openai", "httpx", "pydantic_core")
        ]
        return {
            "error": f"{type(error).__module__.split('.')[0]}.{type(error).__name__}",
            "caught_by": f"{known[0].__module__.split('.')[0]}.{known[0].__name__}" if known else "",
            "message": str(error).splitlines()[0][:120],
            "seconds": time.perf_counter() - started,
        }
    return {"error": "", "caught_by": "", "message": "", "seconds": time.perf_counter() - started}


def _memory() -> float:
    """Return the resident memory of this process in MB."""
    return psutil.Process().memory_info().rss / 1e6


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
