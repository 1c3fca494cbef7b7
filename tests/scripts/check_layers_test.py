#!/usr/bin/env python3
"""scripts/check_layers.py on small houses: what it refuses, what it lets pass. The house itself is the test `layers`."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_layers.py"

ALLOWED = {
    "base/a.hpp": ['#include "base/check.hpp"', "#include <vector>", "#include <unistd.h>", "#include <sys/stat.h>",
                   "#include <ATen/core/Tensor.h>", "#include <torch/library.h>", "#include <c10/cuda/CUDAStream.h>"],
    "base/launch.cuh": ["kernel<<<blocks, threads>>>();"],
    "kernels/op/a.cu": ['#include "base/check.hpp"', "#include <cub/cub.cuh>", "#include <emmintrin.h>"],
    "models/pfn/a.cpp": ['#include "kernels/op/a.hpp"', "#include <torch/nn/module.h>"],
    "data/hdf5/a.cpp": ["#include <hdf5.h>", "#include <H5Ppublic.h>", '#include "kernels/op/a.hpp"'],
    "data/catalog/a.cpp": ["#include <xxhash.h>", "#include <glob.h>"],
    "distributed/a.cpp": ["#include <mpi.h>", "#include <nccl.h>"],
    "engine/config/a.cpp": ["#include <yaml-cpp/yaml.h>", "#include <nlohmann/json.hpp>", '#include "data/catalog/a.hpp"'],
    "engine/record/a.cpp": ["#include <spdlog/logger.h>"],
    "engine/cli/a.cpp": ["#include <CLI/CLI.hpp>", "#include <fmt/format.h>"],
    "python/tevatrain/a.py": ["import json, numpy", "from tevatrain import report", "from . import ops", "import torch",
                              "torch.ops.load_library('lib.so')"],
    "tests/a.cpp": ["#include <boost/any.hpp>", '#include "a.hpp"'],
    "benchmarks/a.py": ["import ctypes"],
}

FORBIDDEN = {
    "base/a.hpp": ["#include <boost/any.hpp>", "  #  include  <Eigen/Dense>", '#include "kernels/op/a.hpp"', "#include <nlohmann/json.hpp>",
                   "#include <Python.h>", "#include <torch/extension.h>", "#include <torch/csrc/autograd/python_variable.h>",
                   '#include "check.hpp"', "#include HEADER", "#include_next <boost/any.hpp>", "#include <vectors>"],
    "kernels/op/a.cu": ["kernel<<<blocks, threads>>>();", '#include "models/pfn/a.hpp"', "#include <mpi.h>"],
    "models/pfn/a.cc": ["#include <c10/cuda/CUDAStream.h>", "#include <ATen/native/cuda/Loops.cuh>", "#include <cuda_runtime.h>",
                        '#include "data/catalog/a.hpp"'],
    "data/catalog/a.h": ["#include <hdf5.h>", "#include <blosc.h>", '#include "engine/config/a.hpp"', '#include "examples/a.hpp"'],
    "distributed/a.cpp": ['#include "kernels/op/a.hpp"'],
    "engine/train/a.cpp": ["#include <yaml-cpp/yaml.h>", "#include <spdlog/logger.h>", "#include <CLI/CLI.hpp>", "#include <hdf5.h>",
                           "#include <pybind11/pybind11.h>"],
    "python/tevatrain/a.py": ["import os, ctypes", "from ctypes import CDLL", "import pybind11", "import pandas", "import tev",
                              "from torch.utils import cpp_extension", "torch.utils.cpp_extension.load('a', [])",
                              "torch.classes.load_library('lib.so')"],
}


def check(files):
    """Exit code and output of the checker in a house of these files: path -> lines."""
    with tempfile.TemporaryDirectory() as house:
        for name, lines in {**files, "scripts/check_layers.py": []}.items():
            path = Path(house) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(line + "\n" for line in lines))
        shutil.copy(SCRIPT, path)
        result = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


class CheckLayersTest(unittest.TestCase):
    def test_what_is_listed_passes(self):
        code, output = check(ALLOWED)
        self.assertEqual((code, output), (0, f"layers: {len(ALLOWED) - 2} files, nothing forbidden\n"))

    def test_every_forbidden_line_is_named_and_no_other(self):
        code, output = check({name: [*ALLOWED.get(name, []), *lines] for name, lines in FORBIDDEN.items()})
        expected = [f"{name}:{len(ALLOWED.get(name, [])) + i}" for name, lines in FORBIDDEN.items() for i in range(1, len(lines) + 1)]
        self.assertEqual(code, 1)
        self.assertEqual([line.split(": ")[0] for line in output.splitlines()], expected, output)

    def test_a_complaint_says_why(self):
        for name, line, complaint in (
                ("base/a.hpp", "#include <boost/any.hpp>", "<boost/any.hpp> is of a library that no room may include"),
                ("data/a.hpp", "#include <hdf5.h>", "<hdf5.h> belongs into data/hdf5 only"),
                ("data/a.hpp", '#include "engine/a.hpp"', "data may not include engine (engine/a.hpp)"),
                ("data/a.hpp", '#include "a.hpp"', '"a.hpp" is not written from the repository root'),
                ("python/a.py", "import ctypes", "python may not use ctypes")):
            self.assertEqual(check({name: [line]}), (1, f"{name}:1: {complaint}\n"))


if __name__ == "__main__":
    unittest.main()
