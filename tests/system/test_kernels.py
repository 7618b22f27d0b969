"""Kernels that the workshop starts end with their run, however it ends."""

import os
import time
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from llamastack_workshop.system import kernels

SLEEPER = """import os, pathlib, time
pathlib.Path("part").write_text(str(os.getpid()))
pathlib.Path("part").rename("pid")
time.sleep(600)"""


def test_when_one_notebook_fails_the_kernels_of_the_others_are_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def work(name: str) -> None:
        if name == "sleeps":
            kernels.execute(new_notebook(cells=[new_code_cell(SLEEPER)]), tmp_path, os.environ, timeout=900)
        while not pid_file.exists():
            time.sleep(0.1)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        kernels.in_parallel(work, ["sleeps", "fails"], 2, lambda *_: None)
    assert not psutil.pid_exists(int(pid_file.read_text(encoding="utf-8")))
