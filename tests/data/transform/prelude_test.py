"""The prelude's functions against NumPy (float64) and the `vector` package, at random and at degenerate points."""

import math
import pathlib
import unittest

import numpy as np
import torch
import vector

SOURCE = pathlib.Path("data/transform/prelude.ts.py").read_text()
prelude = torch.jit.CompilationUnit(SOURCE)


def tensor(values):
    return torch.tensor(np.asarray(values, np.float32))


def call(name, *columns):
    return getattr(prelude, name)(*[tensor(column) for column in columns]).numpy()


class Kinematics(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(1)
        self.px, self.py = rng.normal(0, 50, (2, 5000)).astype(np.float32)
        self.pz = (rng.normal(0, 1, 5000) * 10 ** rng.uniform(-3, 3, 5000)).astype(np.float32)
        mass = rng.uniform(1, 200, 5000)
        p_squared = sum(p.astype(np.float64) ** 2 for p in (self.px, self.py, self.pz))
        self.E = np.sqrt(mass**2 + p_squared).astype(np.float32)
        self.p4 = vector.array({"px": self.px.astype("f8"), "py": self.py.astype("f8"), "pz": self.pz.astype("f8"),
                                "E": self.E.astype("f8")})

    def close(self, result, expected, rtol=1e-6, atol=0.0):
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)

    def test_directions_equal_the_vector_package(self):
        self.close(call("pt", self.px, self.py), self.p4.pt)
        self.close(call("eta", self.px, self.py, self.pz), self.p4.eta)
        self.close(call("phi", self.px, self.py), self.p4.phi)

    def test_eta_is_exact_for_small_angles_to_the_transverse_plane(self):
        self.close(call("eta", [3.0], [4.0], [1e-6]), [2e-7])

    def test_eta_is_defined_without_transverse_momentum(self):
        limit = math.asinh(1e15)
        self.close(call("eta", [0, 0, 0], [0, 0, 0], [0, 5, -1e-3]), [0, limit, -limit])
        self.close(call("eta", [1e-30, 1e-38], [0, 0], [1e3, -1e30]), [limit, -limit])

    def test_phi_is_zero_without_transverse_momentum(self):
        self.close(call("phi", [0], [0]), [0])

    def test_a_value_does_not_depend_on_the_rows_around_it(self):
        for name in ("atan2", "eta", "phi", "rapidity", "sigmoid"):
            columns = {"eta": (self.px, self.py, self.pz), "rapidity": (self.E, self.pz), "sigmoid": (self.px / 50,)}
            columns = columns.get(name, (self.px, self.py))
            single = np.concatenate([call(name, *[c[i:i + 1] for c in columns]) for i in range(300)])
            np.testing.assert_array_equal(call(name, *columns)[:300], single, name)

    def test_sigmoid_is_defined_far_out(self):
        self.close(call("sigmoid", [-200, 0, 200]), [0, 0.5, 1])

    def test_rapidity_equals_the_vector_package(self):
        gap = self.E.astype("f8") - np.abs(self.pz.astype("f8"))
        good = gap > 1e-3 * self.E
        self.assertGreater(good.sum(), 3000)
        self.close(call("rapidity", self.E, self.pz)[good], self.p4.rapidity[good], rtol=1e-5)

    def test_rapidity_is_limited_and_zero_without_energy(self):
        limit = 0.5 * math.log1p(2 * 2**24)
        result = call("rapidity", [5, 5, 5, 0, -1, 0], [5, -5, 6, 0, 0.5, 3])
        self.close(result, [limit, -limit, limit, 0, 0, 0], rtol=1e-5)

    def test_mass_equals_the_vector_package(self):
        self.close(call("mass", self.E, self.px, self.py, self.pz), self.p4.mass)

    def test_mass_of_a_light_particle_survives_float32_columns(self):
        E, pz = np.float32(1000.0), np.float32(999.99)
        expected = math.sqrt(float(E) ** 2 - float(pz) ** 2)
        self.close(call("mass", [E], [0], [0], [pz]), [expected])

    def test_mass_is_negative_for_space_like_vectors_and_zero_at_zero(self):
        self.close(call("mass", [3, 0, 0], [0, 0, 0], [0, 0, 3], [5, 0, 4]), [-4, 0, -5])


class Angles(unittest.TestCase):
    def test_delta_phi_is_the_angle_between(self):
        rng = np.random.default_rng(2)
        a, b = rng.uniform(-7, 7, (2, 10000)).astype(np.float32)
        expected = np.angle(np.exp(1j * (a.astype("f8") - b.astype("f8"))))
        difference = call("delta_phi", a, b) - expected
        np.testing.assert_allclose(np.angle(np.exp(1j * difference)), 0, atol=2e-6)

    def test_delta_phi_stays_in_the_half_open_interval_at_every_edge(self):
        pi = np.float32(np.pi)
        edges = np.array([k * np.pi for k in range(-50, 51)], np.float32)
        a = np.concatenate([edges, np.nextafter(edges, np.float32(99)), np.nextafter(edges, np.float32(-99))])
        result = call("delta_phi", a, np.zeros_like(a))
        self.assertTrue((result >= -pi).all() and (result < pi).all())
        self.assertEqual(call("delta_phi", [pi], [0])[0], -pi)
        self.assertEqual(call("delta_phi", [-pi], [0])[0], -pi)

    def test_small_delta_phi_is_not_rounded(self):
        self.assertEqual(call("delta_phi", [1e-5], [0])[0], np.float32(1e-5))

    def test_delta_r_equals_the_vector_package(self):
        rng = np.random.default_rng(3)
        eta1, phi1, eta2, phi2 = rng.uniform(-3, 3, (4, 5000)).astype(np.float32)
        one = vector.array({"pt": np.ones(5000), "eta": eta1.astype("f8"), "phi": phi1.astype("f8")})
        two = vector.array({"pt": np.ones(5000), "eta": eta2.astype("f8"), "phi": phi2.astype("f8")})
        np.testing.assert_allclose(call("delta_r", eta1, phi1, eta2, phi2), one.deltaR(two), rtol=1e-5, atol=1e-6)


class Events(unittest.TestCase):
    reference = {"event_sum": np.sum, "event_mean": np.mean, "event_max": np.max, "event_min": np.min,
                 "event_count": len}

    def check(self, counts, x, dtype=np.float32, rtol=2e-7):
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        for name, function in self.reference.items():
            result = getattr(prelude, name)(torch.from_numpy(x.astype(dtype)), torch.from_numpy(offsets))
            expected = [function(x[a:b].astype("f8")) if b > a else 0 for a, b in zip(offsets[:-1], offsets[1:])]
            self.assertEqual(result.dtype, torch.float32, name)
            self.assertEqual(tuple(result.shape), (len(counts),), name)
            np.testing.assert_allclose(result.numpy(), np.asarray(expected, np.float64), rtol=rtol, err_msg=name)

    def test_reductions_equal_numpy(self):
        rng = np.random.default_rng(4)
        counts = rng.poisson(3, 400) * rng.integers(0, 2, 400)
        self.check(counts, rng.normal(0, 1, counts.sum()).astype(np.float32))

    def test_negative_maxima_and_positive_minima_are_found(self):
        self.check([2, 0, 1], np.array([-3, -2, -1], np.float32))
        self.check([2, 0, 1], np.array([3, 2, 1], np.float32))

    def test_a_sum_does_not_lose_small_terms_or_mix_events(self):
        x = np.array([3e8] + [1.0] * 1000 + [-3e8] + [1e-3] * 10, np.float32)
        self.check([1002, 10], x)

    def test_events_without_rows_and_no_events_at_all(self):
        self.check([0, 0, 0], np.zeros(0, np.float32))
        self.check([], np.zeros(0, np.float32))

    def test_conditions_are_counted(self):
        self.check([2, 3], np.array([1, 0, 1, 1, 1]), dtype=bool)

    def test_a_column_of_another_length_is_refused(self):
        with self.assertRaisesRegex(Exception, "one value per row"):
            prelude.event_sum(torch.ones(3), torch.tensor([0, 5]))

    def test_event_values_are_repeated_for_every_row(self):
        rows = prelude._event_of_row(torch.tensor([0, 2, 2, 5]))
        repeated = prelude._repeat_rows(torch.tensor([1.0, 2.0, 3.0]), rows)
        self.assertEqual(repeated.tolist(), [1, 1, 3, 3, 3])


if __name__ == "__main__":
    unittest.main()
