"""What a kernel takes and gives, said without Numba: a server whose kernels are compiled never loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class _Returned:
    """int64(u8_in, int64), as Numba writes it: what takes these and gives an int64."""

    def __call__(self, *parameters: Any) -> Signature:
        return Signature(self, parameters)


@dataclass(frozen=True, slots=True)
class Signature:
    """Of one compiled form of a kernel: Scalar, Array or Tuple each."""

    returned: Any
    parameters: tuple[Any, ...]

    def plain(self) -> Signature:
        """With tuples in place of instances of NamedTuples, for processes that do not know their classes."""
        return Signature(_plain(self.returned), tuple(map(_plain, self.parameters)))


@dataclass(frozen=True, slots=True)
class Scalar(_Returned):
    """name: Numba's."""

    name: str

    @property
    def dtype(self) -> str:
        """What NumPy calls it."""
        return {"boolean": "bool"}.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Array(_Returned):
    """C-contiguous, in native byte order.   readonly: the kernel only reads, so that it also takes arrays over
    immutable buffers (Arrow, bytes, memory maps)."""

    of: Scalar
    dimensions: int = 1
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Tuple(_Returned):
    """like: the class of a NamedTuple; None: a plain tuple."""

    parts: tuple[Any, ...]
    like: type | None = None


def _plain(part: Any) -> Any:
    return Tuple(tuple(map(_plain, part.parts))) if isinstance(part, Tuple) else part


def tuple_of(*parts: Any) -> Tuple:
    """A tuple of just these."""
    return Tuple(parts)


def named_tuple(like: type, *parts: Any) -> Tuple:
    """An instance of a NamedTuple's class."""
    return Tuple(parts, like)
