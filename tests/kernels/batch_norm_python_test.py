"""Batch normalisation as plain Python sees it: checked by torch, equal to torch, the same bits from every instruction set."""

import os
import subprocess
import sys
import unittest

import torch

import tevatrain.ops


def values(*shape, dtype=torch.float64, requires_grad=False, seed=7):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_(requires_grad)


class BatchNorm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tevatrain.ops.load()

    def test_equals_torch(self):
        for training in (True, False):
            running = [(torch.zeros(5), torch.ones(5)) for _ in range(2)]
            x, weight, bias = values(300, 5, dtype=torch.float32), values(5, dtype=torch.float32, seed=1), values(5, dtype=torch.float32, seed=2)
            ours = torch.ops.tev.batch_norm(x, weight, bias, *running[0], training, 0.1, 1e-5, 0.33)
            theirs = torch.nn.functional.leaky_relu(torch.nn.functional.batch_norm(x, *running[1], weight, bias, training, 0.1, 1e-5), 0.33)
            torch.testing.assert_close(ours, theirs)
            torch.testing.assert_close(running[0], running[1])

    def test_passes_opcheck(self):
        for dtype, wide in ((torch.float64, torch.float64), (torch.bfloat16, torch.float32)):
            x = values(10, 5, dtype=dtype, requires_grad=True)
            weight, bias = values(5, dtype=wide, requires_grad=True), values(5, dtype=wide, requires_grad=True)
            for training in (True, False):
                torch.library.opcheck(torch.ops.tev.batch_norm.default, (x, weight, bias, torch.zeros(5), torch.ones(5), training, 0.1, 1e-5, 0.33))
                moments = torch.ones(3, 5, dtype=torch.float64)
                for grad in (values(10, 5, dtype=dtype), values(10, 5, dtype=dtype, requires_grad=True)):
                    torch.library.opcheck(torch.ops.tev.batch_norm_backward.default, (grad, x.detach(), weight.detach(), None, moments, training, 1e-5, 0.33))
            torch.library.opcheck(torch.ops.tev.batch_norm.default, (x, None, None, None, None, True))
            torch.library.opcheck(torch.ops.tev.batch_norm_sums.default, (x.detach(),))
            scale, grad = values(5, dtype=wide), values(10, 5, dtype=dtype)
            torch.library.opcheck(torch.ops.tev._batch_norm_apply.default, (x.detach(), scale, scale, 0.33))
            torch.library.opcheck(torch.ops.tev._batch_norm_backward_sums.default, (grad, x.detach(), scale, scale, 0.33))
            torch.library.opcheck(torch.ops.tev._batch_norm_input_gradient.default, (grad, x.detach(), scale, scale, scale, scale, 0.33))

    def test_passes_gradcheck_of_both_orders(self):
        for slope in (1.0, 0.33):
            function = lambda x, weight, bias: torch.ops.tev.batch_norm(x, weight, bias, None, None, True, 0.1, 1e-3, slope)
            inputs = values(8, 3, requires_grad=True), values(3, requires_grad=True, seed=1), values(3, requires_grad=True, seed=2)
            self.assertTrue(torch.autograd.gradcheck(function, inputs))
            self.assertTrue(torch.autograd.gradgradcheck(function, inputs))

    def test_errors_reach_python(self):
        with self.assertRaisesRegex(RuntimeError, "there are no running statistics"):
            torch.ops.tev.batch_norm(values(10, 5), None, None, None, None, False)


HASH_OF_RESULTS = """
import hashlib, torch, tevatrain.ops
tevatrain.ops.load()
generator = torch.Generator().manual_seed(3)
digest = hashlib.sha256()
for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
    x = torch.randn(2000, 53, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    scale, shift = torch.randn(2, 53, generator=generator, dtype=torch.float64).to(torch.float64 if dtype == torch.float64 else torch.float32)
    out = torch.ops.tev._batch_norm_apply(x.detach(), scale, shift, 0.33)
    all = [out, torch.ops.tev.batch_norm_sums(x.detach()), torch.ops.tev._batch_norm_backward_sums(out, x.detach(), scale, shift, 0.33),
           torch.ops.tev._batch_norm_input_gradient(out, x.detach(), scale, shift, shift, scale, 0.33)]
    for tensor in all:
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
print(digest.hexdigest())
"""


class InstructionSets(unittest.TestCase):
    def test_all_give_the_same_bits(self):
        best = torch.backends.cpu.get_cpu_capability().lower()  # a level that this CPU does not have would be an illegal instruction
        levels = ("default", "avx2", "avx512")
        runs = [subprocess.run([sys.executable, "-c", HASH_OF_RESULTS], env={**os.environ, "ATEN_CPU_CAPABILITY": level}, capture_output=True, text=True)
                for level in levels[:levels.index(best) + 1]]
        self.assertEqual([run.returncode for run in runs], [0] * len(runs), runs[0].stderr)
        self.assertEqual(len({run.stdout for run in runs}), 1)


if __name__ == "__main__":
    unittest.main()
