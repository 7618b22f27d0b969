"""`start`, Binder's wrapper around its Jupyter server. Stubs replace the commands that are tested elsewhere."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from llamastack_workshop.system import paths

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Binder runs on Linux")


def start(folder: Path, workshop: str, *jupyter: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of `start` in `folder`, with `workshop` as the script of that command, and no chapters to copy."""
    shutil.copy2(paths.ROOT / "start", folder)
    for name, script in {"workshop": workshop, "python": "exit 0"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([folder / "start", *jupyter], env=environment, capture_output=True, text=True, timeout=60)


def test_jupyter_starts_even_if_the_server_does_not(tmp_path: Path) -> None:
    log = tmp_path / ".workshop" / "logs" / "binder.log"
    wait = f'until grep -q taken "{log}"; do sleep 0.1; done; echo hello; exit 7'
    run = start(tmp_path, "echo Error: the port is taken; exit 1", "sh", "-c", wait)
    assert (run.returncode, run.stdout, run.stderr) == (7, "hello\n", "")


@pytest.mark.dear
def test_the_server_runs_beside_jupyter_and_ends_with_it(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    start(tmp_path, f'echo $$ >"{ready}"; exec sleep 60', "sh", "-c", f'while [ ! -s "{ready}" ]; do sleep 0.1; done')
    server = int(ready.read_text(encoding="utf-8"))
    deadline = time.monotonic() + 20
    while psutil.pid_exists(server) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(server)


def test_it_hands_out_chapters_with_what_the_package_has() -> None:
    script = (paths.ROOT / "start").read_text(encoding="utf-8")
    imports, call = re.search(r'^python -c "(.*); (.*)\(\)"', script, re.MULTILINE).groups()
    names: dict[str, object] = {}
    exec(imports, names)
    assert callable(eval(call, names))
