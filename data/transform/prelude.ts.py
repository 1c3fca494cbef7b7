# Physics for feature expressions, written once: TorchScript source, compiled into every Preprocess module and shipped
# in every export, so it uses ATen operators only. Arguments are columns: one value per row of an object, or per event.
#
# Elementwise functions (log, hypot, where, ...) are ATen's own and are listed in expression.cpp. Units are the
# caller's: momenta, energies and masses share one unit; angles are radians. Every function is defined, and finite, at
# degenerate points (pt = 0, no rows, ...), because a feature that is NaN or infinite stops a run. A row has the same
# value, to the bit, whatever rows stand around it (pow alone may differ in the last digit). A name that starts with an
# underscore cannot be called from an expression.


def atan2(y: Tensor, x: Tensor) -> Tensor:
    """Angle of (x, y) in [-pi, pi]; 0 where both are 0.

    In float64: in float32 ATen computes the last few values of a column by another formula than the rest.
    """
    return torch.atan2(y.double(), x.double()).to(torch.result_type(x, y))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), for the same reason not ATen's own."""
    return 1 / (1 + torch.exp(-x))


def pt(px: Tensor, py: Tensor) -> Tensor:
    """Transverse momentum."""
    return torch.hypot(px, py)


def eta(px: Tensor, py: Tensor, pz: Tensor) -> Tensor:
    """Pseudorapidity asinh(pz / pt); 0 where pz = 0, limited to +-35.2 (asinh 1e15) where pt vanishes.

    asinh(t) = sign(t) log1p(|t| + t^2 / (1 + sqrt(1 + t^2))): exact for small t, and vectorised, unlike asinh.
    """
    t = torch.clamp(torch.where(pz == 0, pz, pz / torch.hypot(px, py)), -1e15, 1e15)
    size = torch.abs(t)
    return torch.sign(t) * torch.log1p(size + t * t / (1 + torch.sqrt(1 + t * t)))


def phi(px: Tensor, py: Tensor) -> Tensor:
    """Azimuth in [-pi, pi]; 0 where px = py = 0."""
    return atan2(py, px)


def rapidity(E: Tensor, pz: Tensor) -> Tensor:
    """Rapidity 1/2 log((E + pz) / (E - pz)); 0 where E <= 0, limited to +-8.66 where |pz| >= E.

    The limit is E - |pz| = 2^-24 E, the smallest difference that float32 columns can show.
    """
    size = torch.minimum(torch.abs(pz), E)
    y = 0.5 * torch.sign(pz) * torch.log1p(2 * size / torch.maximum(E - size, E * 5.9604644775390625e-8))
    return torch.where(E > 0, y, torch.zeros_like(y))


def mass(E: Tensor, px: Tensor, py: Tensor, pz: Tensor) -> Tensor:
    """Invariant mass sign(m2) sqrt(|m2|), m2 = E^2 - p^2: negative where rounding makes a vector space-like.

    The squares are taken in float64: in float32 their difference would be noise for a light particle.
    """
    e = E.double()
    x = px.double()
    y = py.double()
    z = pz.double()
    m2 = e * e - x * x - y * y - z * z
    return (torch.sign(m2) * torch.sqrt(torch.abs(m2))).to(E.dtype)


def delta_phi(phi1: Tensor, phi2: Tensor) -> Tensor:
    """phi1 - phi2 wrapped to [-pi, pi); a difference that already lies there is returned unrounded."""
    d = phi1 - phi2
    turns = torch.floor((d + 3.141592653589793) / 6.283185307179586)
    return torch.clamp(d - 6.283185307179586 * turns, -3.141592653589793)


def delta_r(eta1: Tensor, phi1: Tensor, eta2: Tensor, phi2: Tensor) -> Tensor:
    """Distance sqrt((eta1 - eta2)^2 + delta_phi(phi1, phi2)^2)."""
    return torch.hypot(eta1 - eta2, delta_phi(phi1, phi2))


def _check_rows(x: Tensor, offsets: Tensor) -> None:
    """The reductions read x[0 : offsets[-1]] unchecked."""
    assert x.dim() == 1, "an event function needs one value per row"
    assert x.size(0) == int(offsets[-1]), "an event function needs one value per row"


def _event_of_row(offsets: Tensor) -> Tensor:
    """Index of the event that each row belongs to."""
    return torch.repeat_interleave(offsets[1:] - offsets[:-1])


def event_count(x: Tensor, offsets: Tensor) -> Tensor:
    """Number of rows of each event; the values of x do not matter."""
    _check_rows(x, offsets)
    return (offsets[1:] - offsets[:-1]).to(torch.result_type(x, 1.0))


def event_sum(x: Tensor, offsets: Tensor) -> Tensor:
    """Sum over the rows of each event, 0 without rows; summed in float64, in the order of the rows."""
    _check_rows(x, offsets)
    total = torch.segment_reduce(x.double(), "sum", offsets=offsets, axis=0, initial=0.0)
    return total.to(torch.result_type(x, 1.0))


def event_mean(x: Tensor, offsets: Tensor) -> Tensor:
    """Mean over the rows of each event, 0 without rows."""
    _check_rows(x, offsets)
    total = torch.segment_reduce(x.double(), "sum", offsets=offsets, axis=0, initial=0.0)
    return (total / torch.clamp(offsets[1:] - offsets[:-1], 1)).to(torch.result_type(x, 1.0))


def _event_extreme(x: Tensor, offsets: Tensor, which: str, start: float) -> Tensor:
    _check_rows(x, offsets)
    extreme = torch.segment_reduce(x.to(torch.result_type(x, 1.0)), which, offsets=offsets, axis=0, initial=start)
    return torch.where(offsets[1:] > offsets[:-1], extreme, torch.zeros_like(extreme))


def event_max(x: Tensor, offsets: Tensor) -> Tensor:
    """Largest value among the rows of each event, 0 without rows."""
    return _event_extreme(x, offsets, "max", float("-inf"))


def event_min(x: Tensor, offsets: Tensor) -> Tensor:
    """Smallest value among the rows of each event, 0 without rows."""
    return _event_extreme(x, offsets, "min", float("inf"))


def _repeat_rows(x: Tensor, event_of_row: Tensor) -> Tensor:
    """The value of its event for every row."""
    assert x.dim() == 1, "an event column needs one value per event"
    return torch.index_select(x, 0, event_of_row)


def _column(x: Tensor) -> Tensor:
    """The value of an expression: one that gives a plain number is refused when it is compiled."""
    return x
