"""Convert all-MiniLM-L6-v2 from its published form (safetensors) to GGUF, the format that llama.cpp reads."""

import json
from pathlib import Path

import numpy as np
from gguf import (
    MODEL_ARCH,
    GGUFWriter,
    LlamaFileType,
    PoolingType,
    TokenType,
    get_tensor_name_map,
)
from safetensors.numpy import load_file

_SPECIAL_TOKENS = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}


def convert_minilm_to_gguf(source: Path, target: Path) -> None:
    """Convert the model folder `source` (config.json, vocab.txt, model.safetensors) to the f16 GGUF file `target`.

    The model maps a text of up to 512 tokens to 384 numbers, the mean of its token vectors
    (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
    """
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tokens = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()

    writer = GGUFWriter(target, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, tokens, config["type_vocab_size"])

    names = get_tensor_name_map(MODEL_ARCH.BERT, config["num_hidden_layers"])
    for key, weights in load_file(source / "model.safetensors").items():
        # Sentence embeddings use the mean of the token vectors, not BERT's pooler.
        if key == "embeddings.position_ids" or key.startswith("pooler."):
            continue
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        # llama.cpp expects vectors and these two small tables in f32.
        half = weights.ndim == 2 and "token_types" not in name and "position" not in name
        writer.add_tensor(name, weights.astype(np.float16 if half else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: GGUFWriter, tokens: list[str], token_types: int) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_token_list([_as_llama_cpp_writes(token).encode() for token in tokens])
    writer.add_token_types([TokenType.CONTROL if token in _SPECIAL_TOKENS else TokenType.NORMAL for token in tokens])
    writer.add_token_type_count(token_types)
    ids = {token: index for index, token in enumerate(tokens)}
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_eos_token_id(ids["[SEP]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_mask_token_id(ids["[MASK]"])


def _as_llama_cpp_writes(token: str) -> str:
    """Return a token in llama.cpp's form: U+2581 marks the start of a word (WordPiece: ## marks a continuation)."""
    if token.startswith("[") and token.endswith("]"):
        return token
    if token.startswith("##"):
        return token[2:]
    return "\u2581" + token
