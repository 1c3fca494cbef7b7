#!/usr/bin/env python3
"""Proves the arrows of the house from the includes: which room may include which, and which library may appear where.

  engine -> models, data, distributed;  engine, models, data -> kernels;  all -> base

Run without arguments from anywhere; prints every forbidden include and ends with 1 if there is one.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAY_INCLUDE = {
    "base": {"base"},
    "kernels": {"kernels", "base"},
    "models": {"models", "kernels", "base"},
    "data": {"data", "kernels", "base"},
    "distributed": {"distributed", "base"},
    "engine": {"engine", "models", "data", "distributed", "kernels", "base"},
}

# Third-party headers and the folders in which they may be included.
LIBRARIES = {
    r"hdf5\.h|H5\w+public\.h|H5\w*\.h": ["data/hdf5"],
    r"yaml-cpp/": ["engine/config"],
    r"nlohmann/": ["engine"],
    r"spdlog/": ["engine/record"],
    r"CLI/": ["engine/cli"],
    r"fmt/": ["engine"],
    r"xxhash\.h": ["engine", "data"],
    r"mpi\.h|nccl\.h": ["distributed"],
    r"cuda|cub/|thrust/|nvtx": ["base", "kernels"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LAUNCH = re.compile(r"<<<")


def sources():
    for room in MAY_INCLUDE:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".cuh", ".cu"):
                yield room, path


def complaints():
    for room, path in sources():
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if LAUNCH.search(line) and name != "base/launch.cuh":
                yield f"{name}:{number}: a raw kernel launch (only base/launch.cuh may launch)"
            found = INCLUDE.match(line)
            if not found:
                continue
            quoted, target = found.group(1) == '"', found.group(2)
            if quoted:
                owner = target.split("/")[0]
                if "/" not in target or owner not in MAY_INCLUDE:
                    yield f'{name}:{number}: "{target}" is not written from the repository root'
                elif owner not in MAY_INCLUDE[room]:
                    yield f"{name}:{number}: {room} may not include {owner} ({target})"
                continue
            for library, folders in LIBRARIES.items():
                if re.match(library, target) and not any(name.startswith(folder + "/") for folder in folders):
                    yield f"{name}:{number}: <{target}> belongs into {', '.join(folders)} only"


def main():
    found = list(complaints())
    for line in found:
        print(line)
    if not found:
        print(f"layers: {sum(1 for _ in sources())} files, no forbidden include")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
