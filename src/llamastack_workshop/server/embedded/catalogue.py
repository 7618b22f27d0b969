"""The models that have a name here: see catalogue.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.server.embedded.fitting import needed
from llamastack_workshop.server.embedded.hub import Source


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue; the fields are explained there."""

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
        """The bytes of memory without which it is not started."""
        return needed(self.megabytes * 1_000_000, self.kv_bytes)


def entries() -> dict[str, Entry]:
    """Return the models by their names, from small to large."""
    text = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    return {name: Entry(name, **fields) for name, fields in tomllib.loads(text).items()}


def table() -> str:
    """Return the catalogue as a table in Markdown."""
    rows = [
        f"| `{one.name}` | [{one.repo}](https://huggingface.co/{one.repo}), `{one.file}` | {one.licence} "
        f"| {one.megabytes / 1000:.1f} GB | {one.memory / 1e9:.1f} GB | {one.context} | {one.note} |"
        for one in entries().values()
    ]
    header = "| name | repository and file | licence | download | free memory | context | |"
    return "\n".join([header, "|---|---|---|---|---|---|---|", *rows])
