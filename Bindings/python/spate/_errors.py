"""What goes wrong."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Why a call failed: the codes of spate.h."""

    EINVAL = -1
    ENOTFOUND = -2
    EKIND = -3
    EPERM = -4
    ELOCKED = -5
    EFORMAT = -6
    ECORRUPT = -7
    EFULL = -8
    EIO = -9
    ESYNC = -10
    EFAILED = -11
    ECLOSED = -12
    ETIMEDOUT = -13
    ECANCELLED = -14
    E2BIG = -15
    EEXPIRED = -16
    EREADONLY = -17
    ERESOURCES = -18
    EUNSUPPORTED = -19
    EFENCED = -20
    ERANGE = -21
    EBUSY = -22
    EAGAIN = -23
    EMISMATCH = -24
    EINUSE = -25
    UNKNOWN = -(1 << 31)
    """A code of a newer library."""

    @classmethod
    def of(cls, number: int) -> "Code":
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN


class SpateError(Exception):
    """A call that failed.

    `sequence` is the sequence concerned; of an append whose wait failed it is the record that is in doubt.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        system_error: int = 0,
        sequence: int | None = None,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.system_error = system_error
        self.sequence = sequence
        self.position = position

    def __str__(self) -> str:
        return f"SPATE_{self.code.name}: {self.message}"
