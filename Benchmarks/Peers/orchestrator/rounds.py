"""Runs the drivers, round after round, and keeps every result as a line of JSON; a later call goes on with them."""

import contextlib
import json
import math
import mmap
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

from install import OUT
from peers import DURABLE_WORKS
from servers import Server, accepts_connections, die_with_parent

BYTES = {"durable": 10**9, "window": 10**9, "unsynced": 10**9, "read": 2 * 10**8, "deliver": 10**9, "open": 2 * 10**9}
TOUCHED = {"durable": 1 << 28, "window": 1 << 29, "unsynced": 3 << 30, "read": 0, "deliver": 1 << 28, "open": 0}
# The smallest free block that is reported to the host, as a power of two of pages.
REPORTING = pathlib.Path("/sys/module/page_reporting/parameters/page_reporting_order")
LIMITS = {"sync": ("4096", "1"), "bandwidth": (str(1 << 20), "4")}


class Plan:
    """What is run: the peers, works, sizes and producers, and how long."""

    def __init__(self, peers, works, rounds, seconds, directory, is_quick):
        self.peers, self.works, self.rounds, self.seconds = peers, works, rounds, seconds
        self.directory = directory
        self.sizes = (1024,) if is_quick else (100, 1024)
        self.producers = (2,) if is_quick else (1, 8)
        scale = 0.01 if is_quick else 1
        # Payload bytes at most; and memory that is touched before, as much as a run may fill of the page cache.
        self.bytes = {work: int(size * scale) for work, size in BYTES.items()}
        self.touched = {work: int(size * scale) for work, size in TOUCHED.items()}
        self.limit = 20 if is_quick else 90 + 10 * seconds

    def configurations(self, work):
        if work == "open":
            return [(1024, 1)]
        producers = (1,) if work in ("read", "deliver") else self.producers
        return [(size, count) for size in self.sizes for count in producers]


class Results:
    """Every result so far, by what was run."""

    def __init__(self, path):
        self.path = path
        self.rows = []
        if path.exists():
            self.rows = [json.loads(line) for line in path.read_text().splitlines()]

    def has(self, **key):
        return any(all(row[name] == value for name, value in key.items()) for row in self.rows)

    def add(self, result, **key):
        row = {**result, **key}
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def check(result):
    """Raises ValueError unless a driver's line has the agreed shape and units."""
    for name in ("records", "seconds", "cpu_seconds", "size", "producers"):
        value = result[name]
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is {value}")
    if result["records"] < 1 or result["seconds"] <= 0:
        raise ValueError("nothing was done")
    latency = result["latency_us"]
    if result["work"] in DURABLE_WORKS + ("unsynced", "deliver"):
        ascending = [latency[name] for name in ("p50", "p99", "p999", "max")]
        if ascending != sorted(ascending) or ascending[0] <= 0 or latency["count"] < 1:
            raise ValueError(f"latencies are {latency}")
    elif latency is not None:
        raise ValueError("no latencies were expected")


def driver_command(driver, work, directory, size, producers, seconds, byte_count, extra):
    return [
        OUT / driver, work, "--directory", directory, "--size", str(size), "--producers", str(producers),
        "--seconds", str(seconds), "--bytes", str(byte_count), *extra,
    ]  # fmt: skip


def run_driver(command, limit):
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, preexec_fn=die_with_parent)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:] or f"ended with {done.returncode}")
    result = json.loads(done.stdout)
    check(result)
    return result


@contextlib.contextmanager
def empty_directory(path):
    """A directory that is gone afterwards."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def server_of(peer, directory, is_durable):
    """The arguments that tell a driver where its server is; none for a library."""
    extra = ["--variant", peer.variant] if peer.variant else []
    if not peer.server:
        yield extra
        return
    with Server(peer.server, directory, is_durable) as server:
        server.wait_until_ready(accepts_connections)
        yield extra + server.arguments()


def run_work(plan, peer, work, size, producers):
    with empty_directory(plan.directory / "run") as directory:
        if work == "open":
            return run_open(plan, peer, directory, size)
        with server_of(peer, directory, work in DURABLE_WORKS) as extra:
            command = driver_command(
                peer.driver, work, directory, size, producers, plan.seconds, plan.bytes[work], extra
            )
            touch_memory(plan.touched[work])
            return run_driver(command, plan.limit)


def run_open(plan, peer, directory, size):
    """Fills a log, kills its owner in the midst of an append, and opens it."""
    with server_of(peer, directory, False) as extra:
        command = driver_command(peer.driver, "fill", directory, size, 1, plan.seconds, plan.bytes["open"], extra)
        server = int(extra[extra.index("--server") + 1]) if "--server" in extra else None
        filled = fill_and_kill(command, server)
    if not peer.server:
        result = run_driver(driver_command(peer.driver, "open", directory, size, 1, 1, 1, extra), 180)
    else:
        with Server(peer.server, directory, False) as server:
            extra = server.arguments() + ["--since", str(server.started_at)]
            result = run_driver(driver_command(peer.driver, "open", directory, size, 1, 1, 1, extra), 180)
    if result["records"] < filled:
        raise RuntimeError(f"{result['records']} records of {filled} were there after the kill")
    return result


def fill_and_kill(command, server):
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent
    )
    try:
        ready, _, _ = select.select([process.stdout], [], [], 240)
        line = process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError("the log was not filled")
        # It goes on appending; this is somewhere in the midst of it.
        time.sleep(0.05)
        if server:
            os.kill(server, 9)
        return json.loads(line)["filled"]
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def memory_kept():
    """A virtual machine may give its host back what is free, page by page. What grows into such memory then measures the
    host: a tenth of the machine's own speed. Where root may, nothing is given back meanwhile; elsewhere touching
    it before each run has to do."""
    try:
        before = REPORTING.read_text()
    except OSError:
        yield
        return
    for order in ("11", "10"):
        with contextlib.suppress(OSError):
            REPORTING.write_text(order)
            break
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            REPORTING.write_text(before)


def touch_memory(byte_count):
    """The host of a virtual machine may hand out memory slowly at first, and take back what is free: a run whose page cache
    grows would measure that."""
    if byte_count:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        mmap.mmap(-1, byte_count, flags=flags).close()


def warm_up(directory):
    """The same goes for the disk."""
    with empty_directory(directory / "warm-up") as place:
        piece = os.urandom(1 << 20)
        with open(place / "file", "wb") as file:
            for _ in range(4096):
                file.write(piece)


def run_limits(plan, results, round_number, work):
    directory = plan.directory / "limits"
    directory.mkdir(parents=True, exist_ok=True)
    for name, (size, producers) in LIMITS.items():
        key = {"identifier": name, "round": round_number, "beside": work}
        if results.has(**key):
            continue
        command = driver_command("limits", "durable", directory, size, producers, min(plan.seconds, 1), 1 << 40, [])
        results.add(run_driver(command, 60), **key)


def run_plan(plan, results):
    """Runs what is not in the results yet. A failure is told and leaves a gap; returns how many there were."""
    failures = 0
    try:
        for round_number in range(plan.rounds):
            for work in plan.works:
                run_limits(plan, results, round_number, work)
                for size, producers in plan.configurations(work):
                    # Each round begins with another peer.
                    turn = round_number % len(plan.peers)
                    for peer in plan.peers[turn:] + plan.peers[:turn]:
                        if work not in peer.works:
                            continue
                        key = {"identifier": peer.identifier, "work": work, "size": size,
                               "producers": producers, "round": round_number}  # fmt: skip
                        if results.has(**key):
                            continue
                        label = f"round {round_number + 1} {work} {size} B x{producers} {peer.name}"
                        try:
                            result = run_work(plan, peer, work, size, producers)
                        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
                            failures += 1
                            print(f"{label}: failed: {error}", file=sys.stderr, flush=True)
                            continue
                        results.add(result, **key)
                        rate = result["records"] / result["seconds"]
                        latency = (result["latency_us"] or {}).get("p99", math.nan)
                        print(f"{label}: {rate:,.0f}/s p99 {latency:,.0f} µs, {result['seconds']:.3f} s", flush=True)
    finally:
        shutil.rmtree(plan.directory / "run", ignore_errors=True)
        shutil.rmtree(plan.directory / "limits", ignore_errors=True)
    return failures
