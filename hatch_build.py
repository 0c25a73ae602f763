"""Puts the built prosa-bridge into wheels, which then are for this platform only."""

import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BridgeHook(BuildHookInterface[Any]):
    """Adds `prosa/_bin/prosa-bridge` where it was built; a wheel without it is pure Python and needs PROSA_BRIDGE_PATH."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell hatchling what to add and how the wheel is tagged."""
        if self.target_name != "wheel" or version == "editable":
            return
        folder = Path(self.root) / "src" / "prosa" / "_bin"
        programs = [path for path in folder.glob("prosa-bridge*") if path.suffix in {"", ".exe"}]
        for program in programs:
            build_data["force_include"][str(program)] = f"prosa/_bin/{program.name}"
        if programs:
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
