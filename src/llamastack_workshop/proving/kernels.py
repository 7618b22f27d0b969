"""Kernels forked from a mould, so that notebooks do not wait for the imports of the packages that they teach.

`in_moulds` makes the kernel provisioner in this module, which pyproject.toml registers, Jupyter's default:
https://jupyter-client.readthedocs.io/en/stable/provisioning.html. A notebook imports as usual, and a name that it has
not imported is undefined, as in any other kernel.
"""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from llamastack_workshop.system import paths
from llamastack_workshop.system.forked import Forked, Mould
from llamastack_workshop.system.mould import import_all
from llamastack_workshop.system.processes import end_with_parent

_MOULD = Mould(__name__, "WORKSHOP_KERNEL_MOULD")
# The start of the command of Jupyter's Python kernel, after the interpreter.
_IPYKERNEL = ["-m", "ipykernel_launcher"]
# The slow imports of the chapters, without matplotlib, which chooses its backend on import.
_IMPORTED = (
    "ipykernel.datapub",
    "ipykernel.kernelapp",
    "IPython.core.completerlib",
    "IPython.core.magics",
    "fastapi",
    "httpx",
    "langchain_core.output_parsers",
    "langchain_core.prompts",
    "langchain_core.runnables",
    "langchain_openai",
    "langgraph.checkpoint.sqlite",
    "langgraph.graph",
    "openai",
    "openai.resources",
    "sqlite3",
    "uvicorn",
    "yaml",
)


def in_moulds(variables: Mapping[str, str]) -> dict[str, str]:
    """Return `variables` plus those that make processes fork kernels from a mould, which ends with this process."""
    _MOULD.address(variables)
    folder = os.environ.get(_MOULD.variable, "")
    return {**variables, "JUPYTER_DEFAULT_PROVISIONER_NAME": "mould", _MOULD.variable: folder}


class MouldProvisioner(LocalProvisioner):
    """Starts Jupyter's Python kernel as a fork of the mould, and other kernels, or without a mould, as usual."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        variables = kwargs["env"]
        if cmd[0] == sys.executable and cmd[1:3] == _IPYKERNEL and (address := _MOULD.address(variables)):
            log = paths.LOGS / f"kernel-{self.kernel_id}.log"
            with suppress(OSError):
                self.process = _Process(Forked(address, cmd[3:], variables, log, kwargs.get("cwd")))
                self.pid = self.pgid = self.process.pid
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


class _Process:
    """A forked kernel with the interface that LocalProvisioner expects, that of subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, forked: Forked) -> None:
        self._forked, self.pid = forked, forked.pid

    def poll(self) -> int | None:
        return None if self._forked.running() else 0

    def wait(self) -> int:
        self._forked.wait()
        return 0

    def send_signal(self, number: int) -> None:
        if self._forked.running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def prepare() -> None:
    import_all(_IMPORTED)


def run(arguments: list[str]) -> None:
    """Run the kernel like `ipykernel_launcher` with `arguments`, until it is shut down or standard input closes."""
    from ipykernel import kernelapp

    end_with_parent()
    sys.argv = ["ipykernel_launcher", *arguments]
    # Like ipykernel_launcher: the kernel does not look for modules in the notebook's folder.
    del sys.path[0]
    kernelapp.launch_new_instance()
