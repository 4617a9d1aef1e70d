"""Energy of a stretch of time from a meter's samples, with the uncertainty of the sampling.

The calibration of the meter is not in it: it is common to all stretches and is added once, where
they are summed. docs/decisions/0008 derives the formulas and names their sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

MIN_UPDATES = 3
"""Updates of an energy counter that a stretch must hold to say anything."""

MIN_READINGS = 5
"""Updates of a power sensor that a stretch must hold: fewer do not tell how the power varies."""

PHASES = 32
"""Moments of the sensor's update over which an uncertainty is averaged."""

SLOPE_PERIODS = 3
"""Periods of a counter over which its slope is taken as the power."""

CLOCK_ERROR = 0.02
"""How far the sensor's period may be from the one that is known, as a share of it."""

NORMAL_95 = 1.96
"""Coverage factor of a 95 % interval where many errors of like size add (JCGM 100 G.2)."""

FOLLOWED, ALONE = 0.999, 1e-6
"""Correlations of neighbouring readings that count as 1 and as 0."""

LEAD_S = 10.0
"""A sampler may come up that late: what was used before is taken to be as just after."""

GAP_S = 1.0
"""Without a sample for longer than this, and than five samples take, is a gap."""


@dataclass(frozen=True)
class Sensor:
    """How a meter's readings come about.

    Args:
        period_s: Seconds between two updates; what is read is up to that old.
        window_s: Seconds before its update over which a reading of power is the mean.
        quantum_j: Least step of the counter.
    """

    period_s: float
    window_s: float = 0.0
    quantum_j: float = 0.001


@dataclass(frozen=True)
class Integral:
    """Energy of a stretch.

    Args:
        energy_j: Joules, or None where it cannot be known.
        uncertainty_j: Its standard uncertainty, or None.
        reason: Why it cannot be known, or None.
        expanded_j: Half of its 95 % interval, or None.
        gap_s: Seconds of the stretch that no sample covers; what they took is estimated, by a
            counter's difference where it went on, else by the power around them.
    """

    energy_j: float | None
    uncertainty_j: float | None
    reason: str | None = None
    expanded_j: float | None = None
    gap_s: float = 0.0


def least_s(sensor: Sensor, spacing_s: float, *, counter: bool) -> float:
    """Length of the shortest stretch whose energy can be told.

    Args:
        sensor: The sensor.
        spacing_s: Seconds between two samples.
        counter: Whether it counts energy; else it says the power.
    """
    if counter:
        return MIN_UPDATES * sensor.period_s
    return MIN_READINGS * max(sensor.period_s, spacing_s)


def counter_energy(
    times: Reals, counter: Reals, start: float, end: float, *, sensor: Sensor
) -> Integral:
    """Difference of a cumulative counter between two moments.

    A reading is the counter as it was at the last update, half a period ago in the mean; between
    two readings it is taken to rise evenly. Each end is uncertain by when the sensor updated and
    by where between two readings the energy fell, both evenly spread (GUM 4.3.7). A counter that
    starts anew is bridged with the power around, as uncertain as that is large.

    Args:
        times: Moments of the readings in order, monotonic seconds, shape (n,); some are
            beyond the stretch.
        counter: The readings, joules; shape (n,).
        start: Start of the stretch, monotonic seconds.
        end: Its end.
        sensor: The counter.
    """
    short = _too_short(start, end, MIN_UPDATES * sensor.period_s)
    if short is not None:
        return short
    times, counter = _each_once(times, counter)
    near, why = _covering(times, start, end)
    if near is None:
        return Integral(None, None, why)
    times, counter = times[near], counter[near]
    joined, bridged, variance_j2 = _joined(times, counter, start, end)
    moments = times - sensor.period_s / 2
    first, last = (_at(moments, joined, moment, sensor.period_s) for moment in (start, end))
    late, late_95 = _lateness(first, last, sensor.period_s)
    other = first.variance_j2 + last.variance_j2 + variance_j2 + 2 * sensor.quantum_j**2 / 12
    gaps = _gaps(times, start, end)
    return Integral(
        max(0.0, last.value_j - first.value_j),
        float(np.sqrt(late**2 + other)),
        expanded_j=float(np.sqrt(late_95**2 + NORMAL_95**2 * other)),
        gap_s=max(float(gaps.sum()), bridged),
    )


def sampled_energy(
    times: Reals, power: Reals, start: float, end: float, *, sensor: Sensor
) -> Integral:
    """Trapezoid of sampled power between two moments.

    A reading stands for the middle of its averaging window, half a period before it was read in
    the mean. What the power did between the readings is judged by how they vary (the estimator of
    systematic sampling with the transitive covariogram, Gundersen & Jensen 1987, with a nugget for
    what is faster than the readings); how old they are, by an even spread over a period.

    Args:
        times: Moments of the readings in order, monotonic seconds, shape (n,); some are
            beyond the stretch.
        power: The readings, watts; shape (n,).
        start: Start of the stretch, monotonic seconds.
        end: Its end.
        sensor: The power sensor.
    """
    short = _too_short(start, end, MIN_READINGS * sensor.period_s)
    if short is not None:
        return short
    times, power = _each_once(times, power)
    near, why = _covering(times, start, end)
    if near is None:
        return Integral(None, None, why)
    times, power = times[near], power[near]
    inside = int(np.count_nonzero((times >= start) & (times <= end)))
    if inside < MIN_READINGS:
        return Integral(
            None, None, f"{inside} samples of power in the stretch; it takes {MIN_READINGS}"
        )
    moments = times - (sensor.period_s + sensor.window_s) / 2
    edges = np.interp([start, end], moments, power)
    within = (moments > start) & (moments < end)
    grid = np.concatenate(([start], moments[within], [end]))
    values = np.concatenate(([edges[0]], power[within], [edges[1]]))
    energy = float(np.trapezoid(values, grid))
    gaps = _gaps(times, start, end)
    # In a gap the power may have been anything from nothing to twice what is known around it.
    mean_w = energy / (end - start)
    variance = (
        _unseen(moments, power, start, end)
        + (float(edges[1] - edges[0]) * sensor.period_s) ** 2 / 12
        + float(np.sum((mean_w * gaps) ** 2)) / 3
        + _after_the_last(moments, power, end)
    )
    standard = float(np.sqrt(variance))
    return Integral(energy, standard, expanded_j=NORMAL_95 * standard, gap_s=float(gaps.sum()))


def _too_short(start: float, end: float, least_s: float) -> Integral | None:
    length = end - start
    if length >= least_s and length > 0:
        return None
    return Integral(
        None, None, f"{length:.3g} s is shorter than the sensor can resolve ({least_s:g} s)"
    )


def _each_once(times: Reals, values: Reals) -> tuple[Reals, Reals]:
    """The first reading of each moment."""
    later = np.concatenate(([True], np.diff(times) > 0)) if len(times) else np.zeros(0, bool)
    return times[later], values[later]


def _covering(times: Reals, start: float, end: float) -> tuple[slice | None, str | None]:
    """The samples of a stretch with some on either side, or None and why they do not cover it."""
    if len(times) < 2:
        return None, "the samples do not cover the stretch"
    usual = float(np.median(np.diff(times)))
    ahead, behind = float(times[0]) - start, end - float(times[-1])
    if ahead > min(LEAD_S, end - start) or behind > max(GAP_S, 2 * usual):
        missing = min(max(0.0, ahead) + max(0.0, behind), end - start)
        return None, (
            f"the samples do not cover the stretch: of its {end - start:.3g} s, "
            f"{missing:.3g} s are missing"
        )
    first = max(0, int(np.searchsorted(times, start)) - 12)
    last = min(len(times), int(np.searchsorted(times, end)) + 12)
    return slice(first, last), None


def _gaps(times: Reals, start: float, end: float) -> Reals:
    """Seconds of the stretch in each gap between samples that is longer than it should be."""
    most = max(GAP_S, 5 * float(np.median(np.diff(times))))
    times = np.concatenate(([min(start, times[0])], times))
    steps = np.diff(times)
    overlap = np.minimum(times[1:], end) - np.maximum(times[:-1], start)
    found: Reals = np.maximum(0.0, overlap)[steps > most]
    return found


def _joined(times: Reals, counter: Reals, start: float, end: float) -> tuple[Reals, float, float]:
    """The counter without its restarts, seconds of the stretch bridged, and their variance."""
    rises, steps = np.diff(counter), np.diff(times)
    fell = rises < 0
    if not fell.any():
        return counter, 0.0, 0.0
    good = ~fell
    mean_w = float(rises[good].sum() / steps[good].sum()) if good.any() else 0.0
    inside = np.maximum(0.0, np.minimum(times[1:], end) - np.maximum(times[:-1], start))
    bridged = inside[fell]
    rises = np.where(fell, mean_w * steps, rises)
    joined: Reals = np.concatenate(([0.0], np.cumsum(rises)))
    return joined, float(bridged.sum()), float(np.sum((mean_w * bridged) ** 2)) / 3


@dataclass(frozen=True)
class _End:
    """The counter at one end of a stretch.

    Args:
        value_j: The counter, for a sensor whose last update is half a period ago.
        first: Moment of the reading before.
        gap_s: From there to the reading after.
        share: Where between the two the end lies, 0 to 1.
        power_w: Power around it.
        variance_j2: Variance by where between the two readings the energy fell.
    """

    value_j: float
    first: float
    gap_s: float
    share: float
    power_w: float
    variance_j2: float

    def late_j(self, updates: Reals, period_s: float) -> Reals:
        """Error of `value_j` where the sensor updates at `updates` + n periods."""
        ages = [
            np.mod(self.first + after - updates, period_s) - period_s / 2
            for after in (0.0, self.gap_s)
        ]
        found: Reals = self.power_w * ((1 - self.share) * ages[0] + self.share * ages[1])
        return found


def _at(moments: Reals, counter: Reals, moment: float, period_s: float) -> _End:
    place = int(np.clip(np.searchsorted(moments, moment) - 1, 0, len(moments) - 2))
    first, gap = float(moments[place]), float(moments[place + 1] - moments[place])
    span = max(gap, SLOPE_PERIODS * period_s)
    before, middle, after, change = _powers(moments, counter, moment, span)
    share = (moment - first) / gap
    inside = min(1.0, max(0.0, share))
    value = float(counter[place] + (counter[place + 1] - counter[place]) * inside)
    # Beyond the readings: half a period by how old they are, the rest because there are none.
    beyond = gap * (share - inside)
    value += beyond * (before if beyond > 0 else after)
    unread = max(0.0, abs(beyond) - period_s / 2)
    # Nor is it known on which side of a change the last update lies; at the last reading of all,
    # nothing tells that there was one.
    aside = period_s / 3 if beyond <= 0 else period_s
    unseen = max(inside * (1 - inside) * gap, aside) * change
    return _End(
        value_j=value,
        first=first,
        gap_s=gap,
        share=inside,
        power_w=float(np.sqrt((before**2 + middle**2 + after**2) / 3)),
        variance_j2=(unseen**2 + (middle * unread) ** 2) / 3,
    )


def _powers(
    moments: Reals, counter: Reals, moment: float, span_s: float
) -> tuple[float, float, float, float]:
    """Power before, around and after a moment, and how much it changes there.

    Over less than some periods, a counter's slope shows its updates and not the power. Where the
    readings end, the change is as large as it was around in the mean.
    """

    def slope(start: float, end: float) -> float | None:
        ends = np.clip([start, end], moments[0], moments[-1])
        if ends[1] - ends[0] < span_s / 2:
            return None
        low, high = np.interp(ends, moments, counter)
        return float((high - low) / (ends[1] - ends[0]))

    whole = float((counter[-1] - counter[0]) / (moments[-1] - moments[0]))
    before, after = slope(moment - span_s, moment), slope(moment, moment + span_s)
    middle = slope(moment - span_s / 2, moment + span_s / 2)
    known = [one for one in (middle, before, after) if one is not None] or [whole]
    if before is not None and after is not None:
        change = abs(after - before)
    else:
        near = np.arange(moments[0], moments[-1], span_s)
        slopes = np.diff(np.interp(near, moments, counter)) / span_s
        change = float(np.sqrt(np.mean(np.diff(slopes) ** 2))) if len(slopes) > 1 else whole
    ahead, here, behind = (known[0] if one is None else one for one in (before, middle, after))
    return ahead, here, behind, change


def _lateness(first: _End, last: _End, period_s: float) -> tuple[float, float]:
    """Standard uncertainty and half of the 95 % interval by when the sensor updates, J.

    When it updates is one unknown for the whole stretch, evenly spread over a period, but for
    what its clock may drift meanwhile: readings of like age cancel over short stretches.
    """
    unknown = (np.arange(PHASES) + 0.5) / PHASES
    updates = (unknown * period_s)[:, None]
    drift = (2 * unknown - 1)[None, :] * CLOCK_ERROR * (last.first - first.first)
    errors = last.late_j(updates + drift, period_s) - first.late_j(updates, period_s)
    return float(np.sqrt(np.mean(errors**2))), float(np.quantile(np.abs(errors), 0.95))


def _unseen(moments: Reals, power: Reals, start: float, end: float) -> float:
    """Variance of an integral by what the power did between its readings, J^2.

    The readings around the stretch tell too how the power varies.
    """
    step = float(np.median(np.diff(moments)))
    regular = [0]
    for place in range(1, len(moments)):
        if moments[place] - moments[regular[-1]] > step / 2:
            regular.append(place)
    values = power[regular]
    if len(values) < MIN_READINGS:
        return 0.0
    one = float(np.mean(np.diff(values) ** 2)) / 2
    two = float(np.mean((values[2:] - values[:-2]) ** 2)) / 2
    return systematic_variance(one, two) * step * (end - start)


def _after_the_last(moments: Reals, power: Reals, end: float) -> float:
    """Variance by what the power did after the last reading, that is held to the end, J^2."""
    held = max(0.0, end - float(moments[-1]))
    return float(np.mean(np.diff(power) ** 2)) * held**2 / 3


def systematic_variance(one: float, two: float) -> float:
    """Error variance of a sum of evenly spaced readings as a share of its number of readings.

    For a power with the covariance s^2 exp(-h / T), read every d at a random offset, it is
    s^2 (coth(d / 2T) - 2T / d): from d/6T where the readings follow the power to 1 where each is
    as good as alone. The two semivariances tell a = exp(-d / T) and s^2.

    Args:
        one: Semivariance of readings one step apart, W^2.
        two: The same of two steps.
    """
    if one <= 0:
        return 0.0
    kept = two / one - 1
    if kept >= FOLLOWED:
        return one / 6
    if kept <= ALONE:
        return one
    half = -np.log(kept) / 2
    return float(one / (1 - kept) * (1 / np.tanh(half) - 1 / half))
