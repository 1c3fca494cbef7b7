"""Geometry of voxels as the compiler sees it: sizes that only values tell, and grids."""

import unittest

import torch

import tevatrain.ops


def coords(count, seed=1):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, 5, (count, 4), generator=generator, dtype=torch.int32)
    return rows.unique(dim=0)[torch.randperm(len(rows.unique(dim=0)), generator=generator)]


class Voxels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tevatrain.ops.load()
        cls.keys = torch.ops.tev.voxel_index(coords(200))[0]
        cls.coarse = torch.ops.tev.coarse_voxels(cls.keys, [2, 2, 2], [2, 2, 2])

    def test_geometry_passes_opcheck(self):
        torch.library.opcheck(torch.ops.tev._voxel_index.default, (coords(100),))
        torch.library.opcheck(torch.ops.tev.voxel_index.default, (coords(100), "sum"))
        torch.library.opcheck(torch.ops.tev.kernel_map.default, (self.keys, self.coarse, [2, 2, 2], [2, 2, 2]))
        torch.library.opcheck(torch.ops.tev._coarse_voxels.default, (self.keys, [2, 2, 2], [2, 2, 2], [1, 1, 1]))
        for outputs, size, stride in ((self.keys, [3, 3, 3], [1, 1, 1]), (self.coarse, [2, 2, 2], [2, 2, 2]), (self.keys, [5, 3, 3], [1, 1, 1])):
            torch.library.opcheck(torch.ops.tev._kernel_map.default, (self.keys, outputs, size, stride, [1, 1, 1], False))

    def test_sizes_that_values_tell_have_names(self):
        from torch._subclasses.fake_tensor import FakeTensorMode
        from torch.fx.experimental.symbolic_shapes import ShapeEnv
        real = coords(100)
        with FakeTensorMode(shape_env=ShapeEnv()) as mode:
            rows = mode.from_tensor(real)
            keys, order, offsets, inverse = torch.ops.tev._voxel_index(rows)
            self.assertIsInstance(keys.shape[0], torch.SymInt)
            self.assertEqual(order.shape[0], rows.shape[0])
            self.assertEqual(str(offsets.shape[0] - 1), str(keys.shape[0]))

    def test_events_pass_opcheck(self):
        torch.library.opcheck(torch.ops.tev.event_offsets.default, (self.keys, 7))
        torch.library.opcheck(torch.ops.tev._event_offsets.default, (self.keys, 7))

    def test_grids_pass_opcheck(self):
        x = torch.randn(len(self.keys), 3, requires_grad=True)
        torch.library.opcheck(torch.ops.tev.to_dense.default, (x, self.keys, 6, [0, 0, 0], [5, 6, 7]))
        torch.library.opcheck(torch.ops.tev._to_dense.default, (x.detach(), self.keys, 6, [0, 0, 0], [5, 6, 7]))
        dense = torch.randn(6, 3, 5, 6, 7, requires_grad=True)
        torch.library.opcheck(torch.ops.tev.from_dense.default, (dense, self.keys, [0, 0, 0]))
        torch.library.opcheck(torch.ops.tev._from_dense.default, (dense.detach(), self.keys, [0, 0, 0]))


if __name__ == "__main__":
    unittest.main()
