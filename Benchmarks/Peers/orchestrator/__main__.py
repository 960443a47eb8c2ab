"""Measures Spate beside its peers; see scripts/bench-peers --help."""

import argparse
import pathlib
import shutil
import signal
import sys

import install
from peers import ALL_WORKS, BY_IDENTIFIER, PEERS
from rounds import Plan, Results, memory_kept, run_plan, warm_up


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench-peers",
        description="Runs the same work on Spate and on its peers, in interleaved rounds, and writes a report with "
        "tables and plots. Installs what is missing through apt and pip.",
    )
    names = [peer.identifier for peer in PEERS]
    parser.add_argument("peers", nargs="*", metavar="PEER", help="of " + ", ".join(names) + "; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each thing is measured (3)")
    parser.add_argument("--seconds", type=float, default=2, help="how long each measurement takes (2)")
    parser.add_argument("--works", default=",".join(ALL_WORKS), help="some of " + ",".join(ALL_WORKS))
    parser.add_argument("--quick", action="store_true", help="everything once and tiny: no figures, but does it work")
    parser.add_argument(
        "--directory", type=pathlib.Path, help="where the logs lie, on the disk to be measured (Benchmarks/Peers/.build)"
    )
    parser.add_argument("--output", type=pathlib.Path, help="the report to write (Benchmarks/Results.md)")
    parser.add_argument(
        "--results",
        type=pathlib.Path,
        help="the file of single results; one that is there is gone on with, as is that of a run that did not end",
    )
    parser.add_argument("--no-install", action="store_true", help="take drivers and packages as they are")
    options = parser.parse_args()
    unknown = [name for name in options.peers if name not in BY_IDENTIFIER]
    unknown += [work for work in options.works.split(",") if work not in ALL_WORKS]
    if unknown:
        parser.error("no such peer or work: " + ", ".join(unknown))
    if options.rounds < 1 or not 0 < options.seconds <= 60:
        parser.error("--rounds must be at least 1, --seconds more than 0 and at most 60")
    return options


def main():
    options = parse()
    # So that servers and files are cleaned up, as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.no_install:
        install.install_and_build()
    # matplotlib may have been installed just now.
    import report

    output = (options.output or install.ROOT.parent / "Results.md").resolve()
    directory = (options.directory or install.ROOT / ".build" / "data").resolve()
    path = options.results or install.ROOT / ".build" / "results.jsonl"
    if options.quick and not options.results:
        path = install.ROOT / ".build" / "quick.jsonl"
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    peers = [BY_IDENTIFIER[name] for name in options.peers] or list(PEERS)
    plan = Plan(
        peers,
        options.works.split(","),
        1 if options.quick else options.rounds,
        0.2 if options.quick else options.seconds,
        directory,
        options.quick,
    )
    directory.mkdir(parents=True, exist_ok=True)
    needed = (1 if options.quick else 10) << 30
    if shutil.disk_usage(directory).free < needed:
        sys.exit(f"{directory} has less than {needed >> 30} GiB left; free some, or name another with --directory")
    results = Results(path)
    if results.rows:
        print(f"going on with the {len(results.rows)} results in {path}; remove it to begin anew", flush=True)
    with memory_kept():
        if not options.quick:
            warm_up(directory)
        failures = run_plan(plan, results)
    report.write(results.rows, plan, output)
    # What was measured once is not to be taken for what the next engine does.
    if not options.results and not failures:
        path = path.replace(path.with_suffix(".last.jsonl"))
    print(f"{output} is written; single results are in {path}")
    if failures:
        sys.exit(f"{failures} measurements failed; they are missing from the report")


main()
