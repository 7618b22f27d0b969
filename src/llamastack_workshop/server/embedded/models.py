"""Which chat model is embedded: one of ours, one of the catalogue, a file of the hub, or a file of one's own."""

import difflib
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llamastack_workshop.server.embedded import catalogue, fitting, hub, kinds, weights
from llamastack_workshop.server.embedded.hub import Source
from llamastack_workshop.system.errors import Say, WorkshopError

# The prompt formats of our models; any other brings its own.
_TEMPLATES = {weights.CHAT_MODEL: "chat_template.jinja", weights.BASE_MODEL: "base_chat_template.jinja"}

# llama.cpp reads a model in several files, and its name says so.
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
_HUB = re.compile(r"hf:([\w.-]+/[\w.-]+)/(.+\.gguf)")
_ADDRESS = re.compile(r"https?://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)/(?:resolve|blob)/[^/]+/([^?#]+\.gguf)")


@dataclass(frozen=True)
class ChatModel:
    """A model's name on the server, its GGUF file, and for ours the file of its prompt format.

    A model that has no `template` here brings its own, and none of our models' limits hold for it.
    """

    name: str
    path: Path
    template: str | None = None


def choice() -> str:
    """Return what WORKSHOP_MODEL says, or our trained model."""
    return (os.environ.get("WORKSHOP_MODEL") or "").strip() or weights.CHAT_MODEL


def is_ours() -> bool:
    """Return whether the chosen model is one of the two for which our limits are made."""
    return choice() in _TEMPLATES


def name() -> str:
    """Return the name that the chosen model has on the server, without fetching it.

    Raises WorkshopError if nothing has the name that WORKSHOP_MODEL gives.
    """
    found = _found(choice())
    if isinstance(found, Source):
        return choice() if choice() in catalogue.entries() else Path(found.file).stem.lower()
    return found if isinstance(found, str) else found.stem.lower()


def chat_model(say: Say) -> ChatModel:
    """Return the chosen model, prepared, fetched or looked at.

    `say` gets a line before anything that takes seconds.
    Raises WorkshopError if WORKSHOP_MODEL names nothing that can answer here.
    """
    found = _found(choice())
    if isinstance(found, str):
        return ChatModel(found, weights.chat_model(found, say), _TEMPLATES[found])
    if isinstance(found, Source):
        entry = catalogue.entries().get(choice())
        path = hub.fetch(found, say, partial(fitting.require_memory, name(), kv_bytes=entry.kv_bytes if entry else 0))
    else:
        path = found
    kinds.check(path)
    return ChatModel(name(), path)


def packaged_chat_model() -> ChatModel:
    """Return our base model in the quantisation that its package carries, Q4_1."""
    return ChatModel(f"{weights.BASE_MODEL}-q4_1", weights.SMOLLM2.verified_path(), _TEMPLATES[weights.BASE_MODEL])


def missing_download() -> Source | None:
    """Return the file that the next start would fetch, or None where the chosen model is here already."""
    found = _found(choice())
    return found if isinstance(found, Source) and not hub.cached(found) else None


def _found(wanted: str) -> str | Source | Path:
    """Return the name of one of our models, a file of the hub, or a file that exists."""
    if wanted in _TEMPLATES:
        return wanted
    if entry := catalogue.entries().get(wanted):
        return entry.source
    if match := _ADDRESS.match(wanted):
        raise WorkshopError(f"WORKSHOP_MODEL={wanted} is an address.", f"Write hf:{match[1]}/{match[2]}")
    if wanted.startswith("hf:"):
        if match := _PART.search(wanted):
            raise WorkshopError(
                f"WORKSHOP_MODEL={wanted} is one of {int(match[1])} parts of a model.",
                "Choose a file that holds the whole model, or fetch all parts and give the path of the first.",
            )
        if match := _HUB.fullmatch(wanted):
            return Source(*match.groups())
        raise WorkshopError(
            f"WORKSHOP_MODEL={wanted} names no GGUF file on the hub.", "Write hf:OWNER/REPOSITORY/FILE.gguf"
        )
    path = Path(wanted).expanduser()
    if not path.exists() and path.suffix != ".gguf" and len(path.parts) == 1:
        raise _no_such_name(wanted)
    _check_file(path)
    return path


def _no_such_name(wanted: str) -> WorkshopError:
    names = [*_TEMPLATES, *catalogue.entries()]
    near = difflib.get_close_matches(wanted.lower(), names, n=2)
    meant = f"Did you mean {' or '.join(near)}? There are" if near else "Give one of"
    return WorkshopError(
        f"There is no model {wanted}.",
        f"{meant} {', '.join(names)}; the path of a GGUF file and hf:OWNER/REPOSITORY/FILE.gguf will do, too.",
    )


def _check_file(path: Path) -> None:
    fix = "Give it the path of a GGUF file, or unset it to use the model that comes with the workshop."
    if not path.is_file():
        raise WorkshopError(f"WORKSHOP_MODEL={path} is not a file.", fix)
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WorkshopError(f"WORKSHOP_MODEL={path} is not a GGUF file.", fix)
