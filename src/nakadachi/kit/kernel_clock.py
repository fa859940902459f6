"""What the kernel itself says of the machine's clock: adjtimex(2), read only, without a network.

Whether a clock is right cannot be seen from inside; whether somebody keeps it right can.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

_ERROR = 5
"""TIME_ERROR: the kernel does not hold its clock for synchronised."""
_UNSYNCHRONISED, _NANOSECONDS = 0x0040, 0x2000
"""STA_UNSYNC, STA_NANO of `status`."""


@dataclass(frozen=True, slots=True)
class KernelClock:
    """The kernel's own word: whether something keeps the clock right, how far it still has to be moved, and the
    greatest error that it reckons with. Both in seconds.
    """

    synchronised: bool
    offset_seconds: float
    error_seconds: float


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


def read_kernel_clock() -> KernelClock | None:
    """What the kernel says now; None where this is no Linux, or it may not be asked."""
    if not sys.platform.startswith("linux"):
        return None
    said = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(said))
    if state < 0:
        return None
    unit = 1e-9 if said.status & _NANOSECONDS else 1e-6
    synchronised = state != _ERROR and not said.status & _UNSYNCHRONISED
    return KernelClock(synchronised, said.offset * unit, said.maxerror * 1e-6)
