"""What compiling the kernels has made, as a file from which linking.py takes it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headrace.kernels.cache import CRC_BYTES
from headrace.kernels.making.guards import compiled_guards, guard_of
from headrace.kernels.signatures import Array, Signature


class Compiled(NamedTuple):
    """One form of a kernel, for one signature.

    module, name: of the kernel.   wrapper: the symbol of what takes and gives objects of Python's.   environments:
    symbols of pointers that must not be null.   code: ELF, relocatable.
    """

    module: str
    name: str
    signature: Signature
    wrapper: str
    environments: Sequence[str]
    code: bytes


def to_bytes(kernels: Iterable[Compiled]) -> bytes:
    """The content of a file of kernels: a line of JSON that says what is in it, then all code, then the CRC."""
    kernels = list(kernels)
    guards = compiled_guards((kernel.wrapper, kernel.signature) for kernel in kernels)
    heads = [
        {
            "module": kernel.module,
            "name": kernel.name,
            "dtypes": _dtypes(kernel.signature),
            "symbol": guard_of(kernel.wrapper),
            "environments": list(kernel.environments),
        }
        for kernel in kernels
    ]
    codes = [guards, *(kernel.code for kernel in kernels)]
    head = json.dumps({"kernels": heads, "code": [len(code) for code in codes]}).encode() + b"\n"
    content = head + b"".join(codes)
    return content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")


def _dtypes(signature: Signature) -> dict[int, str]:
    return {
        place: parameter.of.dtype
        for place, parameter in enumerate(signature.parameters)
        if isinstance(parameter, Array)
    }
