"""The kernel's own word on its clock: read, never set."""

import ctypes
import sys

import pytest

from nakadachi.kit.kernel_clock import KernelClock, _Timex, read_kernel_clock


class Kernel:
    """A libc whose adjtimex answers as told."""

    def __init__(self, returns, **fields):
        self.returns, self.fields, self.asked = returns, fields, []

    def adjtimex(self, pointer):
        said = pointer._obj
        self.asked.append(said.modes)
        for name, value in self.fields.items():
            setattr(said, name, value)
        return self.returns


@pytest.fixture
def kernel(monkeypatch):
    def answer(returns, **fields):
        one = Kernel(returns, **fields)
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_named: one)
        return one

    return answer


def test_a_clock_that_is_kept_right_is_synchronised(kernel):
    asked = kernel(0, offset=-250, maxerror=1500, status=0x0001)
    assert read_kernel_clock() == KernelClock(
        synchronised=True, offset_seconds=pytest.approx(-0.00025), error_seconds=pytest.approx(0.0015)
    )
    assert asked.asked == [0]


def test_an_offset_in_nanoseconds_is_read_as_such(kernel):
    kernel(0, offset=250, maxerror=1, status=0x2001)
    assert read_kernel_clock().offset_seconds == pytest.approx(250e-9)


@pytest.mark.parametrize(("returns", "status"), [(5, 0), (0, 0x0040), (5, 0x0040)])
def test_what_the_kernel_calls_an_error_is_not_synchronised(kernel, returns, status):
    kernel(returns, status=status, maxerror=16_000_000)
    assert read_kernel_clock() == KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0)


def test_a_kernel_that_may_not_be_asked_says_nothing(kernel):
    kernel(-1)
    assert read_kernel_clock() is None


def test_another_system_is_not_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert read_kernel_clock() is None


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux's")
def test_this_kernel_answers_in_the_form_we_read():
    """The fields after `tick` are read too: a form too short would have the kernel write beyond it."""
    said = read_kernel_clock()
    assert said is None or 0 <= said.error_seconds < 1e4
    assert ctypes.sizeof(_Timex) == (208 if sys.maxsize > 2**32 else 128)
