"""Other Linux systems in directories, made by debootstrap, and programs that run in them."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from rig import prepare
from rig.workspace import CACHE, content_key, progress

_DEBIAN = "http://deb.debian.org/debian"
_UBUNTU = "http://archive.ubuntu.com/ubuntu"
# From old to new; the glibc of each is told by `glibc`.
ARCHIVES = {"xenial": _UBUNTU, "bullseye": _DEBIAN, "sid": _DEBIAN}
# Nobody in particular.
_USER = "23456:23456"


@cache
def system(suite: str, *options: str) -> Path:
    """The root of a minimal system."""
    target = CACHE / "system" / "-".join((suite, *(option.strip("-").replace("=", "-") for option in options)))
    if not target.exists():
        progress(f"installing a minimal {target.name} (about 300 MB)")
        scratch = target.with_suffix(".new")
        prepare.run(["rm", "-rf", "--one-file-system", str(scratch)], limit=60)
        scratch.parent.mkdir(parents=True, exist_ok=True)
        # Debian does not carry Ubuntu's keys. Nothing of these systems gets out of here.
        unsigned = ["--no-check-gpg"] if ARCHIVES.get(suite) == _UBUNTU else []
        archive = ARCHIVES.get(suite, _DEBIAN)
        prepare.run(["debootstrap", "--variant=minbase", *unsigned, *options, suite, str(scratch), archive], limit=1200)
        scratch.rename(target)
    return target


@cache
def musl(as_on_alpine: bool) -> Path:
    """The root of a system that has musl for its C library, Java in /opt/java, and nothing else.

    On Alpine the C library is a file with the name of the loader; as musl installs itself, it is called `libc.so`.

    musl is Debian's, Java one that is built for Alpine. It wants a zlib, and no registry that tests use has one for musl:
    it gets this machine's, which musl takes for its own once the two functions are there that are glibc's alone.
    """
    sources = Path(__file__).parent / "musl"
    target = CACHE / "system" / f"musl-{content_key(sources.iterdir(), prepare.JAVA_ON_MUSL, str(as_on_alpine))}"
    with prepare.to_make(target) as missing:
        if missing:
            prepare.tools(("ld-musl-config", "cc"))
            scratch = target.with_suffix(".new")
            prepare.run(["rm", "-rf", str(scratch)], limit=60)
            libraries = scratch / "lib" / "x86_64-linux-musl"
            for directory in (libraries, scratch / "etc", scratch / "opt", scratch / "proc", scratch / "tmp"):
                directory.mkdir(parents=True)
            shutil.copy("/etc/ld-musl-x86_64.path", scratch / "etc")
            # What programs ask for, and what they are linked to.
            names = [scratch / "lib" / name for name in ("ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1")]
            whole = names[0] if as_on_alpine else libraries / "libc.so"
            shutil.copy("/lib/x86_64-linux-musl/libc.so", whole)
            for name in names:
                if name != whole:
                    name.symlink_to(os.path.relpath(whole, name.parent))
            library = ["cc", "-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-Wl,--no-as-needed"]
            # Linked to an empty library of the name that zlib then has.
            stub = libraries / "libz-of-glibc.so"
            prepare.run([*library, f"-Wl,-soname,{stub.name}", "-o", str(stub), "-x", "c", "/dev/null"], limit=60)
            prepare.run([*library, "-o", str(libraries / "libz.so.1"), str(sources / "fortified.c"), str(stub)], limit=60)
            shutil.copy("/lib/x86_64-linux-gnu/libz.so.1", stub)
            shutil.copytree(prepare.java_on_musl(), scratch / "opt" / "java")
            scratch.rename(target)
    return target


def glibc(root: Path) -> str:
    """The version of its C library."""
    (library,) = root.glob("lib/*-linux-gnu/libc.so.6")
    said = subprocess.run(["strings", str(library)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return said.split("GNU C Library ", 1)[1].split("version ", 1)[1].split()[0].rstrip(".,")


def run_in(
    root: Path, command: Sequence[str], files: Mapping[Path, str], tmp: str = "exec", limit: float = 120
) -> subprocess.CompletedProcess[str]:
    """A command in that system as an ordinary user, with nothing to write to but /tmp, which is mounted `tmp` (exec, noexec).

    `files` are directories and files of this system, and where they are there. All mounts are gone when the command ends.
    """
    lines = ["set -e", "mount --make-rprivate /", f"mount --bind {root} {root}", f"cd {root}"]
    for source, target in files.items():
        make = "mkdir -p" if source.is_dir() else "touch"
        lines += [f"mkdir -p .{Path(target).parent}", f"{make} .{target}", f"mount --bind {source} .{target}"]
    lines += [
        "mount -t proc proc ./proc",
        "mount -o remount,bind,ro .",
        f"mount -t tmpfs -o mode=1777,{tmp} tmpfs ./tmp",
        f'exec chroot --userspec={_USER} . "$@"',
    ]
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "bash", "-c", "\n".join(lines), "bash", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
    )
