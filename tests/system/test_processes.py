"""Child processes: ending one that doesn't stop, and the modules that another environment's Python finds."""

import subprocess
import sys
import time
from pathlib import Path

from llamastack_workshop.system import environment, paths
from llamastack_workshop.system.processes import Spawned


def test_a_process_that_threads_keep_alive_ends_all_the_same() -> None:
    code = """
import threading, time
from llamastack_workshop.system.processes import end_within
threading.Thread(target=time.sleep, args=[60]).start()
end_within(0.2)
"""
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 1
    assert time.monotonic() - started < 20


def test_a_python_of_another_environment_finds_our_modules_and_those_of_its_caller(tmp_path: Path) -> None:
    # The same interpreter under another name, like the one of another environment.
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    (tmp_path / "tell.py").write_text("import sys\nprint(sys.path)\n", encoding="utf-8")
    variables = environment.named() | {"PYTHONPATH": str(tmp_path)}
    child = Spawned("tell", environment=variables, log=tmp_path / "log", read_output=True, python=other)
    said = child.output.read().decode()
    child.wait(30)
    assert str(paths.ROOT / "src") in said and repr(str(tmp_path)) in said
