"""Toy events of a liquid-argon TPC: the numbers that the real sets have, to the extent that a toy can."""

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import lartpc_toy  # noqa: E402


class LArTPCToy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.events = [lartpc_toy.make_event(1, number) for number in range(60)]

    def test_an_event_depends_on_its_seed_and_number_alone(self):
        for one, other in zip(self.events[7][:3], lartpc_toy.make_event(1, 7)[:3]):
            np.testing.assert_array_equal(one, other)
        self.assertNotEqual(len(self.events[7][0]), len(lartpc_toy.make_event(2, 7)[0]))

    def test_voxels_lie_inside_once_in_order(self):
        for coords, energies, owners, particles in self.events:
            self.assertTrue(((coords >= 0) & (coords < lartpc_toy.SIZE)).all())
            keys = (coords.astype(np.int64) * [lartpc_toy.SIZE**2, lartpc_toy.SIZE, 1]).sum(1)
            self.assertTrue((np.diff(keys) > 0).all())
            self.assertTrue((energies >= np.float32(lartpc_toy.THRESHOLD_MEV)).all())
            self.assertTrue(((owners >= 0) & (owners < len(particles))).all())

    def test_occupancy_is_that_of_pilarnet_m(self):
        sizes = [len(coords) for coords, *_ in self.events]
        self.assertTrue(3500 < np.mean(sizes) < 5200, np.mean(sizes))  # 4.3k there
        self.assertLess(max(sizes), 20_000)

    def test_every_class_is_there(self):
        count = sum(np.bincount([particles[owner][1] for owner in owners], minlength=5) for _, _, owners, particles in self.events)
        self.assertTrue((count / count.sum() > 0.003).all(), count)

    def test_protons_leave_more_than_muons(self):
        """Near the start of the track, of a few hundred MeV: 2 and more times the 2.1 MeV / cm of a minimum-ionising particle."""
        def per_mm(kind, energy):
            event = lartpc_toy.Event(np.random.default_rng(3))
            path, alive, _ = event.walk(kind, np.full((1, 3), 1000.0), np.array([[1.0, 0, 0]]), [energy], np.array([0]))
            return sum(part.sum() for part in event.energies) / (alive.sum() * lartpc_toy.STEP_MM)

        self.assertTrue(0.15 < per_mm(lartpc_toy.MUON, 500) < 0.3, per_mm(lartpc_toy.MUON, 500))
        self.assertGreater(per_mm(lartpc_toy.PROTON, 150), 2 * per_mm(lartpc_toy.MUON, 500))

    def test_michel_electrons_begin_where_a_muon_ends(self):
        event = lartpc_toy.Event(np.random.default_rng(5))
        for _ in range(20):
            event.track(lartpc_toy.MUON, np.full(3, 1100.0), np.array([0, 1.0, 0]), 150)
        self.assertTrue(10 <= sum(semantic == lartpc_toy.MICHEL for _, semantic, *_ in event.particles) <= 20)
        leaving = lartpc_toy.Event(np.random.default_rng(5))
        for _ in range(20):
            leaving.track(lartpc_toy.MUON, np.full(3, 20.0), np.array([0, -1.0, 0]), 150)
        self.assertFalse(any(semantic == lartpc_toy.MICHEL for _, semantic, *_ in leaving.particles))

    def test_a_voxel_belongs_to_what_left_most_in_it(self):
        event = lartpc_toy.Event(np.random.default_rng(1))
        few, most = event.add_particle(11, lartpc_toy.DELTA, -1, 1.0), event.add_particle(13, lartpc_toy.TRACK, -1, 1.0)
        event.positions, event.energies, event.owners = [np.full((3, 3), 31.0)], [np.array([2.0, 1.5, 1.5])], [np.array([few, most, most])]
        _, energies, owners = event.voxels()
        self.assertEqual((energies.tolist(), owners.tolist()), ([5.0], [most]))


if __name__ == "__main__":
    unittest.main()
