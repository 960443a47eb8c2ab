"""Results.md: tables and plots of what was measured, with versions, settings, machine and date."""

import datetime
import os
import pathlib
import platform
import subprocess

import install
import plots
from figures import Figures
from peers import DURABLE_WORKS, NATS_SERVER, PEERS
from targets import outcomes

TITLES = {
    "durable": "One durable append at a time",
    "window": "Window of 64 durable appends",
    "unsynced": "No sync",
}
TEXTS = {
    "durable": "Each producer appends one record and waits until it is durable.",
    "window": "Each producer hands over 64 records and waits until all of them are durable; latencies are of the 64 together.",
    "unsynced": "Each producer hands over 64 records and waits until the kernel has all of them: they survive the end of the "
    "process, not a power cut. Latencies are of the 64 together.",
}


def size_text(size):
    return f"{size} B" if size < 1024 else f"{size >> 10} KiB"


def configuration_text(size, producers):
    return f"{size_text(size)}, {producers} producer{'s' if producers > 1 else ''}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


class Column:
    """One measure of one configuration, over all peers."""

    def __init__(self, title, measure, work, size, producers, scale=1):
        self.title, self.measure, self.scale = title, measure, scale
        self.key = (work, size, producers)


def peer_table(figures, work, columns, extra=None):
    """A row a peer; the best of each column in bold, the baselines apart from that."""
    peers = figures.peers_with(work)
    logs = [peer for peer in peers if not peer.is_baseline]
    best = [figures.best(column.measure, logs, *column.key) for column in columns]
    rows = []
    for peer in peers:
        cells = []
        for column, winner in zip(columns, best):
            spread = figures.spread(column.measure, peer.identifier, *column.key)
            text = spread.text(column.scale) if spread else "–"
            cells.append(f"**{text}**" if spread and peer is winner else text)
        name = f"*{peer.name}*" if peer.is_baseline else peer.name
        rows.append([name] + ([extra(peer)] if extra else []) + cells)
    header = [""] + (["checked"] if extra else []) + [column.title for column in columns]
    return table(header, rows)


def append_section(figures, work):
    configurations = figures.configurations(work)
    if not configurations:
        return ""
    rates = [Column(configuration_text(*key), "rate", work, *key, scale=1e-3) for key in configurations]
    text = f"## {TITLES[work]}\n\n{TEXTS[work]}\n\nk records a second:\n\n" + peer_table(figures, work, rates)
    few, many = configurations[-len({producers for _, producers in configurations})], configurations[-1]
    columns = [
        Column(f"{measure.replace('p999', 'p99.9')}, {configuration_text(*key)}", measure, work, *key)
        for key in dict.fromkeys((few, many))
        for measure in ("p50", "p99", "p999")
    ]
    text += "\nLatency, µs:\n\n" + peer_table(figures, work, columns)
    costs = [
        Column(f"CPU s/GB, {size_text(size)}", "cpu_per_gigabyte", work, size, many[1])
        for size in sorted({size for size, _ in configurations})
    ] + [
        Column(f"device bytes a payload byte, {size_text(size)}", "device_bytes_per_byte", work, size, many[1])
        for size in sorted({size for size, _ in configurations})
    ]
    text += f"\nCost with {many[1]} producers:\n\n" + peer_table(figures, work, costs)
    return text + "\n"


def read_section(figures):
    configurations = figures.configurations("read")
    if not configurations:
        return ""
    columns = []
    for size, producers in configurations:
        columns.append(Column(f"M records/s, {size_text(size)}", "rate", "read", size, producers, 1e-6))
        columns.append(Column(f"CPU s/GB, {size_text(size)}", "cpu_per_gigabyte", "read", size, producers))
    checks = {row["identifier"]: row.get("checks", "") for row in figures.rows if row["work"] == "read"}
    return (
        "## Reading back\n\nOne consumer reads a log of 200 MB from its beginning, again and again, warm; it looks at every "
        "byte, and all records are accounted for. The baseline with a CRC-32C behind each record is a loop that "
        "only verifies: beside the other one it shows what checksums cost a reader.\n\n"
        + peer_table(figures, "read", columns, extra=lambda peer: checks.get(peer.identifier, ""))
        + "\n"
    )


def deliver_section(figures):
    configurations = figures.configurations("deliver")
    if not configurations:
        return ""
    columns = [
        Column(f"{measure.replace('p999', 'p99.9')}, {size_text(size)}", measure, "deliver", size, producers)
        for size, producers in configurations
        for measure in ("p50", "p99", "p999")
    ]
    columns.append(Column(f"cores used, {size_text(configurations[-1][0])}", "cores", "deliver", *configurations[-1]))
    return (
        "## From an append to a waiting consumer\n\n10,000 records a second, without sync, µs from the append (from when it was due, "
        "where an earlier one held it up) until the consumer has the record. Who polls uses a core for that.\n\n"
        + peer_table(figures, "deliver", columns)
        + "\n"
    )


def open_section(figures):
    configurations = figures.configurations("open")
    if not configurations:
        return ""
    columns = [Column("ms", "milliseconds", "open", *configurations[0])]
    return (
        "## Opening after SIGKILL\n\nA log of 2 GB in records of 1 KiB, whose owner was killed in the midst of an append, until its last "
        "record is found. Servers count from their start.\n\n" + peer_table(figures, "open", columns) + "\n"
    )


def target_section(figures):
    found = outcomes(figures)
    if not found:
        return ""
    rows = [
        [one.label, one.spate, one.best, one.ratio, one.target, "yes" if one.is_reached else "**no**", one.baseline]
        for one in found
    ]
    header = ["", "Spate", "best of the others", "ratio", "wanted", "reached", "to the best C baseline"]
    return (
        "## Against the best of the others\n\nRatios are taken within each round; the baselines in C, which have no headers "
        "or recovery, stand apart.\n\n" + table(header, rows) + "\n"
    )


def limit_section(figures):
    rows = []
    for work in ("durable", "window", "unsynced", "read", "deliver", "open"):
        sync, bandwidth = figures.limit("sync", "p50", work), figures.limit("bandwidth", "rate", work)
        if sync and bandwidth:
            slow = figures.limit("sync", "p99", work)
            rows.append([TITLES.get(work, work), sync.text(), slow.text(), bandwidth.text((1 << 20) / 1e9)])
    header = ["measured beside", "4 KiB synced write, p50 µs", "p99 µs", "1 MiB direct, 4 in flight, O_DSYNC, GB/s"]
    return "## The disk's limits\n\n" + table(header, rows) + "\n"


def settings_section(figures):
    present = {row["identifier"] for row in figures.rows}
    windows = {row["identifier"]: row["window"] for row in figures.rows if row["work"] == "window"}
    rows = []
    for peer in PEERS:
        if peer.identifier not in present:
            continue
        versions = [f"{package} {install.version_of(package)}" for package in peer.packages]
        if peer.server == "nats":
            versions.insert(0, NATS_SERVER.replace("==", " "))
        if peer.is_spate:
            versions = [spate_version()]
        rows.append([peer.name, ", ".join(versions) or "–", peer.settings, windows.get(peer.identifier, "–"), peer.unsynced])
    lines = table(["", "version", "durable", "64 together", "no sync, delivery"], rows)
    return "## Versions and settings\n\n" + lines.replace("---:", "---") + "\n"


def spate_version():
    commit = subprocess.run(
        ["git", "-C", install.ROOT.parent.parent, "log", "-1", "--format=%h", "--", "Sources", "CShims"],
        capture_output=True,
        text=True,
    )
    return f"commit {commit.stdout.strip()}" if commit.stdout else "–"


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, Linux {platform.release()}"


def file_system(directory):
    directory.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(["findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", directory], capture_output=True, text=True)
    return " on ".join(found.stdout.split()) or "an unknown file system"


def write(rows, plan, output):
    figures = Figures(rows)
    counts = {len({row["round"] for row in rows if row["work"] == work}) for work in {row["work"] for row in rows}}
    rounds = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    pictures = output.parent / output.stem
    pictures.mkdir(parents=True, exist_ok=True)
    text = (
        "# Spate and its peers\n\n"
        f"Measured {datetime.date.today():%d %B %Y} by `scripts/bench-peers` on {machine()}, {file_system(plan.directory)}: "
        f"{rounds} interleaved rounds of {plan.seconds:g} s, median (lowest–highest). "
        "The best of a column is bold; the baselines in C (in italics) have no headers or recovery, and are left out of that. "
        "CPU is that of the whole process, with the server's where there is one, and without the kernel's write-back; bytes on the "
        "device are the block device's own count, journal included, until everything is on it.\n\n"
    )
    for name, title in plots.draw(figures, pictures):
        text += f"![{title}]({pictures.name}/{name})\n\n"
    text += target_section(figures) + limit_section(figures)
    for work in DURABLE_WORKS + ("unsynced",):
        text += append_section(figures, work)
    text += read_section(figures) + deliver_section(figures) + open_section(figures) + settings_section(figures)
    output.write_text(text.rstrip() + "\n")
