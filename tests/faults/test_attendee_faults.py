"""Attendees' changes to their own files, and the files that must not be lost: copies, the record, .env and its keys."""

import signal
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from clones import Clone, Run, end, ended, ordinary_user, read_until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from web_servers import serving

from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]
KEY = "sk-secret-0123456789abcdef"
PASSWORD = "pa55word-of-ollama"


def hand_out(clone: Clone) -> Run:
    code = "from llamastack_workshop.attending import chapters; chapters.hand_out()"
    return ended(clone.program(str(clone.folder / ".venv/bin/python"), "-c", code))


def test_damaged_copies(clone: Clone, row: Row) -> None:
    work = clone.folder / "work"
    work.mkdir()
    damaged = {
        "01-server-setup.ipynb": b"[]",
        "02-responses-api.ipynb": b"\x89PNG\xff",
        "03-prompt-chaining.ipynb": b"",
        "04-langchain-hybrid.ipynb": b'{"nbformat": 99}',
    }
    for name, content in damaged.items():
        (work / name).write_bytes(content)
    (work / "05-why-responses-needs-agents.ipynb").mkdir()
    run = hand_out(clone)
    row("Copies in `work/` are damaged, or a folder", Run(run.status, "the others are handed out", run.errors))
    assert run.status == 0 and len(list(work.glob("*.ipynb"))) == 25
    assert {name: (work / name).read_bytes() for name in damaged} == damaged


def test_a_damaged_record(clone: Clone, row: Row) -> None:
    (clone.folder / "work").mkdir()
    good = b'{"exercise": "server_setup.short_answer", "at": "2026-11-27T00:00:00"}\n'
    (clone.folder / "work/.progress.jsonl").write_bytes(b"\xff\xfe{\n[]\n" + b"[" * 100_000 + b"\n" + good)
    run = clone.run("progress")
    row("The record of progress is damaged", Run(run.status, "what is whole counts", run.errors))
    assert run.status == 0 and "1 of 2" in run.output


def test_a_record_that_is_a_folder(clone: Clone, row: Row) -> None:
    (clone.folder / "work/.progress.jsonl").mkdir(parents=True)
    run = clone.run("progress")
    row("The record of progress is a folder", Run(run.status, "nothing is solved", run.errors))
    assert run.status == 0


def test_a_copy_that_is_a_link(clone: Clone, scratch: Path, row: Row) -> None:
    hand_out(clone)
    copy, mine = clone.folder / "work/02-responses-api.ipynb", scratch / "mine.ipynb"
    copy.rename(mine)
    mine.write_text(mine.read_text().replace("The Responses API", "My Responses API"), encoding="utf-8")
    copy.symlink_to(mine)
    text = mine.read_text()
    assert hand_out(clone).status == 0 and copy.is_symlink()
    run = clone.run("reset", "2")
    row("A copy in `work/` is a link: `reset 2`", run)
    assert run.status == 0 and mine.read_text() == text
    kept = [path for path in copy.parent.glob("02-*") if path.is_symlink()]
    assert len(kept) == 1 and not copy.is_symlink()


def test_an_untouched_copy_that_is_a_link_stays_one(clone: Clone, scratch: Path, row: Row) -> None:
    hand_out(clone)
    copy, mine = clone.folder / "work/02-responses-api.ipynb", scratch / "mine.ipynb"
    copy.rename(mine)
    copy.symlink_to(mine)
    chapter = clone.folder / "notebooks/02-responses-api.ipynb"
    chapter.write_text(
        chapter.read_text(encoding="utf-8").replace("The Responses API", "The new one"), encoding="utf-8"
    )
    run = hand_out(clone)
    row("An unchanged copy is a link, and its chapter changes", Run(run.status, "the copy follows", run.errors))
    assert run.status == 0 and "The new one" in copy.read_text(encoding="utf-8")


def test_work_is_a_link_that_leads_nowhere(clone: Clone, row: Row) -> None:
    (clone.folder / "work").symlink_to("/nowhere/at/all")
    run = clone.run("lab", "--port", str(ports.free_port()), "--no-browser")
    row("`work` is a link that leads nowhere", run)
    assert run.status == 1 and "work" in run.said and "Traceback" not in run.errors


def test_work_is_a_file(clone: Clone, row: Row) -> None:
    (clone.folder / "work").write_text("mine")
    run = clone.run("lab", "--port", str(ports.free_port()), "--no-browser")
    row("`work` is a file", run)
    assert run.status == 1 and (clone.folder / "work").read_text() == "mine"


ENVS = {
    "curly quotes around a key": "OPENAI_API_KEY=“sk-0123456789”\n".encode(),
    "a byte that is not UTF-8": b"# caf\xe9\nOPENAI_API_KEY=sk-0123456789\n",
    "UTF-16, as an editor on Windows saves it": "OPENAI_API_KEY=sk-0123456789\n".encode("utf-16"),
    "lines that are no assignments": b"export\nOPENAI_API_KEY sk-0123456789\n===\n",
    "an address without http://": b"OLLAMA_URL=localhost:11434/v1\n",
    "an address with blanks": b"OLLAMA_URL='http://local host:11434/v1'\n",
    "a port that is none": b"OLLAMA_URL=http://localhost:99999/v1\n",
    "WORKSHOP_UPSTREAM that is none": b"WORKSHOP_UPSTREAM=chatgpt\n",
    "WORKSHOP_THREADS that is no number": b"WORKSHOP_THREADS=many\n",
    "WORKSHOP_MODEL that is a folder": b"WORKSHOP_MODEL=/tmp\n",
}


@pytest.mark.parametrize("what", ENVS)
def test_a_strange_env_file(what: str, clone: Clone, row: Row) -> None:
    (clone.folder / ".env").write_bytes(ENVS[what])
    changed = {} if "THREADS" not in what else {"WORKSHOP_THREADS": "many"}
    run = clone.serve(**changed)
    row(f"`.env` has {what}", run)
    assert run.status == {"lines that are no assignments": 0, "WORKSHOP_UPSTREAM that is none": 2}.get(what, 1)
    for everything in (run.output + run.errors, clone.run("doctor", "--port", str(ports.free_port())).output):
        assert "Traceback" not in everything and "0123456789" not in everything


def test_an_env_file_that_is_a_folder(clone: Clone, row: Row) -> None:
    (clone.folder / ".env").mkdir()
    run = clone.serve()
    row("`.env` is a folder", run)
    assert run.status == 1 and "is a folder" in run.said


def test_an_env_file_that_may_not_be_read(clone: Clone, row: Row) -> None:
    (clone.folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\n", encoding="utf-8")
    (clone.folder / ".env").chmod(0)
    run = clone.serve(before=ordinary_user())
    row("`.env` may not be read", run)
    assert run.status == 1 and "chmod u+r .env" in run.said


def test_a_key_stands_nowhere(clone: Clone, row: Row) -> None:
    """A key is used, and rejected by an upstream; then the test searches for it everywhere."""

    async def answer(request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        return JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401)

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1}]})

    routes = [
        Route("/v1/models", models),
        Route("/v1/chat/completions", answer, methods=["POST"]),
        Route("/v1/completions", answer, methods=["POST"]),
    ]
    port, lab_port = str(ports.free_port()), str(ports.free_port())
    with serving(Starlette(routes=routes)) as url:
        (clone.folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL={url}/v1\n", encoding="utf-8")
        process = clone.start("lab", "--port", port, "--lab-port", lab_port, "--no-browser")
        said = read_until(process, "Ctrl-C stops everything")
        asked = {"model": "openai/gpt-4o-mini", "input": "Hello!"}
        answered = [httpx.post(f"http://localhost:{port}/v1/responses", json=asked, timeout=60).text]
        chat = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}
        answered.append(httpx.post(f"http://localhost:{port}/v1/chat/completions", json=chat, timeout=60).text)
        for path in ("providers", "models", "inspect/routes"):
            answered.append(httpx.get(f"http://localhost:{port}/v1/{path}", timeout=30).text)
        running = clone.processes()
        lists = [" ".join(one.cmdline()) for one in running]
        environments = {one.pid: one.environ() for one in running}
        names = {one.pid: " ".join(one.cmdline()[:4]) for one in running}
        run = end(process, signal.SIGINT)
    told = [said, run.output, run.errors, clone.run("doctor", "--port", port).output]
    assert not [text for text in (*told, *lists, *answered) if KEY in text]
    written = [*(clone.folder / ".workshop").rglob("*"), *(clone.folder / "work").rglob("*"), *clone.home.rglob("*")]
    files = [path for path in written if path.is_file() and path.suffix != ".gguf"]
    assert files and not [path for path in files if KEY.encode() in path.read_bytes()]
    holders = [names[pid] for pid, variables in environments.items() if KEY in variables.values()]
    row("A key in `.env`, looked for in every log, state file, output, list of processes and answer", (0, "nowhere"))
    # Only the command that read it and the server that uses it may have it.
    assert not [name for name in holders if "jupyter" in name or "embedded" in name or "ipykernel" in name]


def test_files_are_their_owners_alone(clone: Clone, row: Row) -> None:
    (clone.folder / ".workshop/state").mkdir(mode=0o755)
    (clone.folder / ".workshop/logs").mkdir(mode=0o755)
    (clone.folder / ".env").write_text("# nothing\n", encoding="utf-8")
    (clone.folder / ".env").chmod(0o644)
    run = clone.serve()
    row("State, logs and `.env` can be read by others: the start", run)
    assert run.status == 0
    # The start makes the folders of its own port private; those of other ports stay as they are.
    others = [clone.folder / ".workshop" / name for name in ("state", "logs", "models")]
    written = [
        path for path in (clone.folder / ".workshop").rglob("*") if path not in others and path.parent != others[2]
    ]
    assert written and not [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]
    doctor = clone.run("doctor", "--port", str(ports.free_port()))
    row("`.env` can be read by others: `doctor`", (doctor.status, line_with(doctor.output, ".env")))
    assert "chmod 600" in doctor.output


def line_with(text: str, word: str) -> str:
    return next((" ".join(line.split()) for line in text.splitlines() if word in line), "")
