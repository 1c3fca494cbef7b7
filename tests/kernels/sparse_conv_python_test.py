"""Sparse convolution as plain Python sees it: loaded by torch, checked by torch, scripted, trained."""

import io
import resource
import unittest

import torch

import tevatrain.ops


def coords(count, extent, events=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(-extent, extent, (count, 4), generator=generator, dtype=torch.int32)
    drawn[:, 0] = torch.randint(0, events, (count,), generator=generator, dtype=torch.int32)
    return drawn.unique(dim=0)[torch.randperm(len(drawn.unique(dim=0)), generator=generator)]


class Scripted(torch.nn.Module):
    """Two layers from the caller's rows to the caller's rows."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Parameter(torch.randn(27, 2, 8) * 0.2)
        self.second = torch.nn.Parameter(torch.randn(27, 8, 3) * 0.1)

    def forward(self, rows: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        keys, order, offsets, inverse = torch.ops.tev.voxel_index(rows)
        geometry, reverse = torch.ops.tev.convolution_maps(keys, keys, [3, 3, 3])
        hidden = torch.ops.tev.sparse_conv(torch.ops.tev.to_voxels(x, order, offsets), self.first, None, geometry, reverse)
        out = torch.ops.tev.sparse_conv(torch.nn.functional.leaky_relu(hidden, 0.33), self.second, None, geometry, reverse)
        return out.index_select(0, inverse)


class SparseConv(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tevatrain.ops.load()

    def geometry(self, rows, size=(3, 3, 3), stride=(1, 1, 1)):
        fine = torch.ops.tev.voxel_index(rows)[0]
        coarse = fine if stride == (1, 1, 1) else torch.ops.tev.coarse_voxels(fine, size, stride)
        forward, reverse = torch.ops.tev.convolution_maps(fine, coarse, size, stride)
        return fine, coarse, forward, reverse

    def test_passes_opcheck(self):
        for size, stride in (((3, 3, 3), (1, 1, 1)), ((2, 2, 2), (2, 2, 2))):
            fine, coarse, forward, reverse = self.geometry(coords(200, 4), size, stride)
            taps = size[0] ** 3
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                x = torch.randn(len(fine), 3).to(dtype).requires_grad_()
                weight, bias = torch.randn(taps, 3, 4).to(dtype).requires_grad_(), torch.randn(4).to(dtype).requires_grad_()
                torch.library.opcheck(torch.ops.tev.sparse_conv.default, (x, weight, bias, forward, reverse))
                grad = torch.randn(len(coarse), 4).to(dtype)
                torch.library.opcheck(torch.ops.tev.sparse_conv_weight_backward.default, (x.detach(), grad, forward, reverse, taps))
            torch.library.opcheck(torch.ops.tev._sparse_conv.default, (x.detach(), weight.detach(), None, forward, False))

    def test_passes_opcheck_with_a_prologue_and_a_residual(self):
        for size, stride in (((3, 3, 3), (1, 1, 1)), ((2, 2, 2), (2, 2, 2))):
            fine, coarse, forward, reverse = self.geometry(coords(200, 4), size, stride)
            for dtype, wide in ((torch.float32, torch.float32), (torch.float64, torch.float64), (torch.bfloat16, torch.float32)):
                draw = lambda *shape, dtype=dtype: torch.randn(*shape).to(dtype).requires_grad_()
                x, weight, scale, shift = draw(len(fine), 3), draw(size[0] ** 3, 3, 4), draw(3, dtype=wide), draw(3, dtype=wide)
                torch.library.opcheck(torch.ops.tev.sparse_conv.default, (x, weight, None, forward, reverse, scale, shift, 0.33, draw(len(coarse), 4)))
                x, scale, shift = x.detach(), scale.detach(), shift.detach()
                torch.library.opcheck(torch.ops.tev._sparse_conv_weight_backward.default,
                                      (x, torch.randn(len(coarse), 4).to(dtype), forward, size[0] ** 3, scale, shift, 0.33))

    def test_autocast_rounds_features_alone(self):
        fine, _, forward, reverse = self.geometry(coords(200, 4))
        conv = torch.ops.tev.sparse_conv
        x, residual = torch.randn(len(fine), 8, requires_grad=True), torch.randn(len(fine), 8, requires_grad=True)
        weight, scale, shift = torch.randn(27, 8, 8, requires_grad=True), torch.randn(8, requires_grad=True), torch.randn(8, requires_grad=True)
        half = lambda tensor: tensor.to(torch.bfloat16)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = conv(x, weight, None, forward, reverse, scale, shift, 0.33, residual)
            self.assertEqual(conv(x.double(), weight.double(), None, forward, reverse).dtype, torch.float64)
        expected = conv(half(x), weight, None, forward, reverse, scale, shift, 0.33, half(residual))
        self.assertEqual(out.dtype, torch.bfloat16)
        leaves = (x, weight, scale, shift, residual)
        for one, other in zip((out, *torch.autograd.grad(out.sum(), leaves)), (expected, *torch.autograd.grad(expected.sum(), leaves))):
            torch.testing.assert_close(one, other, rtol=0, atol=0)

    def test_passes_gradcheck_of_both_orders(self):
        fine, _, forward, reverse = self.geometry(coords(30, 3), (2, 2, 2), (2, 2, 2))
        x, weight = torch.randn(len(fine), 2, dtype=torch.float64, requires_grad=True), torch.randn(8, 2, 3, dtype=torch.float64, requires_grad=True)
        function = lambda x, weight: torch.ops.tev.sparse_conv(x, weight, None, forward, reverse)
        self.assertTrue(torch.autograd.gradcheck(function, (x, weight)))
        self.assertTrue(torch.autograd.gradgradcheck(function, (x, weight)))

    def test_is_scripted_saved_and_loaded(self):
        module = Scripted()
        stored = io.BytesIO()
        torch.jit.save(torch.jit.script(module), stored)
        stored.seek(0)
        loaded = torch.jit.load(stored)
        for count in (0, 1, 50, 400):
            rows = coords(count, 5, seed=count) if count else torch.zeros(0, 4, dtype=torch.int32)
            x = torch.randn(len(rows), 2)
            torch.testing.assert_close(loaded(rows, x), module(rows, x), rtol=0, atol=0)

    def test_shapes_without_values(self):
        fine, coarse, forward, reverse = self.geometry(coords(200, 4), (2, 2, 2), (2, 2, 2))
        meta = lambda tensors: [tensor.to("meta") for tensor in tensors]
        out = torch.ops.tev.sparse_conv(torch.empty(len(fine), 3, device="meta"), torch.empty(8, 3, 4, device="meta"), None, meta(forward), meta(reverse))
        self.assertEqual(out.shape, (len(coarse), 4))

    def test_trains_two_layers(self):
        """A voxel's label says whether it has more than five neighbours: a first layer can count, a second one compare."""
        torch.manual_seed(3)
        module = Scripted()
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
        for step in range(150):
            rows = coords(400, 5, seed=step)
            keys, order, offsets, inverse = torch.ops.tev.voxel_index(rows)
            mask = torch.ops.tev.kernel_map(keys, keys, [3, 3, 3])[4]
            neighbours = sum((mask[:, 0] >> tap) & 1 for tap in range(27))[inverse]
            target = (neighbours > 6).long()
            loss = torch.nn.functional.cross_entropy(module(rows, torch.ones(len(rows), 2)), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.assertLess(loss.item(), 0.1)

    def test_memory_stays(self):
        weight = torch.randn(27, 16, 16, requires_grad=True)

        def step(number):
            fine, _, forward, _ = self.geometry(coords(400 + 13 * (number % 50), 6, seed=number))
            torch.ops.tev.sparse_conv(torch.randn(len(fine), 16, requires_grad=True), weight, None, forward, []).sum().backward()

        for number in range(200):
            step(number)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(1000):
            step(number)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 16 << 10, "KiB more after 1,000 steps")


if __name__ == "__main__":
    unittest.main()
