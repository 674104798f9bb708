"""Holds tests/COUNTERPARTS.md against the tests that are there: each one that it names, and its counts."""

import re
import sys
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_TABLE = _ROOT / "tests" / "COUNTERPARTS.md"
_SECTION = re.compile(r"^## (?P<title>.+) \((?P<count>\d+)\)$")
_ROW = re.compile(r"^\| (?P<theirs>test\w+) \| (?P<ours>.+?) \|.*\|$")


@cache
def _texts(pattern: str) -> dict[Path, str]:
    return {file: file.read_text() for file in _ROOT.glob(pattern)}


def _is_java(name: str) -> bool:
    wanted, _, method = name.partition(".")
    return any(
        not method or re.search(rf"\bvoid {method}\(", text)
        for file, text in _texts("java/src/**/*.java").items()
        if file.stem == wanted
    )


def _is_rust(name: str) -> bool:
    module, _, function = name.rpartition("::")
    files = {**_texts("rust/tests/**/*.rs"), **_texts("rust/src/**/*.rs")}
    return any(
        re.search(rf"#\[[^\n]*test\]\n(?:\s*#\[[^\n]*\]\n)*\s*(?:async )?fn {function}\(", text)
        or re.search(rf"^\s*fn {function}\([^)]*\bin\b", text, re.MULTILINE)
        for file, text in files.items()
        if module in (file.stem, file.parent.name)
    )


def _is_python(name: str) -> bool:
    *path, function = name.split(".")
    return any(
        re.search(rf"\bdef {function}\(", text)
        and all(part in (file.stem, file.parent.name) or f"class {part}(" in text for part in path)
        for file, text in _texts("tests/*/*.py").items()
    )


def _exists(name: str) -> bool:
    if "::" in name:
        return _is_rust(name)
    return _is_java(name) if name[0].isupper() else _is_python(name)


def faults(table: str) -> list[str]:
    """What is wrong with this table, one sentence each."""
    found = []
    title, promised, rows = "", 0, 0
    named = 0
    for line in [*table.splitlines(), "## end (0)"]:
        section, row = _SECTION.match(line), _ROW.match(line)
        if section:
            if rows != promised:
                found.append(f"{title} has {rows} rows, not {promised}.")
            title, promised, rows = section["title"], int(section["count"]), 0
        elif row:
            rows += 1
            found += [f"{row['theirs']} has no counterpart."] if "`" not in row["ours"] else []
            # Quoted in the other column are also words that are no names of tests.
            quoted = re.findall(r"`([^`]+)`", line)
            names = [name for name in quoted if name in row["ours"] or re.search(r"\w(\.|::)\w", name)]
            named += len(names)
            found += [f"{name} does not exist: {row['theirs']} of {title}." for name in names if not _exists(name)]
    return found if named else [*found, "It names no test at all."]


def main() -> None:
    """The command line."""
    found = faults(_TABLE.read_text())
    for fault in found:
        print(f"{_TABLE.relative_to(_ROOT)}: {fault}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
