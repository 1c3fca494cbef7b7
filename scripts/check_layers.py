#!/usr/bin/env python3
"""Proves the arrows of the house from includes and imports: which room may include which, and which library may appear where.

  engine -> models, data, distributed;  engine, models, data -> kernels;  all -> base
  python knows the engine through run directories, the program and torch.ops

What is not listed here is forbidden; tests and benchmarks may include anything. Run without arguments from anywhere; prints
everything forbidden and ends with 1 if there is anything.
"""

import ast
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

STANDARD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
    clocale cmath compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring
    ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream functional future initializer_list
    iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional
    ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
    stop_token streambuf string string_view syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
    unordered_set utility valarray variant vector version""".split())

# Headers of libraries, and the folders in which they may be included; the first pattern that fits decides.
LIBRARIES = {
    r"(sys|linux)/\w+\.h$|(dirent|dlfcn|fcntl|fnmatch|glob|malloc|poll|pthread|sched|signal|spawn|termios|unistd)\.h$": MAY_INCLUDE,
    r"(\w+intrin|arm_neon|omp)\.h$": MAY_INCLUDE,
    r"(ATen|c10|torch)/(\w+/)*cuda/|cuda\w*\.h$|(cub|cuda|nvtx3|thrust)/": ["base", "kernels"],
    r"(ATen|c10)/|torch/(?!extension\.h|.*python)": MAY_INCLUDE,
    r"hdf5\.h$|H5\w+\.h$": ["data/hdf5"],
    r"(blosc|libdeflate|lz4|zstd)\.h$": ["data/decode"],
    r"yaml-cpp/": ["engine/config"],
    r"spdlog/": ["engine/record"],
    r"CLI/": ["engine/cli"],
    r"(fmt|nlohmann)/": ["engine"],
    r"xxhash\.h$": ["engine", "data"],
    r"(mpi|nccl)\.h$": ["distributed"],
}
PACKAGES = {"h5py", "hdf5plugin", "matplotlib", "mplhep", "numpy", "tevatrain", "torch"} | sys.stdlib_module_names
FOREIGN = re.compile(r"_?ctypes|torch\.(_C|classes|utils\.cpp_extension)")  # other ways to reach compiled code

INCLUDE = re.compile(r'\s*#\s*(?:include|import)\w*\s*(?:([<"])([^>"]+)[>"])?')
SUFFIXES = {".h", ".hpp", ".inl", ".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh"}


def sources(room, suffixes):
    for path in sorted((ROOT / room).rglob("*")):
        if path.suffix in suffixes:
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def of_repository(room, target):
    owner = target.split("/")[0]
    if "/" not in target or owner not in MAY_INCLUDE:
        return f'"{target}" is not written from the repository root'
    return None if owner in MAY_INCLUDE[room] else f"{room} may not include {owner} ({target})"


def of_library(name, target):
    folders = MAY_INCLUDE if target in STANDARD else next((LIBRARIES[p] for p in LIBRARIES if re.match(p, target)), ())
    if any(name.startswith(folder + "/") for folder in folders):
        return None
    return f"<{target}> belongs into {', '.join(folders)} only" if folders else f"<{target}> is of a library that no room may include"


def of_python(modules):
    return next((f"python may not use {module}" for module in modules
                 if FOREIGN.match(module) or module.split(".")[0] not in PACKAGES), None)


def cpp_problems(room, name, text):
    for number, line in enumerate(text.splitlines(), 1):
        if "<<<" in line and name != "base/launch.cuh":
            yield number, "a raw kernel launch (only base/launch.cuh may launch)"
        if found := INCLUDE.match(line):
            bracket, target = found.groups()
            yield number, (of_library(name, target) if bracket == "<" else of_repository(room, target or "a macro"))


def python_problems(name, text):
    for node in ast.walk(ast.parse(text, name)):
        if isinstance(node, ast.Import):
            yield node.lineno, of_python([alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom):
            origin = "tevatrain" if node.level else node.module
            yield node.lineno, of_python([f"{origin}.{alias.name}" for alias in node.names])
        elif isinstance(node, ast.Attribute) and FOREIGN.fullmatch(ast.unparse(node)):
            yield node.lineno, of_python([ast.unparse(node)])


def main():
    checked = [(name, cpp_problems(room, name, text)) for room in MAY_INCLUDE for name, text in sources(room, SUFFIXES)]
    checked += [(name, python_problems(name, text)) for name, text in sources("python", {".py"})]
    found = [f"{name}:{number}: {problem}" for name, problems in checked for number, problem in problems if problem]
    print("\n".join(found) if found else f"layers: {len(checked)} files, nothing forbidden")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
