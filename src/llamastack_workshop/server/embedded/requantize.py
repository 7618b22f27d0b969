"""Convert a GGUF model's quantised tensors to another quantisation."""

from pathlib import Path

import numpy as np
from gguf import (
    GGMLQuantizationType,
    GGUFReader,
    GGUFValueType,
    GGUFWriter,
    LlamaFileType,
    quants,
)

from llamastack_workshop.server.embedded.adapter import Adapter

# The writer adds these itself.
_WRITTEN_BY_GGUF = {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture"}
_KEPT = {GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.Q8_0}


def requantize_to_q8_0(source: Path, target: Path, adapter: Path | None = None) -> None:
    """Write `source` (a GGUF file) to `target` with every quantised tensor in Q8_0.

    `adapter`, the folder of a low-rank adapter, is added before the weights are rounded again.
    Q8_0 takes half as much space again as Q4_1, but llama.cpp processes prompts faster with it,
    because its CPU kernels are simpler. The precision that Q4_1 has lost does not come back.
    """
    reader = GGUFReader(source)
    change = _adapter(adapter, reader) if adapter else None
    writer = GGUFWriter(target, reader.get_field("general.architecture").contents())
    for field in reader.fields.values():
        if field.name in _WRITTEN_BY_GGUF:
            continue
        value_type = field.types[0]
        item_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        value = field.contents()
        if field.name == "general.file_type":
            value = LlamaFileType.MOSTLY_Q8_0
        writer.add_key_value(field.name, value, value_type, sub_type=item_type)
    for tensor in reader.tensors:
        if tensor.tensor_type in _KEPT:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            weights = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            if change:
                weights = change.added(tensor.name, weights)
            packed = quants.quantize(weights, GGMLQuantizationType.Q8_0)
            writer.add_tensor(tensor.name, packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _adapter(folder: Path, reader: GGUFReader) -> Adapter:
    family = reader.get_field("general.architecture").contents()
    heads, heads_kv = (reader.get_field(f"{family}.attention.head_count{end}").contents() for end in ("", "_kv"))
    return Adapter(folder, heads=heads, heads_kv=heads_kv)
