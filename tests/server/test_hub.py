"""The download of a model from a hub: its result, the cost of an interruption, and the messages."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from gguf_files import write_model
from hub_server import Hub, hub
from huggingface_hub import constants, file_download

from llamastack_workshop.server.embedded import models, weights
from llamastack_workshop.server.embedded.hub import Source, cached, fetch
from llamastack_workshop.system import memory
from llamastack_workshop.system.errors import WorkshopError

TINY = Source("Workshop/Tiny-GGUF", "tiny.gguf")
GATED = Source("Workshop/Gated-GGUF", "gated.gguf")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real GGUF file of a few MB."""
    return write_model(tmp_path_factory.mktemp("hub") / "tiny.gguf", width=256)


def at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the same settings as HF_ENDPOINT does before huggingface_hub is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def the_hub(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with two files in place of huggingface.co, and an empty cache."""
    with hub({f"{one.repo}/{one.file}": served for one in (TINY, GATED)}) as running:
        at(running.url, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        running.gated = {GATED.repo}
        yield running


def get(source: Source = TINY, said: list[str] | None = None, check: Callable[[int], None] = lambda size: None) -> Path:
    return fetch(source, [].append if said is None else said.append, check)


def leftovers(cache: Path) -> list[Path]:
    return [file for file in cache.rglob("*.incomplete")]


def test_a_file_comes_once_into_the_cache_that_others_share(the_hub: Hub, served: Path) -> None:
    said: list[str] = []
    file = get(said=said)
    assert file.read_bytes() == served.read_bytes()
    assert said == [f"Downloading tiny.gguf ({served.stat().st_size / 1e6:.0f} MB) from {the_hub.url[7:]} …"]
    the_hub.asked.clear()
    assert get(said=said) == file and said[1].startswith("Checking tiny.gguf")
    # No more network is needed, and other programs find the file.
    assert the_hub.asked == []
    the_hub.status = 503
    assert Path(huggingface_hub.hf_hub_download(TINY.repo, TINY.file, cache_dir=constants.HF_HUB_CACHE)) == file


def test_a_damaged_file_in_the_cache_is_fetched_anew(the_hub: Hub, served: Path) -> None:
    blob = get().resolve()
    content = served.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said: list[str] = []
    assert get(said=said).read_bytes() == content
    assert "tiny.gguf is damaged in the cache: downloading it again." in said


def test_a_broken_connection_goes_on_where_it_was(the_hub: Hub, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 65_536)
    the_hub.breaks_after = 1_000_000
    with pytest.raises(WorkshopError, match=r"was lost during the download of tiny.gguf.\nRun the same command again"):
        get()
    assert cached(TINY) is None
    the_hub.breaks_after = None
    the_hub.asked.clear()
    said: list[str] = []
    assert get(said=said).read_bytes() == served.read_bytes()
    assert the_hub.downloads() == ["bytes=1048576-"] and "1 MB of it already here" in said[0]
    assert leftovers(Path(constants.HF_HUB_CACHE)) == []


def test_a_damaged_download_is_refused_and_leaves_nothing(the_hub: Hub) -> None:
    the_hub.is_damaged = True
    with pytest.raises(WorkshopError, match=r"tiny\.gguf arrived damaged: its SHA-256 is not the one that 127"):
        get()
    cache = Path(constants.HF_HUB_CACHE)
    assert cached(TINY) is None and leftovers(cache) == [] and not list(cache.rglob("blobs/*"))
    the_hub.is_damaged = False
    assert get().exists()


def test_the_token_goes_to_the_hub_alone(the_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkshopError, match=rf"{GATED.repo} is gated.*\nAccept them at {the_hub.url}/{GATED.repo}"):
        get(GATED)
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    said: list[str] = []
    assert get(GATED, said).exists()
    sent = {(path.split("/")[1], authorization) for _, path, _, authorization in the_hub.asked if authorization}
    assert sent == {("Workshop", "Bearer hf_0123456789")}
    assert the_hub.downloads() == [None] and "0123456789" not in "".join(said)


def no_space(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr("llamastack_workshop.system.files.shutil.disk_usage", lambda path: usage)


def too_large(size: int) -> None:
    raise WorkshopError("tiny needs more memory.", "Close other programs.")


@pytest.mark.parametrize(
    ("source", "change", "problem", "fix"),
    [
        (Source("Workshop/None", "a.gguf"), {}, "has no repository Workshop/None, or it is private", "HF_TOKEN"),
        (Source(TINY.repo, "tinny.gguf"), {}, "Workshop/Tiny-GGUF has no file tinny.gguf", "It has: tiny.gguf"),
        (TINY, {"status": 503}, r"answers with an error \(HTTP 503\)", "Wait"),
        (TINY, {"status": 429}, r"answers with an error \(HTTP 429\)", "Wait"),
        (TINY, {"token": "hf_another"}, r"rejects the token \(HTTP 401\)", "unset it: open models do not need one"),
        (TINY, {"is_hub": False}, "answers, but not like a Hugging Face hub", "Correct HF_ENDPOINT"),
    ],
)
def test_what_a_hub_refuses(
    the_hub: Hub, source: Source, change: dict, problem: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "token" in change:
        monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    vars(the_hub).update(change)
    with pytest.raises(WorkshopError, match=f"{problem}.*\n.*{fix}") as raised:
        get(source)
    assert "0123456789" not in str(raised.value)
    assert not list(Path(constants.HF_HUB_CACHE).rglob("blobs/*"))


@pytest.mark.parametrize(
    ("endpoint", "problem", "fix"),
    [
        ("http://127.0.0.1:9", "127.0.0.1:9 does not answer .*refused", "Check the network, the proxy and HF_ENDPOINT"),
        ("huggingface.co", "HF_ENDPOINT=huggingface.co is not a URL", "Start it with https://"),
    ],
)
def test_no_hub(the_hub: Hub, endpoint: str, problem: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at(endpoint, monkeypatch)
    with pytest.raises(WorkshopError, match=f"{problem}.*\n{fix}"):
        get()


def test_what_this_machine_refuses(the_hub: Hub, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkshopError, match="needs more memory"):
        get(check=too_large)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WorkshopError, match=r"is not in the cache .* HF_HUB_OFFLINE forbids .*\nUnset HF_HUB_OFFLINE"):
        get()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    no_space(monkeypatch)
    needed = served.stat().st_size / 1e6
    with pytest.raises(WorkshopError, match=rf"No space left in .*: {needed:.0f} MB are needed, 1 MB are free"):
        get()
    assert the_hub.downloads() == []


def test_a_model_larger_than_memory_is_refused_before_it_comes(the_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1_500_000_000)
    monkeypatch.setenv("WORKSHOP_MODEL", str(TINY))
    with pytest.raises(WorkshopError, match=r"tiny needs 2\.0 GB of free memory, and 1\.5 GB are free\.\nClose other"):
        models.chat_model([].append)
    assert the_hub.downloads() == []


@pytest.mark.dear
def test_a_killed_download_goes_on_where_it_was(the_hub: Hub, tmp_path: Path) -> None:
    cache, whole = tmp_path / "home" / "hub", weights.SMOLLM2.path()
    the_hub.files[f"{TINY.repo}/{TINY.file}"] = whole
    variables = {"HF_ENDPOINT": the_hub.url, "HF_HOME": str(tmp_path / "home"), "WORKSHOP_MODEL": str(TINY)}
    command = [sys.executable, "-m", "llamastack_workshop.cli", "setup"]
    the_hub.pause = 0.01
    with subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 60
        while sum(part.stat().st_size for part in leftovers(cache)) < constants.DOWNLOAD_CHUNK_SIZE:
            assert time.monotonic() < deadline and first.poll() is None
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
    (part,) = leftovers(cache)
    begun = part.stat().st_size
    assert 0 < begun < whole.stat().st_size
    the_hub.pause = 0
    the_hub.asked.clear()
    second = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=100)
    assert second.returncode == 0, second.stderr
    assert the_hub.downloads() == [f"bytes={begun}-"] and "already here) from" in second.stdout
    assert leftovers(cache) == [] and next(cache.rglob("tiny.gguf")).read_bytes() == whole.read_bytes()
