"""The catalogue of models that can be chosen by a short name: see catalogue.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.server.embedded.fitting import needed
from llamastack_workshop.server.embedded.hub import Source


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue; catalogue.toml explains the fields."""

    name: str
    repo: str
    file: str
    licence: str
    megabytes: int
    kv_bytes: int
    context: int
    note: str

    @property
    def source(self) -> Source:
        return Source(self.repo, self.file)

    @property
    def memory(self) -> int:
        """The free memory, in bytes, that it needs to start."""
        return needed(self.megabytes * 1_000_000, self.kv_bytes)


def entries() -> dict[str, Entry]:
    """Return the models by name, smallest first."""
    text = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    return {name: Entry(name, **fields) for name, fields in tomllib.loads(text).items()}


def table() -> str:
    """Return the catalogue as a Markdown table."""
    rows = [
        f"| `{one.name}` | [{one.repo}](https://huggingface.co/{one.repo}), `{one.file}` | {one.licence} "
        f"| {one.megabytes / 1000:.1f} GB | {one.memory / 1e9:.1f} GB | {one.context} | {one.note} |"
        for one in entries().values()
    ]
    header = "| name | repository and file | licence | download | free memory | context | |"
    return "\n".join([header, "|---|---|---|---|---|---|---|", *rows])
