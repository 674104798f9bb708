"""A release that is made again."""

import unittest

from . import base


class Reproducible(unittest.TestCase):
    """In another directory, from nothing."""

    def test_the_second_is_the_first_byte_by_byte(self) -> None:
        first, second = base.release(), base.made_in("a-longer-way-to/another-release")
        self.assertEqual((first / "SHA256SUMS").read_text(), (second / "SHA256SUMS").read_text())
