"""Runs a package of unittest modules: names, durations, failures at once, a summary at the end."""

import argparse
import importlib
import os
import sys
import time
import traceback
import unittest
from collections.abc import Iterator

from .not_here import EXIT_CODE, NotHere
from .workspace import TESTS


class _Result(unittest.TestResult):
    """Prints each test when it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.durations: list[tuple[float, str]] = []
        self._began = 0.0
        self._bad = False

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._began, self._bad = time.monotonic(), False

    def _say(self, word: str, test: unittest.TestCase, more: str = "") -> None:
        took = time.monotonic() - self._began
        if word != "SKIP":
            self.durations.append((took, _name(test)))
        print(f"{word:4} {_name(test)} ({took:.1f} s){more}", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        if not self._bad:
            self.passed += 1
            self._say("ok", test)

    def addFailure(self, test: unittest.TestCase, err) -> None:  # type: ignore[no-untyped-def]
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test: unittest.TestCase, err) -> None:  # type: ignore[no-untyped-def]
        super().addError(test, err)
        self._fail(test, err)
        if issubclass(err[0], SystemExit):
            # A signal, which unittest takes for a test that failed: without this the next one would begin.
            self.stop()

    def addSubTest(self, test, subtest, err) -> None:  # type: ignore[no-untyped-def]
        super().addSubTest(test, subtest, err)
        if err:
            print(f"in {subtest}")
            self._fail(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._began = time.monotonic()
        self._say("SKIP", test, f": {reason}")

    def _fail(self, test: unittest.TestCase, err) -> None:  # type: ignore[no-untyped-def]
        self._bad = True
        if issubclass(err[0], SystemExit):
            # A signal that ends the rig; unittest takes it for a failure of the test like any other.
            self.stop()
        self._say("FAIL", test)
        traceback.print_exception(*err, limit=-6)
        sys.stdout.flush()

    @property
    def failed(self) -> int:
        """Tests, or fixtures, not single complaints."""
        return len({_name(test) for test, _ in (*self.failures, *self.errors)})


def _name(test: object) -> str:
    inner = getattr(test, "test_case", test)
    return inner.id() if isinstance(inner, unittest.TestCase) else str(inner)


def _tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from _tests(entry)
        else:
            yield entry


def _is_chosen(test: unittest.TestCase, patterns: list[str], full: bool) -> bool:
    """By its name; without a name, tests that say `in_ci = False` are left to --full."""
    if patterns:
        return any(one in test.id() for one in patterns)
    return full or getattr(test, "in_ci", True)


def run(package: str, patterns: list[str]) -> int:
    """Runs the tests whose full name holds one of the patterns, all without any; the exit code."""
    base = importlib.import_module(f"{package}.base")
    found = unittest.defaultTestLoader.discover(str(TESTS / package), "test_*.py", str(TESTS))
    full = os.environ.get("FLINKKUBEHA_FULL") == "1"
    chosen = [test for test in _tests(found) if _is_chosen(test, patterns, full)]
    # What has to stand for a while, and can do so beside the other tests, begins before them and is looked at after them.
    chosen.sort(key=lambda test: hasattr(type(test), "begin"))
    try:
        base.setup()
    except NotHere as reason:
        print(f"{package} cannot be run on this machine: {reason}\n0 passed, 0 failed, {len(chosen)} skipped", flush=True)
        return EXIT_CODE
    result = _Result()
    began = time.monotonic()
    try:
        for begin in dict.fromkeys(getattr(type(test), "begin", None) for test in chosen):
            if begin:
                begin()
        unittest.TestSuite(chosen).run(result)
    finally:
        base.teardown()
    print(f"\n{package}: {time.monotonic() - began:.0f} s; the longest:")
    for took, name in sorted(result.durations, reverse=True)[:5]:
        print(f"  {took:6.1f} s  {name}")
    print(f"{result.passed} passed, {result.failed} failed, {len(result.skipped)} skipped", flush=True)
    return 0 if chosen and not result.failed else 1


def main() -> None:
    """The command line."""
    package = sys.argv[1]
    parser = argparse.ArgumentParser(prog=f"tests/{package}/run")
    parser.add_argument("--full", action="store_true", help="long holds, many repetitions")
    parser.add_argument("--stock", action="store_true", help="Flink's own HA classes instead of ours")
    parser.add_argument("--seed", type=int, help="what chance decides in tests that have any")
    parser.add_argument("pattern", nargs="*", help="part of a test's full name, such as test_job_ends")
    options = parser.parse_args(sys.argv[2:])
    # Read by the modules when they are loaded.
    for name in ("full", "stock"):
        if getattr(options, name):
            os.environ[f"FLINKKUBEHA_{name.upper()}"] = "1"
    if options.seed is not None:
        os.environ["FLINKKUBEHA_SEED"] = str(options.seed)
    sys.exit(run(package, options.pattern))


if __name__ == "__main__":
    main()
