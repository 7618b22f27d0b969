"""Kernels from a mould behave like ordinary kernels."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.manager import start_new_kernel
from jupyter_client.provisioning import KernelProvisionerFactory

from llamastack_workshop.proving import kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel from the mould, with `tmp_path` as its working directory."""
    kernels.in_moulds(os.environ)
    monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", "mould")
    monkeypatch.setenv("WORKSHOP_KERNEL_TEST", "this kernel alone")
    manager, client = start_new_kernel(cwd=str(tmp_path))
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def values(client: BlockingKernelClient, **expressions: str) -> dict[str, Any]:
    """Return the value of each of `expressions` in the kernel, as Python shows it, or the name of its exception."""
    reply = client.execute("import os, sys", user_expressions=expressions, reply=True, timeout=30)
    found = reply["content"]["user_expressions"]
    return {
        name: one["ename"] if one["status"] == "error" else one["data"]["text/plain"] for name, one in found.items()
    }


def test_a_kernel_has_its_own_environment_and_knows_only_what_its_notebook_imports(
    kernel: tuple[KernelManager, BlockingKernelClient], tmp_path: Path
) -> None:
    manager, client = kernel
    process = psutil.Process(manager.provisioner.pid)
    assert "llamastack_workshop.system.mould" in process.parent().cmdline()
    found = values(
        client,
        folder="os.getcwd()",
        variable="os.environ['WORKSHOP_KERNEL_TEST']",
        session="os.getsid(0) == os.getpid()",
        places_for_imports="{os.getcwd(), ''} & set(sys.path)",
        imported="'langchain_openai' in sys.modules",
        unknown="langchain_openai",
        mask="os.umask(os.umask(0o022))",
    )
    assert found == {
        "folder": repr(str(tmp_path)),
        "variable": "'this kernel alone'",
        "session": "True",
        "places_for_imports": "{''}",
        "imported": "True",
        "unknown": "NameError",
        "mask": str(os.umask(os.umask(0o022))),
    }


def test_a_kernel_can_be_interrupted_and_goes_on(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    manager, client = kernel
    # By default, the kernel would briefly discard requests after an error.
    request = client.execute("print('it has begun', flush=True)\nimport time\ntime.sleep(60)", stop_on_error=False)
    while client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != request:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert values(client, sum="1 + 1") == {"sum": "2"}


def test_a_kernel_ends_with_whoever_started_it(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    process = psutil.Process(kernel[0].provisioner.pid)
    # The operating system does the same when a process ends, however it ends.
    kernel[0].provisioner.process._forked.close_input()
    assert not psutil.wait_procs([process], timeout=10)[1]
