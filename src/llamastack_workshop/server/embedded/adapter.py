"""Add a low-rank adapter (LoRA) to the weights of a GGUF model of the Llama family.

The adapter has PEFT's format: for each matrix W it holds A and B, which change W to W + scale · B·A
(https://arxiv.org/abs/2106.09685). It is added once, when the weights are prepared, so it costs nothing per token.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

# The names of a layer's matrices in GGUF, and in transformers.
_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class Adapter:
    """The adapter in `folder`, with PEFT's adapter_config.json and adapter_model.safetensors.

    `heads` is the number of attention heads, `heads_kv` the number of key/value heads.
    """

    def __init__(self, folder: Path, *, heads: int, heads_kv: int) -> None:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        self._scale = config["lora_alpha"] / config["r"]
        self._matrices = load_file(folder / "adapter_model.safetensors")
        self._heads = {"attn_q": heads, "attn_k": heads_kv}

    def added(self, tensor: str, weights: np.ndarray) -> np.ndarray:
        """Return `weights`, the float32 weights of the GGUF tensor of this name, with the adapter's update added.

        Raises KeyError if the adapter has no update for a matrix of a layer.
        """
        kind, layer, name = (*tensor.split("."), "", "")[:3]
        if kind != "blk" or name not in _NAMES:
            return weights
        key = f"base_model.model.model.layers.{layer}.{_NAMES[name]}.lora"
        a, b = (self._matrices[f"{key}_{side}.weight"].astype(np.float32) for side in "AB")
        part = self._scale * (b @ a)
        return weights + (_as_llama_cpp_has_it(part, self._heads[name]) if name in self._heads else part)


def _as_llama_cpp_has_it(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of each head in GGUF's order, which pairs the rows that rotary embeddings rotate together."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
