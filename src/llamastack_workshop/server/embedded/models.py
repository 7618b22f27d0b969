"""Choosing the embedded chat model: one of ours, one from the catalogue, a file on the hub, or a local file."""

import difflib
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llamastack_workshop.server.embedded import catalogue, fitting, hub, kinds, weights
from llamastack_workshop.server.embedded.hub import Source
from llamastack_workshop.system.errors import Say, WorkshopError

# The chat templates of our models; nearly every other model has its own.
BASE_TEMPLATE = "base_chat_template.jinja"
_TEMPLATES = {weights.CHAT_MODEL: "chat_template.jinja", weights.BASE_MODEL: BASE_TEMPLATE}

# The file name of one part of a split model, in llama.cpp's form.
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
_HUB = re.compile(r"hf:([\w.-]+/[\w.-]+)/(.+\.gguf)")
_ADDRESS = re.compile(r"https?://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)/(?:resolve|blob)/[^/]+/([^?#]+\.gguf)")


@dataclass(frozen=True)
class ChatModel:
    """A model's name on the server, its GGUF file, and, for our models, the file with its chat template.

    A model without a `template` uses the one in its file, if there is one, and our models' limits do not apply to it.
    """

    name: str
    path: Path
    template: str | None = None


def choice() -> str:
    """Return the value of WORKSHOP_MODEL, or the name of our trained model."""
    return (os.environ.get("WORKSHOP_MODEL") or "").strip() or weights.CHAT_MODEL


def is_ours() -> bool:
    """Return whether the chosen model is one of our two models, for which our limits apply."""
    return choice() in _TEMPLATES


def name() -> str:
    """Return the name of the chosen model on the server, without downloading it.

    Raises WorkshopError if WORKSHOP_MODEL does not name a model.
    """
    found = _found(choice())
    if isinstance(found, Source):
        return choice() if choice() in catalogue.entries() else Path(found.file).stem.lower()
    return found if isinstance(found, str) else found.stem.lower()


def chat_model(say: Say) -> ChatModel:
    """Return the chosen model once it is prepared or downloaded, and checked.

    `say` is called with a progress line before each slow step.
    Raises WorkshopError if WORKSHOP_MODEL does not name a chat model, or the model cannot run here.
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
    """Return our base model in the quantisation of its package, Q4_1."""
    return ChatModel(f"{weights.BASE_MODEL}-q4_1", weights.SMOLLM2.verified_path(), _TEMPLATES[weights.BASE_MODEL])


def missing_download() -> Source | None:
    """Return the file that the next start would download, or None if the chosen model is already here."""
    found = _found(choice())
    return found if isinstance(found, Source) and not hub.cached(found) else None


def _found(wanted: str) -> str | Source | Path:
    """Return the name of one of our models, a file on the hub, or the path of an existing GGUF file."""
    if wanted in _TEMPLATES:
        return wanted
    if entry := catalogue.entries().get(wanted):
        return entry.source
    if match := _ADDRESS.match(wanted):
        raise WorkshopError(f"WORKSHOP_MODEL={wanted} is a URL.", f"Write hf:{match[1]}/{match[2]}")
    if wanted.startswith("hf:"):
        if match := _PART.search(wanted):
            raise WorkshopError(
                f"WORKSHOP_MODEL={wanted} is one of {int(match[1])} parts of a model.",
                "Choose a file that holds the whole model, or download all parts and give the path of the first.",
            )
        if match := _HUB.fullmatch(wanted):
            return Source(*match.groups())
        raise WorkshopError(
            f"WORKSHOP_MODEL={wanted} does not name a GGUF file on the hub.", "Write hf:OWNER/REPOSITORY/FILE.gguf"
        )
    path = Path(wanted).expanduser()
    if not path.exists() and path.suffix != ".gguf" and len(path.parts) == 1:
        raise _no_such_name(wanted)
    _check_file(path)
    return path


def _no_such_name(wanted: str) -> WorkshopError:
    names = [*_TEMPLATES, *catalogue.entries()]
    near = difflib.get_close_matches(wanted.lower(), names, n=2)
    meant = f"Did you mean {' or '.join(near)}? The models are" if near else "Give one of"
    return WorkshopError(
        f"There is no model {wanted}.",
        f"{meant} {', '.join(names)}; the path of a GGUF file or hf:OWNER/REPOSITORY/FILE.gguf works, too.",
    )


def _check_file(path: Path) -> None:
    fix = "Give it the path of a GGUF file, or unset it to use the model that comes with the workshop."
    if not path.is_file():
        raise WorkshopError(f"WORKSHOP_MODEL={path} is not a file.", fix)
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WorkshopError(f"WORKSHOP_MODEL={path} is not a GGUF file.", fix)
