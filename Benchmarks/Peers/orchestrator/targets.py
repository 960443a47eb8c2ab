"""Spate against the best of the others, in the same rounds."""

from dataclasses import dataclass

from figures import FALLING, Spread, short
from peers import BY_IDENTIFIER, PEERS

# What, by which measure, in which work, how many records of which size, and what should be reached: a ratio to the best
# peer, or a bound where there is a unit.
TARGETS = (
    ("one durable append at a time", "rate", "durable", 1024, 8, 2, ""),
    ("window of 64", "rate", "window", 1024, 8, 5, ""),
    ("no sync", "rate", "unsynced", 100, 8, 2, ""),
    ("no sync", "rate", "unsynced", 1024, 8, 2, ""),
    ("no sync", "rate", "unsynced", 100, 1, 2, ""),
    ("no sync", "rate", "unsynced", 1024, 1, 2, ""),
    ("CPU a GB, window of 64", "cpu_per_gigabyte", "window", 1024, 8, 0.5, ""),
    ("CPU a GB, no sync", "cpu_per_gigabyte", "unsynced", 1024, 8, 0.5, ""),
    ("p99 of a durable append", "p99", "durable", 100, 1, 1, ""),
    ("p99 of a durable append", "p99", "durable", 1024, 1, 1, ""),
    ("reading back, against Chronicle Queue", "rate", "read", 100, 1, 1, ""),
    ("opening 2 GB after SIGKILL", "milliseconds", "open", 1024, 1, 10, "ms"),
)


@dataclass(frozen=True)
class Outcome:
    label: str
    spate: str
    best: str
    ratio: str
    target: str
    is_reached: bool
    baseline: str


def outcomes(figures):
    found = []
    for what, measure, work, size, producers, target, unit in TARGETS:
        for spate in (peer for peer in PEERS if peer.is_spate):
            outcome = compare(figures, spate, what, measure, work, size, producers, target, unit)
            if outcome:
                found.append(outcome)
    return found


def compare(figures, spate, what, measure, work, size, producers, target, unit):
    own = figures.spread(measure, spate.identifier, work, size, producers)
    if not own:
        return None
    candidates = [peer for peer in PEERS if not peer.is_spate and not peer.is_baseline]
    if "Chronicle" in what:
        candidates = [BY_IDENTIFIER["chronicle"]]
    baselines = [peer for peer in PEERS if peer.is_baseline]
    best = figures.best(measure, candidates, work, size, producers)
    baseline = figures.best(measure, baselines, work, size, producers)
    falls = measure in FALLING
    sign = "≤" if falls else "≥"
    scale = 1e-3 if measure == "rate" else 1
    suffix = {"rate": "k/s", "cpu_per_gigabyte": "s/GB", "p99": "µs", "milliseconds": "ms"}[measure]
    size_text = f"{size} B" if size < 1024 else f"{size >> 10} KiB"

    def ratio_to(other):
        if other is None:
            return None
        mine = figures.by_round(measure, spate.identifier, work, size, producers)
        theirs = figures.by_round(measure, other.identifier, work, size, producers)
        ratios = tuple(mine[number] / theirs[number] for number in mine if number in theirs)
        return Spread(ratios) if ratios else None

    ratio = ratio_to(best)
    compared = own if unit else ratio
    if compared is None:
        return None
    reached = compared.median <= target if falls else compared.median >= target
    theirs = figures.spread(measure, best.identifier, work, size, producers) if best else None
    return Outcome(
        label=f"{what}, {size_text}, {producers} producer{'s' if producers > 1 else ''}: {spate.name}",
        spate=f"{short(own.median * scale)} {suffix}",
        best=f"{best.name} {short(theirs.median * scale)} {suffix}" if best else "–",
        ratio=f"{ratio.text()} ×" if ratio else "–",
        target=f"{sign} {target} {unit or '×'}",
        is_reached=reached,
        baseline=f"{ratio_to(baseline).text()} ×" if ratio_to(baseline) else "–",
    )
