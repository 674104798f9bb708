"""The judges of the fault matrix can say no, and its page says what was recorded."""

import dataclasses
import json
import unittest

from rig.oracles import Leadership

from . import table
from .observation import Observation, Standstill, missed, overlap, revoked_after_thaw, together
from .rows import ROWS

_FINE = Observation(
    overlap_ms=0,
    out_of_turn=[],
    revoked_after_thaw_ms=None,
    transitions=0,
    stale_accepted=0,
    stale_refused=0,
    lost=[],
    dangling=[],
    available=True,
    downtime=0.6,
    restarts=0,
    failed_checkpoints=0,
    exits=0,
)


class TwoLeaders(unittest.TestCase):
    """Terms of leadership against the time in which two of them could act."""

    _AFTER = Leadership("b", 10, 100)

    def _overlap(self, end: float, *standstills: Standstill) -> float:
        return overlap([Leadership("a", 0, end), self._AFTER], 0, standstills)

    def test_one_after_the_other(self) -> None:
        self.assertEqual(0, self._overlap(10))

    def test_both_at_once(self) -> None:
        self.assertEqual(5, self._overlap(15))
        self.assertEqual(0, overlap([Leadership("a", 0, 15), self._AFTER], 16, ()), "before the fault")

    def test_who_stands_still_does_not_lead(self) -> None:
        self.assertEqual(0, self._overlap(30.02, Standstill("a", 5, 30)))
        self.assertAlmostEqual(20, self._overlap(50, Standstill("a", 5, 30)))
        self.assertEqual(20, self._overlap(30, Standstill("b", 5, 30)), "the other one stood still")

    def test_reaction_after_a_thaw(self) -> None:
        terms = [Leadership("a", 0, 30.02), self._AFTER]
        self.assertEqual(20, revoked_after_thaw(terms, 0, [Standstill("a", 5, 30)]))
        self.assertIsNone(revoked_after_thaw(terms[:1], 0, [Standstill("a", 5, 30)]), "nobody followed")


class Oracles(unittest.TestCase):
    """What is missed of an observation."""

    def test_nothing_is_missed(self) -> None:
        self.assertEqual([], missed(_FINE, {"transitions": 0, "restarts": range(2)}))

    def test_each_oracle_can_be_missed(self) -> None:
        wrong = {"overlap_ms": 1, "out_of_turn": ["x"], "stale_accepted": 1, "foreign_writes": ["x"], "lost": ["x"]}
        wrong |= {"not_exactly_once": ["x"], "leaks": ["x"], "dangling": ["x"], "available": False, "misreported": ["x"]}
        for name, value in wrong.items():
            self.assertEqual(1, len(missed(dataclasses.replace(_FINE, **{name: value}), {})), name)

    def test_figures_are_as_expected(self) -> None:
        seen = dataclasses.replace(_FINE, transitions=2)
        self.assertEqual(["transitions: 2, expected 0"], missed(seen, {"transitions": 0}))
        self.assertEqual([], missed(seen, {"transitions": (1, 2)}))
        self.assertEqual(1, len(missed(seen, {"transitions": range(2)})))

    def test_causes_are_as_expected(self) -> None:
        seen = dataclasses.replace(_FINE, causes=["403", "freeze"])
        self.assertEqual([], missed(seen, {"causes": ["403", "freeze"]}))
        self.assertEqual([], missed(seen, {"causes": {"403", "freeze", "401"}}))
        self.assertEqual(["causes: ['freeze'], expected none but ['403']"], missed(seen, {"causes": {"403"}}))
        self.assertEqual(1, len(missed(seen, {"causes": ["403"]})))
        self.assertEqual(1, len(missed(seen, {"causes": []})))

    def test_the_worst_of_several(self) -> None:
        bad = dataclasses.replace(_FINE, overlap_ms=7, lost=["x"], available=False, downtime=3, leaks=[])
        for pair in ([_FINE, bad], [bad, _FINE]):
            self.assertEqual(bad, together(pair))
        self.assertEqual(["x"], together([bad, bad]).lost, "of the whole run, told with each fault of it")


class Page(unittest.TestCase):
    """Of made-up results."""

    @staticmethod
    def _result(variant: str = "5 s", side: str = "ours", **seen: object) -> table.Result:
        observation = dataclasses.asdict(_FINE) | seen
        result = {"row": "F-01", "variant": variant, "side": side, "date": "2026-11-21", "seed": 1, "flink": "2.2.1"}
        return {**result, "command": "run", "observation": observation, "figures": {"in_all": 3}}

    def test_newer_results_replace_older_ones(self) -> None:
        kept = [self._result(), self._result("15 s")]
        new = self._result(transitions=1)
        self.assertEqual([new, kept[1]], table.merge(kept, [new]))

    def test_unknown_rows_are_refused(self) -> None:
        with self.assertRaises(SystemExit):
            table.merge([], [{**self._result(), "row": "F-99"}])

    def test_every_row_of_the_matrix_has_its_place(self) -> None:
        page = table.render([self._result(), self._result(side="stock", overlap_ms=2500)])
        for name in ROWS:
            self.assertIn(f"| {name} |", page)
        self.assertIn("held, no transition, no restart, gap 0.6 s, in all: 3", page)
        self.assertIn("**two leaders for 2.5 s**", page)

    def test_figures_of_the_lines_are_taken_over(self) -> None:
        readme = "| | 1.20.5 | 2.0.2 |\n| mixed fleet, a | 7 s | – |\n| other | 1 | 2 |\n"
        self.assertEqual("mixed fleet, a: 7 s", table.of_lines("mixed fleet", readme))

    def test_page_is_that_of_the_results(self) -> None:
        def lines(text: str) -> list[str]:
            # The others take figures from the README.
            return [line for line in text.splitlines() if not line.startswith("| M-")]

        page = table.render(json.loads(table.KEPT.read_text()))
        self.assertEqual(lines(page), lines(table.PAGE.read_text()), "tests/faults/table writes it")
