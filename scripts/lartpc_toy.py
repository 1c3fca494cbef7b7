"""A toy of what a liquid-argon time-projection chamber sees: parametrised, not simulated.

Tracks follow the range-energy relation of Bragg and Kleeman, R = a T^p, with Highland's multiple scattering and fluctuations of the
energy loss with a long tail (Gumbel's); showers are electrons sown along Longo and Sestili's profile; delta and Michel electrons leave and end muons. Lengths
are in mm, energies in MeV. Classes are those of PILArNet-M.
"""

import dataclasses

import numpy as np

SHOWER, TRACK, MICHEL, DELTA, LOW_ENERGY = range(5)
CLASSES = ("shower", "track", "michel", "delta", "low_energy")

VOXEL_MM = 3.0
SIZE = 768                       # voxels along each axis
RADIATION_LENGTH = 140.0
MOLIERE_RADIUS = 90.0
CRITICAL_ENERGY = 32.8
STEP_MM = 1.5
CLOUD = 4                        # points that the charge of a step is spread over
DIFFUSION_MM = 1.3
THRESHOLD_MEV = 0.02             # of a voxel


@dataclasses.dataclass(frozen=True)
class Kind:
    """A charged particle: R = range_scale (T / MeV)^range_power mm."""
    pdg: int
    mass: float
    range_scale: float
    range_power: float


# Near the tables of ranges in liquid argon, to about a third from 50 to 500 MeV: good enough for shapes.
PROTON = Kind(2212, 938.3, 0.0178, 1.75)
MUON = Kind(13, 105.7, 1.00, 1.25)
PION = Kind(211, 139.6, 0.90, 1.25)
ELECTRON = Kind(11, 0.511, 4.6, 1.0)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def isotropic(random, count):
    return unit(random.normal(size=(count, 3)))


class Event:
    """Deposits of energy of an event, of all its particles."""

    def __init__(self, random):
        self.random = random
        self.positions, self.energies, self.owners = [], [], []
        self.particles = []      # (pdg, class, group, kinetic energy)

    def add_particle(self, pdg, semantic, group, energy):
        """@return the number of a new particle; group -1: its own."""
        number = len(self.particles)
        self.particles.append((pdg, semantic, number if group < 0 else group, energy))
        return number

    def walk(self, kind, starts, directions, energies, owners):
        """Charged particles until they stop or leave. @return their paths [n, steps, 3], which steps are there, and who stopped inside"""
        energies = np.asarray(energies, np.float64)
        ranges = kind.range_scale * energies ** kind.range_power
        steps = max(1, min(int(ranges.max() / STEP_MM), 2400))
        left = ranges[:, None] - STEP_MM * np.arange(steps)            # of the range, at each step
        alive = left > 0
        left = np.maximum(left, 0.3 * STEP_MM)
        kinetic = (left / kind.range_scale) ** (1 / kind.range_power)
        momentum_beta = kinetic * (kinetic + 2 * kind.mass) / (kinetic + kind.mass)
        # Highland's core; its logarithm is dropped, since steps are short.
        sigma = np.minimum(13.6 / momentum_beta * np.sqrt(STEP_MM / RADIATION_LENGTH), 0.5)
        bent = directions[:, None] + np.cumsum(sigma[..., None] * self.random.normal(size=(*left.shape, 3)), axis=1)
        path = starts[:, None] + STEP_MM * np.cumsum(unit(bent), axis=1)
        loss = kinetic / (kind.range_power * left) * STEP_MM
        loss *= 1 + 0.12 * (np.clip(self.random.gumbel(size=left.shape), -1.2, 6) - 0.58)
        inside = np.logical_and(path > 0, path < SIZE * VOXEL_MM).all(-1)
        alive &= np.logical_and.accumulate(inside, axis=1)
        self.deposit(path[alive], loss[alive], np.repeat(owners, steps).reshape(left.shape)[alive])
        return path, alive, alive.sum(1) == np.minimum(np.ceil(ranges / STEP_MM), np.where(ranges < STEP_MM * (steps + 1), steps, steps + 1))

    def deposit(self, positions, energies, owners):
        self.positions.append(np.repeat(positions, CLOUD, axis=0) + self.random.normal(0, DIFFUSION_MM, (CLOUD * len(positions), 3)))
        self.energies.append(np.repeat(energies / CLOUD, CLOUD))
        self.owners.append(np.repeat(owners, CLOUD))

    def track(self, kind, start, direction, energy):
        owner = self.add_particle(kind.pdg, TRACK, -1, energy)
        path, alive, stopped = self.walk(kind, start[None], direction[None], [energy], np.array([owner]))
        path = path[0][alive[0]]
        if kind is PROTON or len(path) == 0:
            return
        self.deltas(path, owner)
        if kind is MUON and stopped[0] and self.random.random() < 0.85:
            self.michel(path[-1], owner)

    def deltas(self, path, owner):
        """One above 3 MeV in 15 cm, with energies that fall like 1/T^2."""
        count = self.random.poisson(len(path) * STEP_MM / 150)
        if count == 0:
            return
        energies = 3 / (1 - self.random.random(count) * (1 - 3 / 40))
        owners = np.array([self.add_particle(11, DELTA, owner, energy) for energy in energies])
        self.walk(ELECTRON, path[self.random.integers(len(path), size=count)], isotropic(self.random, count), energies, owners)

    def michel(self, start, owner):
        """Of a density that goes as x^2 (3 - 2 x), x = E / 52.8 MeV: its integral 2 x^3 - x^4 is that of this order of four uniform numbers."""
        a, b, c, d = self.random.random(4)
        energy = max(1.0, 52.8 * max(a, b, min(c, d)))
        number = np.array([self.add_particle(11, MICHEL, owner, energy)])
        self.walk(ELECTRON, start[None], isotropic(self.random, 1), [energy], number)

    def shower(self, start, direction, energy, is_photon):
        """Electrons of 2 to 60 MeV that share its energy, at depths of Longo and Sestili's profile (with Grindhammer and Peters'
        maximum), and so far from its axis as Moliere's radius says; and sparks of photons around them."""
        owner = self.add_particle(22 if is_photon else 11, SHOWER, -1, energy)
        if is_photon:
            start = start + direction * self.random.exponential(9 / 7 * RADIATION_LENGTH)
        count = max(2, int(energy / 13))
        shares = self.random.dirichlet(np.ones(count)) * energy
        maximum = max(0.1, np.log(energy / CRITICAL_ENERGY) + (0.5 if is_photon else -0.5))
        depth = self.random.gamma(1 + 0.5 * maximum, 2.0, count) * RADIATION_LENGTH
        depth[0] = 0
        spread = 0.10 * MOLIERE_RADIUS * np.sqrt(depth / RADIATION_LENGTH)
        starts = start + direction * depth[:, None] + self.random.normal(size=(count, 3)) * spread[:, None]
        towards = unit(direction + 0.35 * np.sqrt(depth / RADIATION_LENGTH)[:, None] * self.random.normal(size=(count, 3)))
        self.walk(ELECTRON, starts, towards, np.clip(shares, 2, 60), np.full(count, owner))
        sparks = self.random.poisson(energy / 40)
        if sparks:
            number = self.add_particle(22, LOW_ENERGY, owner, 1.0)
            places = start + direction * self.random.gamma(2, 1.5, (sparks, 1)) * RADIATION_LENGTH + self.random.normal(0, MOLIERE_RADIUS, (sparks, 3))
            self.deposit(places, self.random.exponential(0.8, sparks), np.full(sparks, number))

    def any_particle(self, start, direction):
        kind = self.random.choice(6, p=(0.22, 0.26, 0.16, 0.14, 0.18, 0.04))
        log_uniform = lambda low, high: low * (high / low) ** self.random.random()
        if kind == 0:
            self.track(PROTON, start, direction, log_uniform(40, 400))
        elif kind == 1:
            self.track(MUON, start, direction, log_uniform(60, 1000))
        elif kind == 2:
            self.track(PION, start, direction, log_uniform(50, 500))
        elif kind in (3, 4):
            self.shower(start, direction, log_uniform(40, 900), is_photon=kind == 4)
        else:
            number = self.add_particle(2112, LOW_ENERGY, -1, 5.0)
            places = start + self.random.normal(0, 300, (self.random.integers(1, 12), 3))
            self.deposit(places, self.random.exponential(1.5, len(places)), np.full(len(places), number))

    def voxels(self):
        """@return coordinates [n, 3], energies [n] and the particle that left most in each [n], in the order of the coordinates."""
        positions = np.concatenate(self.positions) / VOXEL_MM
        inside = np.logical_and(positions >= 0, positions < SIZE).all(1)
        cells = np.floor(positions[inside]).astype(np.int64)
        number = len(self.particles)
        keys = ((cells[:, 0] * SIZE + cells[:, 1]) * SIZE + cells[:, 2]) * number + np.concatenate(self.owners)[inside]
        pairs, places = np.unique(keys, return_inverse=True)
        energies = np.bincount(places, np.concatenate(self.energies)[inside], len(pairs))
        voxels, first = np.unique(pairs // number, return_index=True)
        totals = np.add.reduceat(energies, first) if len(first) else energies
        order = np.lexsort((energies, pairs // number))                # the last of each voxel has most
        ends = np.append(first[1:], len(pairs)) - 1 if len(first) else first
        owner = (pairs % number)[order][ends] if len(first) else first
        kept = totals >= THRESHOLD_MEV
        voxels = voxels[kept]
        coords = np.stack([voxels // (SIZE * SIZE), voxels // SIZE % SIZE, voxels % SIZE], axis=1)
        return coords.astype(np.int16), totals[kept].astype(np.float32), owner[kept].astype(np.int32)


def make_event(seed, number):
    """An interaction with some particles from one vertex, and others that rain in. @return coordinates, energies, owners, particles"""
    random = np.random.default_rng([seed, number])
    event = Event(random)
    extent = SIZE * VOXEL_MM
    vertex = random.uniform(0.15 * extent, 0.85 * extent, 3)
    for _ in range(random.integers(1, 5)):
        event.any_particle(vertex, isotropic(random, 1)[0])
    for _ in range(random.poisson(2.2)):
        event.any_particle(random.uniform(0.05 * extent, 0.95 * extent, 3), isotropic(random, 1)[0])
    return *event.voxels(), event.particles
