"""Read the metadata of a GGUF file: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

The reader of the package gguf creates an object per token, which takes seconds for a large vocabulary.
"""

import mmap
import struct
from pathlib import Path
from typing import Any

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# A longer list is a vocabulary. A list with one number per layer is shorter.
_LONGEST = 1000


def read(path: Path) -> dict[str, Any]:
    """Return the metadata of the GGUF file `path`, and under "tensors" the number of tensors that it states.

    Long lists, such as the vocabulary, are None. Raises ValueError if it is not a GGUF file or its header is damaged.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError("it does not start with the GGUF magic bytes")
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Header(data).metadata()
        except (struct.error, UnicodeDecodeError, KeyError) as error:
            raise ValueError("its header is cut off or damaged") from error


class _Header:
    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 4

    def metadata(self) -> dict[str, Any]:
        version, tensors, count = self._scalars("IQQ")
        if version not in (2, 3):
            raise ValueError(f"version {version} of the format is not supported")
        found = {"tensors": tensors}
        for _ in range(count):
            key = self._string()
            found[key] = self._value(*self._scalars("I"))
        return found

    def _scalars(self, format: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{format}", self._data, self._at)
        self._at += struct.calcsize(f"<{format}")
        return values

    def _string(self) -> str:
        (length,) = self._scalars("Q")
        text = self._data[self._at : self._at + length]
        self._at += length
        return text.decode("utf-8")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalars(_SCALARS[kind])[0]
        kind, length = self._scalars("IQ")
        if kind in _SCALARS and length > _LONGEST:
            self._at += length * struct.calcsize(f"<{_SCALARS[kind]}")
            return None
        if length <= _LONGEST:
            return [self._value(kind) for _ in range(length)]
        for _ in range(length):
            self._at += 8 + struct.unpack_from("<Q", self._data, self._at)[0]
        return None
