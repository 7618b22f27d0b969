"""Reject GGUF files that do not hold a chat model."""

from pathlib import Path
from typing import Any

from llamastack_workshop.server.embedded import gguf_header
from llamastack_workshop.server.embedded.fitting import parts
from llamastack_workshop.system.errors import WorkshopError

_CHAT_MODEL = "Give the GGUF file of a chat model; its name often has Instruct or it in it."
# Encoders. A decoder for embeddings has a pooling type in its metadata.
_ENCODERS = ("bert", "t5encoder")


def check(path: Path) -> dict[str, Any]:
    """Return the metadata of the GGUF file `path`; raise WorkshopError if it is not a chat model."""
    try:
        metadata = gguf_header.read(path)
    except ValueError as error:
        raise WorkshopError(
            f"{path.name} is not a readable GGUF file: {error}.", "Download the file again, or give another one."
        ) from error
    architecture, kind = metadata.get("general.architecture"), metadata.get("general.type", "model")
    if kind == "adapter":
        base = metadata.get("general.base_model.0.name")
        raise WorkshopError(
            f"{path.name} is an adapter (LoRA) for a model, not a model.",
            f"Merge it with {base or 'its model'} first, and give the merged file.",
        )
    if kind == "mmproj" or architecture == "clip":
        raise WorkshopError(
            f"{path.name} is a projector: the part of a model that handles images or sound.",
            "Give the file of the language model next to it, the one without mmproj in its name.",
        )
    if architecture and (metadata.get(f"{architecture}.pooling_type") or architecture.endswith(_ENCODERS)):
        raise WorkshopError(
            f"{path.name} is an embedding model ({architecture}): it turns texts into vectors and cannot chat.",
            f"{_CHAT_MODEL} For embeddings, set EMBEDDINGS_URL and EMBEDDING_MODEL.",
        )
    _check_parts(path, metadata)
    if not architecture or not metadata["tensors"]:
        raise WorkshopError(f"{path.name} does not contain a model ({kind}).", _CHAT_MODEL)
    return metadata


def _check_parts(path: Path, metadata: dict[str, Any]) -> None:
    count = metadata.get("split.count") or 1
    if count == 1:
        return
    first = f"-00001-of-{count:05}.gguf"
    if metadata.get("split.no") or not path.name.endswith(first):
        raise WorkshopError(
            f"{path.name} is one of {count} parts of a model, and not the first.",
            f"Give the file that ends in {first}, with the other parts in the same folder.",
        )
    if missing := [part.name for part in parts(path, metadata) if not part.exists()]:
        raise WorkshopError(
            f"{path.name} is the first of {count} parts of a model, and {missing[0]} is not beside it.",
            "Put all parts into one folder, or use a file that holds the whole model.",
        )
