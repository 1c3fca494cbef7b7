"""segment_reduce as plain Python sees it: loaded by torch, checked by torch."""

import os
import subprocess
import sys
import unittest

import torch

import tevatrain.ops

REDUCTIONS = ("sum", "mean", "max", "min")
OFFSETS = torch.tensor([0, 0, 3, 4, 4, 10, 10])


def values(*shape, dtype=torch.float64, requires_grad=False):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_(requires_grad)


class SegmentReduce(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tevatrain.ops.load()

    def test_equals_torch_segment_reduce(self):
        for reduce in REDUCTIONS:
            for shape in ((10,), (10, 5), (10, 3, 2)):
                x = values(*shape)
                ours = torch.ops.tev.segment_reduce(x, OFFSETS, reduce)
                theirs = torch.segment_reduce(x, reduce, offsets=OFFSETS, axis=0)
                theirs[OFFSETS.diff() == 0] = 0  # theirs: NaN or infinity
                torch.testing.assert_close(ours, theirs)

    def test_gradient_equals_that_of_torch(self):
        for reduce in REDUCTIONS:
            ours, theirs = values(10, 5, requires_grad=True), values(10, 5, requires_grad=True)
            torch.ops.tev.segment_reduce(ours, OFFSETS, reduce).square().sum().backward()
            theirs_out = torch.segment_reduce(theirs, reduce, offsets=OFFSETS, axis=0)
            theirs_out[OFFSETS.diff() > 0].square().sum().backward()
            torch.testing.assert_close(ours.grad, theirs.grad)

    def test_passes_gradcheck_of_both_orders(self):
        for reduce in REDUCTIONS:
            function = lambda x: torch.ops.tev.segment_reduce(x, OFFSETS, reduce)
            self.assertTrue(torch.autograd.gradcheck(function, values(10, 3, requires_grad=True)))
            self.assertTrue(torch.autograd.gradgradcheck(function, values(10, 3, requires_grad=True)))

    def test_passes_opcheck(self):
        no_arg = torch.empty(0, dtype=torch.long)
        for reduce in REDUCTIONS:
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                x = values(10, 5, dtype=dtype, requires_grad=True)
                torch.library.opcheck(torch.ops.tev.segment_reduce.default, (x, OFFSETS, reduce))
            out, arg = torch.ops.tev._segment_reduce(values(10, 5), OFFSETS, reduce, True)
            torch.library.opcheck(torch.ops.tev._segment_reduce.default, (values(10, 5), OFFSETS, reduce, True))
            self.assertEqual(arg.shape, out.shape if reduce in ("max", "min") else (0,))
            for grad in (out, out.clone().requires_grad_()):
                arguments = (grad, OFFSETS, arg if reduce in ("max", "min") else no_arg, reduce, 10)
                torch.library.opcheck(torch.ops.tev.segment_reduce_backward.default, arguments)

    def test_autocast_leaves_the_dtype_alone(self):
        with torch.autocast("cpu", torch.bfloat16):
            for dtype in (torch.float32, torch.bfloat16):
                self.assertEqual(torch.ops.tev.segment_reduce(values(10, 5, dtype=dtype), OFFSETS, "sum").dtype, dtype)

    def test_errors_reach_python(self):
        with self.assertRaisesRegex(RuntimeError, "reduce is 'maxx' .known: sum, mean, max, min.*Did you mean 'max'"):
            torch.ops.tev.segment_reduce(values(10, 5), OFFSETS, "maxx")
        with self.assertRaisesRegex(RuntimeError, "offsets ends with 10 .9 was expected"):
            torch.ops.tev.segment_reduce(values(9, 5), OFFSETS, "sum")


def run_python(code, **environment):
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment},
                          capture_output=True, text=True)


HASH_OF_RESULTS = """
import hashlib, torch, tevatrain.ops
tevatrain.ops.load()
generator = torch.Generator().manual_seed(3)
digest = hashlib.sha256()
for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
    x = torch.randn(9000, 90, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    for reduce in ("sum", "mean", "max", "min"):
        out = torch.ops.tev.segment_reduce(x, torch.tensor([0, 7, 7, 6000, 9000]), reduce)
        gradient, = torch.autograd.grad(out.sum(), x)
        for tensor in (out, gradient):
            digest.update(tensor.detach().view(torch.uint8).numpy().tobytes())
print(digest.hexdigest())
"""


class InstructionSets(unittest.TestCase):
    def test_all_give_the_same_bits(self):
        # A level that this CPU does not have would be an illegal instruction.
        best = run_python("import torch; print(torch.backends.cpu.get_cpu_capability())").stdout.strip().lower()
        levels = ("default", "avx2", "avx512")
        runs = [run_python(HASH_OF_RESULTS, ATEN_CPU_CAPABILITY=level) for level in levels[:levels.index(best) + 1]]
        self.assertEqual([run.returncode for run in runs], [0] * len(runs), runs[0].stderr)
        self.assertEqual(len({run.stdout for run in runs}), 1)


class Loading(unittest.TestCase):
    def test_a_missing_library_is_named(self):
        run = run_python("import tevatrain.ops; tevatrain.ops.load()", TEVATRAIN_KERNELS="/no/such.so")
        self.assertIn("TEVATRAIN_KERNELS: no file '/no/such.so'", run.stderr)

    def test_loading_twice_is_loading_once(self):
        self.assertEqual(tevatrain.ops.load(), tevatrain.ops.load())


if __name__ == "__main__":
    unittest.main()
