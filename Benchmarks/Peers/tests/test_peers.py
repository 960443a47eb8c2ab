"""Runs everything once and tiny where it is installed, and looks at the shapes of what comes out. Asserts no time.

    /usr/bin/python3 -m unittest discover Benchmarks/Peers/tests
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PEERS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PEERS / "orchestrator"))
import install  # noqa: E402
from figures import Figures, Spread, short  # noqa: E402
from peers import BY_IDENTIFIER  # noqa: E402
from rounds import Results, check  # noqa: E402
from targets import outcomes  # noqa: E402


def row(identifier, work="durable", rate=1000, round_number=0, **changes):
    return {
        "identifier": identifier, "work": work, "size": 1024, "producers": 8, "round": round_number, "records": rate,
        "seconds": 1.0, "cpu_seconds": 0.1, "device_bytes": 2048 * rate, "device_bytes_from": "device",
        "latency_us": {"p50": 1.0, "p99": 2.0, "p999": 3.0, "max": 4.0, "count": rate}, **changes,
    }  # fmt: skip


class FigureTests(unittest.TestCase):
    def test_ratios_are_taken_within_a_round(self):
        rows = [row("spate", rate=4000), row("redis", rate=1000), row("lmdb", rate=500)]
        rows += [row("spate", rate=1000, round_number=1), row("redis", rate=500, round_number=1)]
        first = outcomes(Figures(rows))[0]
        self.assertEqual(first.ratio, "3 (2–4) ×")
        self.assertTrue(first.best.startswith("Redis"))
        self.assertTrue(first.is_reached)

    def test_a_target_that_is_missed_says_so(self):
        first = outcomes(Figures([row("spate", rate=1900), row("redis", rate=1000)]))[0]
        self.assertFalse(first.is_reached)

    def test_baselines_are_not_the_best_of_the_others(self):
        first = outcomes(Figures([row("spate"), row("group", rate=9000), row("redis", rate=100)]))[0]
        self.assertTrue(first.best.startswith("Redis"))
        self.assertEqual(first.baseline, "0.111 ×")

    def test_units(self):
        figures = Figures([row("spate", rate=1000)])
        key = ("spate", "durable", 1024, 8)
        self.assertAlmostEqual(figures.spread("cpu_per_gigabyte", *key).median, 0.1 / (1000 * 1024 / 1e9))
        self.assertEqual(figures.spread("device_bytes_per_byte", *key).median, 2)
        self.assertEqual(Spread((1500.0, 12.0, 3.456)).text(), "12 (3.46–1,500)")
        self.assertEqual([short(number) for number in (0.00012, 0.5, 12345)], ["0.0001", "0.5", "12,300"])

    def test_lines_of_the_wrong_shape_are_refused(self):
        check(row("spate"))
        for changes in ({"records": 0}, {"seconds": 0}, {"cpu_seconds": -1}, {"latency_us": {"p50": 2, "p99": 1, "p999": 3, "max": 3, "count": 1}}):
            with self.assertRaises(ValueError):
                check(row("spate", **changes))

    def test_results_that_are_there_are_not_measured_again(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "results.jsonl"
            Results(path).add({"records": 1}, identifier="spate", round=0)
            self.assertTrue(Results(path).has(identifier="spate", round=0))
            self.assertFalse(Results(path).has(identifier="spate", round=1))


@unittest.skipUnless(
    install.NATS_PROGRAM.exists() and not install.missing_packages() and (install.OUT / "spate").exists(),
    "the peers are not installed and built: run scripts/bench-peers once",
)
class QuickRunTests(unittest.TestCase):
    def test_everything_runs_and_is_reported(self):
        with tempfile.TemporaryDirectory() as place:
            directory = pathlib.Path(place)
            report, results = directory / "Report.md", directory / "results.jsonl"
            subprocess.run(
                [PEERS.parent.parent / "scripts" / "bench-peers", "--quick", "--no-install", "--directory", directory / "data",
                 "--output", report, "--results", results],
                check=True, timeout=300, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            rows = [json.loads(line) for line in results.read_text().splitlines()]
            done = {(one["identifier"], one["work"]) for one in rows}
            for identifier, peer in BY_IDENTIFIER.items():
                for work in peer.works:
                    self.assertIn((identifier, work), done)
            text = report.read_text()
            for name, _ in re.findall(r"\]\(Report/(\w+\.svg)()\)", text):
                xml.etree.ElementTree.parse(directory / "Report" / name)
            tables = [line for line in text.splitlines() if line.startswith("|")]
            self.assertGreater(len(tables), 80)
            for unit in ("k records a second", "Latency, µs", "CPU s/GB", "GB/s", "| ms |"):
                self.assertIn(unit, text)
            self.assertEqual(sorted(path.name for path in (directory / "data").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
