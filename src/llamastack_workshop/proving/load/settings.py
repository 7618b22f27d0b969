"""What a run of Locust is told, in a file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The classroom's `url`, the names and passwords of those who come (`accounts`), the `chapters` that they work on.

    They think for `think` seconds on average between two cells, and are measured for `seconds`. Whoever has waited for
    `patience` seconds gives up. `events` is the file that the run writes.
    """

    url: str
    accounts: list[tuple[str, str]]
    chapters: list[str]
    think: float
    seconds: float
    patience: float
    events: Path

    @classmethod
    def read(cls, file: Path) -> "Settings":
        told = json.loads(file.read_text(encoding="utf-8"))
        accounts = [(name, password) for name, password in told.pop("accounts")]
        return cls(**{**told, "accounts": accounts, "events": Path(told["events"])})

    def written(self) -> str:
        """Return the text of a file that `read` reads."""
        return json.dumps({**asdict(self), "events": str(self.events)})
