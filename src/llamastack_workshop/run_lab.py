"""Run JupyterLab as a child process of the workshop."""

import sys

from jupyterlab.labapp import main as jupyter_lab

from llamastack_workshop.lifeline import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    sys.exit(jupyter_lab())
