"""The compatibility table says what was recorded, and no more."""

import unittest

from rig.workspace import ROOT

from .table import BEGIN, END, Shown, put, render


def _shown(line: str, what: str, result: str, date: str = "2026-11-21") -> Shown:
    return {"line": line, "what": what, "result": result, "test": "t", "date": date}


class CompatibilityTable(unittest.TestCase):
    """Of made-up records."""

    def test_has_a_row_for_each_thing_shown_and_a_column_for_each_line(self) -> None:
        table = render([_shown("2.3.0", "reads", "14"), _shown("1.20.5", "writes", "9")])
        expected = ["| | 1.20.5 | 2.3.0 |", "|---|---|---|", "| reads | – | 14 |", "| writes | 9 | – |"]
        self.assertEqual(["Shown by `tests/lines/run`, 2026-11-21:", "", *expected], table.splitlines())

    def test_the_later_of_two_results_counts(self) -> None:
        table = render([_shown("2.3.0", "reads", "old", "2026-11-20"), _shown("2.3.0", "reads", "new")])
        self.assertIn("2026-11-20 to 2026-11-21", table)
        self.assertTrue(table.endswith("| reads | new |"))

    def test_takes_the_place_of_the_table_before(self) -> None:
        text = put(f"a\n{BEGIN}\nold\n{END}\nb\n", "new")
        self.assertEqual(f"a\n{BEGIN}\nnew\n{END}\nb\n", text)
        self.assertEqual(text, put(text, "new"))

    def test_has_its_place_in_the_readme(self) -> None:
        self.assertIn("a table", put((ROOT / "README.md").read_text(), "a table"))

    def test_needs_its_marks(self) -> None:
        with self.assertRaises(SystemExit):
            put("no marks", "new")
