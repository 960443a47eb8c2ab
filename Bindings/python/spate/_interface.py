"""The functions of spate.h, as the header beside this file declares them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import cffi

from ._errors import Code, SpateError

ffi: Any = cffi.FFI()


def _declarations() -> str:
    """The header without comments, directives and what is for C++ alone."""
    text = Path(__file__).with_name("spate.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    return "struct iovec { void *iov_base; size_t iov_len; };" + text


ffi.cdef(_declarations())
lib: Any = ffi.dlopen(os.environ.get("SPATE_LIBRARY", "libspate.so.0"))
# The child of a fork holds nothing of the parent's stores, and every object of it is inert.
os.register_at_fork(after_in_child=lib.spate_atfork_child)

_error_size = ffi.sizeof("spate_error")


def call(function: Any, *arguments: Any) -> int:
    """Calls a function whose last parameter is an error. Raises negative codes, and returns the others."""
    failure = ffi.new("spate_error *")
    failure.size = _error_size
    code: int = function(*arguments, failure)
    if code < 0:
        raise error_of(failure)
    return code


def error_of(failure: Any) -> SpateError:
    known = failure.known
    return SpateError(
        Code.of(failure.code),
        ffi.string(failure.message).decode("utf-8", "replace"),
        system_error=failure.system_error,
        sequence=failure.sequence if known & lib.SPATE_ERROR_HAS_SEQUENCE else None,
        position=failure.position if known & lib.SPATE_ERROR_HAS_POSITION else None,
    )


def nanoseconds(timeout: float | None) -> int:
    """A timeout in seconds; None waits without limit."""
    if timeout is None:
        return -1
    if timeout < 0:
        raise ValueError("a timeout is 0 or more seconds, or None")
    return min(int(timeout * 1e9), (1 << 63) - 1)


def sized(kind: str) -> Any:
    """A struct that begins with its size."""
    value = ffi.new(f"{kind} *")
    value.size = ffi.sizeof(kind)
    return value


class Handle:
    """What is opened and closed: a context manager that closes itself."""

    _close_function: Any = None
    _handle: Any = ffi.NULL

    def __init__(self, handle: Any, owner: object = None) -> None:
        self._handle = handle
        self._owner = owner
        # Batches that nobody knows any more, with slices of their views that somebody does.
        self._leftover: list[Handle] = []

    def close(self) -> None:
        """Gives the handle back. Does nothing when that was done. Raises SpateError with Code.EBUSY while something of it is
        lent; it stays open then."""
        if self._handle == ffi.NULL:
            return
        while self._leftover:
            self._leftover[-1].close()
            self._leftover.pop()
        try:
            call(self._close_function, self._handle)
        except SpateError as failure:
            if failure.code is not Code.EBUSY:
                self._handle = ffi.NULL
            raise
        self._handle = ffi.NULL

    @property
    def is_closed(self) -> bool:
        return bool(self._handle == ffi.NULL)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle != ffi.NULL:
            self._close_function(self._handle, ffi.NULL)
