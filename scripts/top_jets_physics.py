"""The physics of make_top_jets.py: one block of jets, made by Pythia and FastJet from one seed."""

import collections

try:
    import awkward as ak
    import fastjet
    import numpy as np
    import pythia8mc
    IMPORT_ERROR = None
except ImportError as import_error:
    IMPORT_ERROR = import_error

from made_files import Failure  # noqa: E402

CONSTITUENTS = 200
PT_GEV = (550.0, 650.0)
JET_ETA = 2.0
PARTICLE_ETA = 2.5
RADIUS = 0.8
COMMON_SETTINGS = ["Print:quiet=on", "Beams:eCM=14000", "PartonLevel:MPI=off",
                   "PhaseSpace:pTHatMin=450", "PhaseSpace:pTHatMax=800"]
CLASS_SETTINGS = [["HardQCD:all=on"],
                  ["Top:gg2ttbar=on", "Top:qqbar2ttbar=on", "24:onMode=off", "24:onIfAny=1 2 3 4 5"]]
EVENTS_PER_BATCH = 100      # about 15 MB of event record; a block wastes half a batch on average

Block = collections.namedtuple("Block", "split label index jets seed")


def start_pythia(label, seed):
    pythia = pythia8mc.Pythia("", False)
    for setting in COMMON_SETTINGS + CLASS_SETTINGS[label] + ["Random:setSeed=on", f"Random:seed={seed}"]:
        if not pythia.readString(setting):
            raise Failure(f"pythia: setting '{setting}' refused (expected Pythia 8.3). Update pythia8mc.")
    if not pythia.init():
        raise Failure("pythia: start failed. See its messages above.", code=1)
    return pythia


def eta_phi(vectors):
    """Pseudorapidity and azimuth of four-vectors [..., 4] as E, px, py, pz."""
    pt = np.hypot(vectors[..., 1], vectors[..., 2])
    return np.arcsinh(vectors[..., 3] / pt), np.arctan2(vectors[..., 2], vectors[..., 1])


def distance(one, others):
    """dR between one four-vector [4] and others [n, 4]."""
    (eta, phi), (other_eta, other_phi) = eta_phi(one), eta_phi(others)
    turn = (other_phi - phi + np.pi) % (2 * np.pi) - np.pi
    return np.hypot(other_eta - eta, turn)


def four_vectors(momenta):
    return np.stack([np.asarray(ak.flatten(momenta[name])) for name in ("e", "px", "py", "pz")], axis=-1)


def hadronic_tops(record):
    """Four-vectors [events, 2, 4, 4]: the top and the antitop of each event, each with its three quarks."""
    offsets = np.concatenate([[0], np.cumsum(ak.num(record))])
    start = np.repeat(offsets[:-1], np.diff(offsets))
    ids = np.asarray(ak.flatten(record.id))
    first = np.asarray(ak.flatten(record.daughter1)) + start
    second = np.asarray(ak.flatten(record.daughter2)) + start
    momenta = four_vectors(record.p)

    def last_copy(pdg_id):
        rows = np.flatnonzero((ids == pdg_id) & (ids[first] != pdg_id))
        if len(rows) != len(record):
            raise Failure(f"pythia: {len(rows)} decays of particle {pdg_id} in {len(record)} events "
                          "(expected one an event). Update pythia8mc.", code=1)
        return rows

    pairs = []
    for sign in (1, -1):
        top, w = last_copy(6 * sign), last_copy(24 * sign)
        down = np.where(ids[first[top]] == 24 * sign, second[top], first[top])
        pairs.append(momenta[np.stack([top, down, first[w], second[w]], axis=1)])
    return np.stack(pairs, axis=1)


def find_jets(record, jet_definition):
    """Yields event number and constituents [n, 4] by falling pT of each jet that passes the cuts."""
    momenta = record.p
    pt = np.hypot(momenta.px, momenta.py)
    pdg = abs(record.id)
    visible = (record.status > 0) & (pdg != 12) & (pdg != 14) & (pdg != 16)
    used = momenta[visible & (abs(momenta.pz) < np.sinh(PARTICLE_ETA) * pt)]
    vectors = four_vectors(used)
    offsets = np.concatenate([[0], np.cumsum(ak.num(used))])
    particles = ak.zip({"px": used.px, "py": used.py, "pz": used.pz, "E": used.e}, with_name="Momentum4D")
    clusters = fastjet.ClusterSequence(particles, jet_definition).constituent_index(PT_GEV[0])
    for event, jets in enumerate(clusters):
        for members in jets:
            constituents = vectors[offsets[event] + np.asarray(members)]
            jet = constituents.sum(axis=0)
            if PT_GEV[0] < np.hypot(jet[1], jet[2]) < PT_GEV[1] and abs(eta_phi(jet)[0]) < JET_ETA:
                falling = np.argsort(-np.hypot(constituents[:, 1], constituents[:, 2]), kind="stable")
                yield event, constituents[falling]


def matched_top(constituents, tops):
    """The top [4] that lies with its three quarks inside the jet, or None."""
    jet = constituents.sum(axis=0)
    for top_and_quarks in tops:
        if (distance(jet, top_and_quarks) < RADIUS).all():
            return top_and_quarks[0]
    return None


def make_block(block):
    """The jets of one block [jets, 804]; only the block decides what is in it, so any core may make it."""
    pythia = start_pythia(block.label, block.seed)
    jet_definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    rows = np.zeros((block.jets, CONSTITUENTS + 1, 4), dtype=np.float32)
    filled = 0
    while filled < block.jets:
        record = pythia.nextBatch(EVENTS_PER_BATCH).prt
        tops = hadronic_tops(record) if block.label else None
        for event, constituents in find_jets(record, jet_definition):
            truth = matched_top(constituents, tops[event]) if block.label else np.zeros(4)
            if truth is not None and filled < block.jets:
                kept = constituents[:CONSTITUENTS]
                rows[filled, :len(kept)] = kept
                rows[filled, CONSTITUENTS] = truth
                filled += 1
    return rows.reshape(block.jets, -1)
