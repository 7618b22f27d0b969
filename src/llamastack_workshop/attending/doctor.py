"""Check this machine against the requirements of the workshop."""

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from rich.table import Table
from rich.text import Text

from llamastack_workshop.server import parts, stack, upstreams
from llamastack_workshop.server.embedded import catalogue, fitting, models, weights
from llamastack_workshop.system import memory, paths
from llamastack_workshop.system.errors import WorkshopError, refused
from llamastack_workshop.system.printing import visible
from llamastack_workshop.system.secrets import hidden

_PACKAGES = ("llama-stack", "llama-stack-api", "openai", "langchain-openai", "xllamacpp", "jupyterlab")
# Measured: the two processes of a running stack, JupyterLab and one kernel use 1.5 GB in total.
_MEMORY_NEEDED = 2.0  # GB
_DISK_NEEDED = 0.5  # GB: prepared models, state, the built book


@dataclass(frozen=True)
class Finding:
    """One row of the doctor's table; `advice` is empty if nothing needs to be done."""

    what: str
    status: Literal["ok", "note", "missing"]
    found: str
    advice: str = ""


def examine(port: int) -> list[Finding]:
    """Return the findings; `port` is the port for the LlamaStack server."""
    return [
        _python(),
        _packages(),
        *_dotenv(),
        *_models(),
        _server_port(port),
        *(_upstream(upstream) for upstream in upstreams.UPSTREAMS),
        _curl(),
        _memory(),
        _disk(),
    ]


def table(findings: list[Finding]) -> Table:
    """Return the findings as a table that fits 80 columns."""
    colours = {"ok": "green", "note": "yellow", "missing": "red"}
    result = Table(box=None, pad_edge=False)
    for title in ("", "status", "found", "what to do"):
        result.add_column(title, overflow="fold")
    for finding in findings:
        # Text, because brackets are markup to a console; hidden, because people share this table.
        texts = [Text(visible(hidden(text))) for text in (finding.what, finding.found, finding.advice)]
        result.add_row(texts[0], Text(finding.status, style=colours[finding.status]), *texts[1:])
    return result


def _python() -> Finding:
    # The package cannot be installed under an unsupported Python, so this check cannot fail.
    return Finding("Python", "ok", f"{platform.python_version()} in {sys.prefix}")


def _packages() -> Finding:
    pins = {r.split("==")[0]: r.split("==")[1] for r in metadata.requires("llamastack-workshop") or [] if "==" in r}
    wrong = []
    for package in _PACKAGES:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version = "none"
        if version != pins[package]:
            wrong.append(f"{package} {version} instead of {pins[package]}")
    if wrong:
        return Finding("packages", "missing", ", ".join(wrong), "Delete .venv/ and run: make setup")
    return Finding("packages", "ok", f"llama-stack {pins['llama-stack']} and the others as pinned")


def _dotenv() -> list[Finding]:
    try:
        upstreams.load_dotenv_file()
    except WorkshopError as error:
        return [Finding(".env", "missing", error.problem, error.fix)]
    file = paths.ROOT / ".env"
    if os.name == "posix" and file.is_file() and file.stat().st_mode & 0o077:
        return [Finding(".env", "note", "other users of this machine may read your keys", "Run: chmod 600 .env")]
    return []


def _models() -> list[Finding]:
    findings = []
    for name, source in ((weights.CHAT_MODEL, weights.SMOLLM2), (weights.EMBEDDING_MODEL, weights.MINILM)):
        try:
            source.verified_path()
            findings.append(Finding(name, "ok", "weights present, checksum right"))
        except WorkshopError as error:
            findings.append(Finding(name, "missing", error.problem, error.fix))
    for file in weights.damaged():
        findings.append(
            Finding("prepared model", "note", f"{file.name} is damaged", "The next start prepares it again.")
        )
    if os.environ.get("WORKSHOP_MODEL"):
        findings.append(_chosen_model())
    return findings


def _chosen_model() -> Finding:
    try:
        if missing := models.missing_download():
            if entry := catalogue.entries().get(models.choice()):
                fitting.require_memory(entry.name, entry.megabytes * 1_000_000, entry.kv_bytes)
            return Finding("WORKSHOP_MODEL", "note", f"{missing} is not here yet", "The next start downloads it.")
        model = models.chat_model(lambda _: None)
        context = "" if model.template else f": context {fitting.room(model.name, model.path).context:,}"
    except WorkshopError as error:
        return Finding("WORKSHOP_MODEL", "missing", error.problem, error.fix)
    return Finding("WORKSHOP_MODEL", "ok", f"{model.name}{context}")


def _server_port(port: int) -> Finding:
    try:
        stack.check_port(port)
    except WorkshopError as error:
        version = parts.answering_version(port)
        if version == metadata.version("llama-stack"):
            return Finding(f"port {port}", "ok", error.problem)
        # It may be the server of a lab with STACK=, or a forgotten one.
        if version:
            return Finding(f"port {port}", "note", error.problem, error.fix)
        return Finding(f"port {port}", "missing", error.problem, error.fix)
    return Finding(f"port {port}", "ok", "free")


def _upstream(upstream: upstreams.Upstream) -> Finding:
    name = {"openai": "OpenAI", "ollama": "Ollama", "vllm": "vLLM", "tgi": "TGI"}[upstream.provider_id]
    if not upstream.is_set():
        return Finding(name, "note", f"{upstream.variable} is not set: not used", "")
    try:
        listed = upstreams.models(upstream, timeout=5)
    except WorkshopError as error:
        return Finding(name, "missing", error.problem, error.fix)
    return Finding(name, "ok", f"answers and lists {len(listed)} models")


def _curl() -> Finding:
    found = shutil.which("curl")
    return Finding("curl", "ok" if found else "note", found or "not found", "" if found else "Chapter 1 uses it.")


def _memory() -> Finding:
    available = memory.available() / 1e9
    found = f"{available:.1f} GB available"
    if available < _MEMORY_NEEDED:
        return Finding("memory", "note", found, f"The workshop needs about {_MEMORY_NEEDED:.0f} GB: close programs.")
    return Finding("memory", "ok", found)


def _disk() -> Finding:
    free = shutil.disk_usage(paths.ROOT).free / 1e9
    found = f"{free:.1f} GB free"
    try:
        paths.WORKSHOP_HOME.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=paths.WORKSHOP_HOME) as file:
            file.write(bytes(1_000_000))
    except OSError as error:
        told = refused(error)
        return Finding("disk", "missing", told.problem, told.fix)
    if free < _DISK_NEEDED:
        return Finding("disk", "missing", found, f"The workshop writes up to {_DISK_NEEDED} GB: make room.")
    return Finding("disk", "ok", found)
