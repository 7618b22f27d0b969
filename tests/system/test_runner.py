"""A command ends with the make that runs it, however make ends."""

import subprocess
import sys
from pathlib import Path

import psutil

COMMAND = """
import time
from llamastack_workshop.system.runner import end_with_runner
end_with_runner()
print("ready", flush=True)
time.sleep(60)
"""


def test_make_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "command.py").write_text(COMMAND, encoding="utf-8")
    (tmp_path / "Makefile").write_text(f"run:\n\t@{sys.executable} command.py\n", encoding="utf-8")
    make = subprocess.Popen(["make", "run"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    # A make that was started by another make prints more lines.
    assert any(line == "ready\n" for line in make.stdout)
    children = psutil.Process(make.pid).children()
    make.kill()
    assert children and not psutil.wait_procs(children, timeout=20)[1]
