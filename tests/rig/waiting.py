"""Waiting for a condition with a deadline; the only way in which the rig waits."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# No wait gives up earlier: who has to tell two mechanisms apart by time compares instants, and a wait that ends well
# takes no longer for it. A machine with more to run than it has cores can stand still for seconds.
_SHORTEST = 30.0


class WaitedTooLong(AssertionError):
    """The condition did not come true in time."""


def wait_until(
    condition: Callable[[], T],
    what: str,
    limit: float,
    interval: float = 0.05,
    hint: Callable[[], str] | None = None,
) -> T:
    """The first truthy answer of `condition`, asked every `interval` seconds for at most `limit`, but for 30 s at least.

    `what` completes "waited N s for ...". `hint` is asked on failure for something worth reading.
    """
    limit = max(limit, _SHORTEST)
    deadline = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            text = f"waited {limit:g} s for {what}"
            raise WaitedTooLong(f"{text}\n{hint()}" if hint else text)
        time.sleep(interval)


def holds_for(condition: Callable[[], bool], what: str, duration: float, interval: float = 0.2) -> None:
    """Fails as soon as `condition` is false within the next `duration` seconds."""
    deadline = time.monotonic() + duration
    while time.monotonic() < deadline:
        if not condition():
            raise AssertionError(f"{what} did not hold for {duration:g} s")
        time.sleep(interval)
