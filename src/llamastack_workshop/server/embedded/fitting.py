"""What of a machine's memory a model takes, and how long a context the rest has room for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamastack_workshop.server.embedded import gguf_header
from llamastack_workshop.system import memory
from llamastack_workshop.system.errors import WorkshopError

# Beside weights and context: llama.cpp's buffers, and the processes of a running stack with JupyterLab and a kernel,
# which the doctor counts as well (1.5 GB, measured).
_REST = 2_000_000_000
# A conversation of fewer tokens is of little use.
_SHORTEST = 4096
# Where a file does not say on how many tokens its model was trained.
_UNSTATED = 4096
# llama.cpp keeps prompts that may come again in at most this, by default.
_LARGEST_PROMPT_CACHE = 8 * 1024**3


@dataclass(frozen=True)
class Room:
    """The tokens of context that fit, the tokens that the model was trained on, and bytes for prompts to come again."""

    context: int
    trained: int
    prompt_cache: int


def needed(size: int, kv_bytes: int = 0) -> int:
    """Return the bytes of free memory without which a model is not started.

    `size` is that of its weights, and `kv_bytes` what it keeps for a token, as far as it is known.
    """
    return size + _SHORTEST * kv_bytes + _REST


def require_memory(name: str, size: int, kv_bytes: int = 0) -> None:
    """Raise WorkshopError if the model `name` does not fit into what is free; see `needed`."""
    wanted, free = needed(size, kv_bytes), memory.available()
    if wanted > free:
        raise WorkshopError(
            f"{name} needs {wanted / 1e9:.1f} GB of free memory, and {free / 1e9:.1f} GB are free.",
            "Close other programs, or choose a smaller model.",
        )


def room(name: str, path: Path) -> Room:
    """Return what the model `name` in the GGUF file `path` has room for on this machine.

    Raises WorkshopError if even a short context does not fit.
    """
    metadata = gguf_header.read(path)
    size, per_token = file_size(path, metadata), kv_bytes(metadata)
    trained = metadata.get(f"{metadata['general.architecture']}.context_length") or _UNSTATED
    require_memory(name, size, per_token)
    left = memory.available() - size - _REST
    prompt_cache = min(_LARGEST_PROMPT_CACHE, left // 8)
    # Recurrent models keep nothing for a token.
    fitting = (left - prompt_cache) // per_token if per_token else trained
    return Room(min(trained, max(_SHORTEST, fitting // 256 * 256)), trained, prompt_cache)


def kv_bytes(metadata: dict[str, Any]) -> int:
    """Return the bytes that a model keeps for each token: a key and a value of 16 bits in each layer.

    Layers that look at a window alone keep less, so this is the most that it can be.
    """
    architecture = metadata["general.architecture"]

    def of(key: str, default: Any = 0) -> Any:
        return metadata.get(f"{architecture}.{key}", default)

    layers, heads = of("block_count"), of("attention.head_count")
    # Where layers differ, the file has one number for each.
    most_heads = max(heads) if isinstance(heads, list) else heads
    if not most_heads:
        return 0
    kv_heads = of("attention.head_count_kv", heads)
    all_kv_heads = sum(kv_heads) if isinstance(kv_heads, list) else kv_heads * layers
    head_size = of("embedding_length") // most_heads
    return 2 * all_kv_heads * (of("attention.key_length", head_size) + of("attention.value_length", head_size))


def file_size(path: Path, metadata: dict[str, Any]) -> int:
    """Return the bytes of the model in `path`, with its other parts where it is the first of several files."""
    return sum(part.stat().st_size for part in parts(path, metadata))


def parts(path: Path, metadata: dict[str, Any]) -> list[Path]:
    """Return the files of which `path` is the first: several where the model is split, else itself alone."""
    count = metadata.get("split.count") or 1
    if count == 1:
        return [path]
    return [path.with_name(path.name.replace("-00001-of-", f"-{number:05}-of-")) for number in range(1, count + 1)]
