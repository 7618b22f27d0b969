"""How much memory a model needs, and the context length that fits into the rest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_workshop.server.embedded import gguf_header
from llamastack_workshop.system import memory
from llamastack_workshop.system.errors import WorkshopError

# In addition to weights and context: llama.cpp's buffers, and the processes of a running stack with JupyterLab and a
# kernel, which the doctor counts as well (1.5 GB, measured).
_REST = 2_000_000_000
# A shorter context is of little use for conversations, in tokens.
_SHORTEST = 4096
# The default if a file does not state the context length that its model was trained on.
_UNSTATED = 4096
# llama.cpp's default limit for its prompt cache.
_LARGEST_PROMPT_CACHE = 8 * 1024**3


@dataclass(frozen=True)
class Room:
    """The context that fits and the context that the model was trained on, in tokens; the prompt cache in bytes."""

    context: int
    trained: int
    prompt_cache: int


def needed(size: int, kv_bytes: int = 0) -> int:
    """Return the free memory, in bytes, that a model needs to start.

    `size` is the size of its weights in bytes, and `kv_bytes` the bytes that it caches per token, if known.
    """
    return size + _SHORTEST * kv_bytes + _REST


def require_memory(name: str, size: int, kv_bytes: int = 0) -> None:
    """Raise WorkshopError if the model `name` does not fit into the free memory; see `needed`."""
    wanted, free = needed(size, kv_bytes), memory.available()
    if wanted > free:
        raise WorkshopError(
            f"{name} needs {wanted / 1e9:.1f} GB of free memory, and {free / 1e9:.1f} GB are free.",
            "Close other programs, or choose a smaller model.",
        )


def room(name: str, path: Path) -> Room:
    """Return the context and prompt cache that fit on this machine for the model `name` in the GGUF file `path`.

    Raises WorkshopError if even a short context does not fit.
    """
    metadata = gguf_header.read(path)
    size, per_token = file_size(path, metadata), kv_bytes(metadata)
    trained = metadata.get(f"{metadata['general.architecture']}.context_length") or _UNSTATED
    require_memory(name, size, per_token)
    left = memory.available() - size - _REST
    prompt_cache = min(_LARGEST_PROMPT_CACHE, left // 8)
    # Recurrent models cache nothing per token.
    fitting = (left - prompt_cache) // per_token if per_token else trained
    return Room(min(trained, max(_SHORTEST, fitting // 256 * 256)), trained, prompt_cache)


def kv_bytes(metadata: dict[str, Any]) -> int:
    """Return the bytes that a model caches per token: 16-bit keys and values in each layer.

    This is an upper bound, because layers with sliding-window attention need less.
    """
    architecture = metadata["general.architecture"]

    def of(key: str, default: Any = 0) -> Any:
        return metadata.get(f"{architecture}.{key}", default)

    layers, heads = of("block_count"), of("attention.head_count")
    # If layers differ, the file has one number per layer.
    most_heads = max(heads) if isinstance(heads, list) else heads
    if not most_heads:
        return 0
    kv_heads = of("attention.head_count_kv", heads)
    all_kv_heads = sum(kv_heads) if isinstance(kv_heads, list) else kv_heads * layers
    head_size = of("embedding_length") // most_heads
    return 2 * all_kv_heads * (of("attention.key_length", head_size) + of("attention.value_length", head_size))


def file_size(path: Path, metadata: dict[str, Any]) -> int:
    """Return the size in bytes of the model in `path`, including its other parts if it is split into several files."""
    return sum(part.stat().st_size for part in parts(path, metadata))


def parts(path: Path, metadata: dict[str, Any]) -> list[Path]:
    """Return the files of a model whose first file is `path`: several if the model is split, otherwise only `path`."""
    count = metadata.get("split.count") or 1
    if count == 1:
        return [path]
    return [path.with_name(path.name.replace("-00001-of-", f"-{number:05}-of-")) for number in range(1, count + 1)]
