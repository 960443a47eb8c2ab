"""The single results as figures: medians over the rounds, with what was lowest and highest."""

import statistics
from dataclasses import dataclass

from peers import PEERS

MEASURES = {
    "rate": lambda row: row["records"] / row["seconds"],
    "p50": lambda row: row["latency_us"]["p50"],
    "p99": lambda row: row["latency_us"]["p99"],
    "p999": lambda row: row["latency_us"]["p999"],
    "cpu_per_gigabyte": lambda row: row["cpu_seconds"] / (row["records"] * row["size"] / 1e9),
    "cores": lambda row: row["cpu_seconds"] / row["seconds"],
    "device_bytes_per_byte": lambda row: row["device_bytes"] / (row["records"] * row["size"]),
    "milliseconds": lambda row: row["seconds"] * 1e3,
}
# Where less is better.
FALLING = ("p50", "p99", "p999", "cpu_per_gigabyte", "cores", "device_bytes_per_byte", "milliseconds")


@dataclass(frozen=True)
class Spread:
    values: tuple

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def lowest(self):
        return min(self.values)

    @property
    def highest(self):
        return max(self.values)

    def text(self, scale=1):
        if len(self.values) == 1:
            return short(self.median * scale)
        return f"{short(self.median * scale)} ({short(self.lowest * scale)}–{short(self.highest * scale)})"


def short(number):
    """Three digits, in plain notation."""
    if number >= 1000:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}" if number >= 0.001 else f"{number:.1g}"


class Figures:
    def __init__(self, rows):
        self.rows = rows

    def by_round(self, measure, identifier, work, size, producers):
        """The measure in each round."""
        function = MEASURES[measure]
        return {
            row["round"]: function(row)
            for row in self.rows
            if row["identifier"] == identifier
            and (row["work"], row["size"], row["producers"]) == (work, size, producers)
        }

    def spread(self, measure, identifier, work, size, producers):
        values = tuple(self.by_round(measure, identifier, work, size, producers).values())
        return Spread(values) if values else None

    def configurations(self, work):
        identifiers = {peer.identifier for peer in PEERS}
        return sorted(
            {
                (row["size"], row["producers"])
                for row in self.rows
                if row["work"] == work and row["identifier"] in identifiers
            }
        )

    def peers_with(self, work):
        present = {row["identifier"] for row in self.rows if row["work"] == work}
        return [peer for peer in PEERS if peer.identifier in present]

    def best(self, measure, candidates, work, size, producers):
        """Of the candidates the one with the best median; None where none was measured."""
        medians = [
            (spread.median, peer.identifier, peer)
            for peer in candidates
            if (spread := self.spread(measure, peer.identifier, work, size, producers))
        ]
        if not medians:
            return None
        return (min(medians) if measure in FALLING else max(medians))[2]

    def limit(self, name, measure, work):
        """What the disk did beside a work."""
        values = [
            MEASURES[measure](row)
            for row in self.rows
            if row["identifier"] == name and (work is None or row["beside"] == work)
        ]
        return Spread(tuple(values)) if values else None
