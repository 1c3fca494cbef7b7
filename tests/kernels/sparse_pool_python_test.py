"""Pooling of voxels as plain Python sees it: checked by torch."""

import unittest

import torch

import tevatrain.ops

REDUCTIONS = ("sum", "mean", "max", "min")


def geometry(stride):
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(-4, 4, (200, 4), generator=generator, dtype=torch.int32)
    rows[:, 0] = torch.randint(0, 3, (200,), generator=generator, dtype=torch.int32)
    fine = torch.ops.tev.voxel_index(rows.unique(dim=0))[0]
    size = [2, 2, 2] if stride == 2 else [3, 3, 3]
    coarse = torch.ops.tev.coarse_voxels(fine, size, [stride] * 3) if stride > 1 else fine
    return fine, coarse, *torch.ops.tev.convolution_maps(fine, coarse, size, [stride] * 3)


class SparsePool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tevatrain.ops.load()

    def test_passes_opcheck(self):
        for stride in (1, 2):
            fine, coarse, forward, reverse = geometry(stride)
            for reduce in REDUCTIONS:
                for dtype in (torch.float32, torch.float64, torch.bfloat16):
                    x = torch.randn(len(fine), 3).to(dtype).requires_grad_()
                    torch.library.opcheck(torch.ops.tev.sparse_pool.default, (x, forward, reverse, reduce))
                out, arg = torch.ops.tev._sparse_pool(x.detach(), forward, reduce, True)
                torch.library.opcheck(torch.ops.tev._sparse_pool.default, (x.detach(), forward, reduce, True))
                for grad in (out, out.clone().requires_grad_()):
                    torch.library.opcheck(torch.ops.tev.sparse_pool_backward.default, (grad, arg, forward, reverse, reduce))

    def test_passes_gradcheck_of_both_orders(self):
        for stride in (1, 2):
            fine, _, forward, reverse = geometry(stride)
            x = torch.randn(len(fine), 1, dtype=torch.float64, requires_grad=True)
            for reduce in REDUCTIONS:
                function = lambda x: torch.ops.tev.sparse_pool(x, forward, reverse, reduce)
                self.assertTrue(torch.autograd.gradcheck(function, x, fast_mode=True))
                self.assertTrue(torch.autograd.gradgradcheck(function, x, fast_mode=True))

    def test_shapes_without_values(self):
        fine, coarse, forward, reverse = geometry(2)
        meta = lambda tensors: [tensor.to("meta") for tensor in tensors]
        out = torch.ops.tev.sparse_pool(torch.empty(len(fine), 3, device="meta"), meta(forward), meta(reverse), "max")
        self.assertEqual(out.shape, (len(coarse), 3))

    def test_errors_reach_python(self):
        fine, _, forward, reverse = geometry(2)
        with self.assertRaisesRegex(RuntimeError, "reduce is 'maxx' .known: sum, mean, max, min.*Did you mean 'max'"):
            torch.ops.tev.sparse_pool(torch.ones(len(fine), 1), forward, reverse, "maxx")
        with self.assertRaisesRegex(RuntimeError, "tev::sparse_pool: x has 1 rows"):
            torch.ops.tev.sparse_pool(torch.ones(1, 1), forward, reverse, "max")


if __name__ == "__main__":
    unittest.main()
