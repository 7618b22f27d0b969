"""Ctrl-C at an inconvenient moment."""

import subprocess
import sys

PROGRAM = """
import time
from llamastack_workshop.system.errors import clear_errors
from llamastack_workshop.system.interrupts import keep_interrupts

class Tidied:
    def __del__(self):
        raise KeyboardInterrupt

keep_interrupts()
with clear_errors():
    Tidied()
    time.sleep(60)
    print("not interrupted")
"""


def test_ctrl_c_while_python_tidies_up_is_not_lost() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "Stopped.\n")
