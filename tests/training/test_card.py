"""The model card, and the adapter that it describes."""

import hashlib

from llamastack_workshop.server.embedded.weights import ADAPTER
from llamastack_workshop.system import paths


def test_the_card_names_the_adapter_in_this_repository() -> None:
    content = (ADAPTER / "adapter_model.safetensors").read_bytes()
    card = (paths.ROOT / "book" / "trained-model.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in card
    assert len(content) <= 12_000_000
