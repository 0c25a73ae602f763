"""Puts what was built into wheels: the console, and prosa-bridge, which makes them for this platform only."""

import platform
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MACOS = "13_0"
"""The oldest macOS that programs built by Go 1.27 run on (Go 1.26 release notes, "Ports")."""


class BuiltHook(BuildHookInterface[Any]):
    """Adds `prosa/_bin/prosa-bridge` and `prosa/console/_dist` where they were built.

    A wheel without the bridge is pure Python and needs PROSA_BRIDGE_PATH; one without the console serves a page that
    says so.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell hatchling what to add and how the wheel is tagged."""
        if self.target_name != "wheel" or version == "editable":
            return
        package = Path(self.root) / "src" / "prosa"
        console = package / "console" / "_dist"
        if (console / "index.html").is_file():
            build_data["force_include"][str(console)] = "prosa/console/_dist"
        program = package / "_bin" / f"prosa-bridge{'.exe' if sys.platform == 'win32' else ''}"
        if program.is_file():
            build_data["force_include"][str(program)] = f"prosa/_bin/{program.name}"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag()}"


def platform_tag() -> str:
    """Return the platform that the bridge is for.

    It is built without cgo, so on Linux it needs no C library: it runs under glibc and under musl alike, which the tag
    says in the compressed form of PEP 425 (manylinux_2_17: PEP 600; musllinux_1_1: PEP 656). On macOS, Python may be a
    universal2 build while the program is for one processor.
    """
    if sys.platform == "linux":
        machine = platform.machine()
        return f"manylinux_2_17_{machine}.musllinux_1_1_{machine}"
    if sys.platform == "darwin":
        return f"macosx_{MACOS}_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
