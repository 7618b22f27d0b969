"""GGUF files of a few MB or less: llama.cpp loads them, but their weights are random, so they produce nonsense."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np

# A token for each byte, so that any text can be tokenised.
_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
_KINDS = [2, 3, 3, *[6] * 256]

HERMES = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor -%}{{ '<|im_start|>assistant\\n' }}"
)


def write_header(path: Path, architecture: str = "llama", **metadata: Any) -> Path:
    """Write a GGUF file without weights; in the keys of `metadata`, __ stands for a dot."""
    writer = gguf.GGUFWriter(path, architecture)
    _add(writer, metadata)
    _finish(writer)
    return path


def write_model(path: Path, *, width: int = 64, template: str | None = HERMES, **metadata: Any) -> Path:
    """Write a model with the architecture of Qwen3, two layers, and an embedding length of `width`."""
    writer = gguf.GGUFWriter(path, "qwen3")
    heads, kv_heads, size, layers = 4, 2, width // 4, 2
    for add, value in (
        (writer.add_block_count, layers),
        (writer.add_context_length, metadata.pop("context", 8192)),
        (writer.add_embedding_length, width),
        (writer.add_feed_forward_length, 2 * width),
        (writer.add_head_count, heads),
        (writer.add_head_count_kv, kv_heads),
        (writer.add_key_length, size),
        (writer.add_value_length, size),
        (writer.add_layer_norm_rms_eps, 1e-6),
        (writer.add_rope_freq_base, 1e6),
        (writer.add_tokenizer_model, "llama"),
        (writer.add_token_list, _TOKENS),
        (writer.add_token_scores, [0.0] * len(_TOKENS)),
        (writer.add_token_types, _KINDS),
        (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, 2),
    ):
        add(value)
    if template:
        writer.add_chat_template(template)
    _add(writer, metadata)
    random = np.random.default_rng(0)

    def tensor(name: str, *shape: int) -> None:
        weights = np.ones(shape) if len(shape) == 1 else random.standard_normal(shape) / 8
        writer.add_tensor(name, weights.astype(np.float32))

    tensor("token_embd.weight", len(_TOKENS), width)
    tensor("output_norm.weight", width)
    for layer in range(layers):
        for name, *shape in (
            ("attn_norm", width),
            ("attn_q", heads * size, width),
            ("attn_k", kv_heads * size, width),
            ("attn_v", kv_heads * size, width),
            ("attn_output", width, heads * size),
            ("attn_q_norm", size),
            ("attn_k_norm", size),
            ("ffn_norm", width),
            ("ffn_gate", 2 * width, width),
            ("ffn_up", 2 * width, width),
            ("ffn_down", width, 2 * width),
        ):
            tensor(f"blk.{layer}.{name}.weight", *shape)
    _finish(writer)
    return path


def _add(writer: gguf.GGUFWriter, metadata: dict[str, Any]) -> None:
    adders = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32, list: writer.add_array}
    for key, value in metadata.items():
        adders[type(value)](key.replace("__", "."), value)


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
