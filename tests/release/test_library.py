"""The native library of each architecture, without loading it."""

import unittest

from rig.workspace import ROOT

from . import base, elf

_MACHINES = {"linux-x86_64": "Advanced Micro Devices X86-64", "linux-aarch64": "AArch64"}
# All of glibc.
_LIBRARIES = r"^(lib(c|m|dl|rt|pthread|util)\.so\.\d+|ld-linux-(x86-64|aarch64)\.so\.\d)$"


class Library(unittest.TestCase):
    """Each property for both architectures."""

    def test_is_for_the_architecture_of_its_folder(self) -> None:
        for platform, machine in _MACHINES.items():
            self.assertEqual(machine, elf.machine(base.library(platform)), platform)

    def test_exports_nothing_but_what_the_jvm_calls(self) -> None:
        for platform in base.PLATFORMS:
            self.assertEqual(["JNI_OnLoad"], elf.exported(base.library(platform)), platform)

    def test_needs_no_library_but_glibc_and_no_newer_one_than_2_17(self) -> None:
        for platform in base.PLATFORMS:
            library = base.library(platform)
            for needed in elf.needed(library):
                self.assertRegex(needed, _LIBRARIES, platform)
            self.assertLessEqual(elf.glibc(library), (2, 17), platform)

    def test_is_bound_at_once_never_unloaded_and_without_an_executable_stack(self) -> None:
        for platform in base.PLATFORMS:
            library = base.library(platform)
            # NOW: what a system lacks is missing at once, not in the middle of a take-over.
            self.assertRegex(elf.dynamic(library), r"NOW.* NODELETE", platform)
            self.assertNotRegex(elf.dynamic(library), r"\((RPATH|RUNPATH|TEXTREL)\)", platform)
            self.assertFalse(elf.executable_stack(library), platform)

    def test_names_no_path_of_the_machine_that_built_it(self) -> None:
        for platform in base.PLATFORMS:
            content = base.library(platform).read_bytes()
            for path in (base.directory(), ROOT, "/.cargo/", "/.rustup/", "/root/", "/home/"):
                self.assertNotIn(str(path).encode(), content, platform)
