"""The pictures of the report, as SVG."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402
from figures import short  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator  # noqa: E402

SPATE, PEER, BASELINE, INK, FAINT = "#d1495b", "#4a6d8c", "#b8bec4", "#22272b", "#e3e6e8"
pyplot.rcParams.update(
    {
        "font.family": "DejaVu Sans", "svg.fonttype": "none", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
        "axes.edgecolor": INK, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
        "axes.titlesize": 11, "axes.titlelocation": "left", "svg.hashsalt": "spate", "figure.facecolor": "white",
    }
)  # fmt: skip


def color_of(peer):
    return SPATE if peer.is_spate else BASELINE if peer.is_baseline else PEER


def configuration(figures, work, producers=max):
    """The configuration that is shown: the largest records, the most or the fewest producers."""
    found = figures.configurations(work)
    if not found:
        return None
    size = max(size for size, _ in found)
    return size, producers(count for one, count in found if one == size)


def name_axis(axis, names):
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    for label in axis.get_yticklabels():
        if label.get_text().startswith("Spate"):
            label.set_color(SPATE)
            label.set_fontweight("bold")


def describe(work, size, producers):
    text = f"{size} B" if size < 1024 else f"{size >> 10} KiB"
    return f"{text}, {producers} producer{'s' if producers > 1 else ''}"


def bars(axis, figures, work, measure, title, unit, scale, key):
    """A bar a peer, the best on top, with the lowest and highest of the rounds. One that would dwarf all others is cut
    off and says so."""
    found = [
        (spread, peer)
        for peer in figures.peers_with(work)
        if (spread := figures.spread(measure, peer.identifier, work, *key))
    ]
    found.sort(key=lambda item: item[0].median, reverse=measure == "rate")
    name_axis(axis, [peer.name for _, peer in found])
    highest = sorted((spread.highest * scale for spread, _ in found), reverse=True)
    is_cut = len(highest) > 1 and highest[0] > 4 * highest[1]
    longest = highest[1] * 1.3 if is_cut else highest[0]
    for place, (spread, peer) in enumerate(found):
        middle = spread.median * scale
        axis.barh(place, min(middle, longest), color=color_of(peer), height=0.7)
        if middle > longest:
            axis.text(longest * 1.02, place, short(middle) + " →", va="center", fontsize=9)
            continue
        axis.plot([spread.lowest * scale, spread.highest * scale], [place, place], color=INK, linewidth=1)
        axis.text(max(spread.highest * scale, middle) + longest * 0.02, place, short(middle), va="center", fontsize=9)
    axis.set_xlim(0, longest * 1.18)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel(unit)
    axis.set_title(f"{title}\n{describe(work, *key)}", fontsize=10)
    axis.grid(axis="x", color=FAINT)
    axis.set_axisbelow(True)


def save(figure, path):
    figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def draw_rates(figures, path):
    panels = (
        ("durable", "One durable append at a time"),
        ("window", "64 durable appends outstanding"),
        ("unsynced", "No sync, 64 together"),
    )
    panels = [(work, title) for work, title in panels if configuration(figures, work)]
    if not panels:
        return False
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.9), squeeze=False)
    for axis, (work, title) in zip(axes[0], panels):
        bars(axis, figures, work, "rate", title, "k records/s", 1e-3, configuration(figures, work))
    figure.tight_layout(w_pad=2)
    save(figure, path)
    return True


MARKS = (("p50", "o", "p50"), ("p99", "D", "p99"), ("p999", "|", "p99.9"))


def percentiles(axis, figures, work, title, key, limit=None):
    """p50, p99 and p99.9 of each peer on one line, on a scale of powers of ten."""
    found = [
        (figures.spread("p99", peer.identifier, work, *key), peer)
        for peer in figures.peers_with(work)
        if figures.spread("p99", peer.identifier, work, *key)
    ]
    found.sort(key=lambda item: item[0].median)
    name_axis(axis, [peer.name for _, peer in found])
    for place, (_, peer) in enumerate(found):
        values = [figures.spread(name, peer.identifier, work, *key).median for name, _, _ in MARKS]
        axis.plot(values, [place] * 3, color=color_of(peer), linewidth=1.5, zorder=2)
        for value, (_, mark, _) in zip(values, MARKS):
            axis.plot(value, place, mark, color=color_of(peer), markersize=11 if mark == "|" else 6, mew=2, zorder=3)
    if limit:
        axis.axvline(limit.median, color=INK, linewidth=1, linestyle=":")
        axis.text(limit.median, -0.62, "the disk: 4 KiB synced, p50 ", fontsize=8, va="bottom", ha="center")
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if limit else (1,)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("µs")
    axis.set_title(title + "\n" + describe(work, *key), fontsize=10, pad=16 if limit else 6)
    axis.grid(axis="x", color=FAINT)
    axis.set_axisbelow(True)


def draw_latencies(figures, path):
    panels = []
    if key := configuration(figures, "durable", min):
        panels.append(("durable", "One durable append at a time", key, figures.limit("sync", "p50", "durable")))
    if key := configuration(figures, "deliver", min):
        panels.append(("deliver", "From an append to a waiting consumer, 10,000/s, no sync", key, None))
    if not panels:
        return False
    figure, axes = pyplot.subplots(1, len(panels), figsize=(6.4 * len(panels), 3.9), squeeze=False)
    for axis, panel in zip(axes[0], panels):
        work, title, key, limit = panel
        percentiles(axis, figures, work, title, key, limit)
    handles = [Line2D([], [], marker=mark, linestyle="", color=INK, label=label, mew=2) for _, mark, label in MARKS]
    figure.tight_layout(w_pad=2)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=3, frameon=False)
    save(figure, path)
    return True


def draw_costs(figures, path):
    panels = [
        ("window", "cpu_per_gigabyte", "CPU, window of 64", "seconds a GB"),
        ("unsynced", "cpu_per_gigabyte", "CPU, no sync", "seconds a GB"),
        ("window", "device_bytes_per_byte", "Written to the device, window of 64", "bytes a payload byte"),
    ]
    panels = [panel for panel in panels if configuration(figures, panel[0])]
    if not panels:
        return False
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.9), squeeze=False)
    for axis, (work, measure, title, unit) in zip(axes[0], panels):
        bars(axis, figures, work, measure, title, unit, 1, configuration(figures, work))
    figure.tight_layout(w_pad=2)
    save(figure, path)
    return True


def draw(figures, directory):
    """Draws what there are results for; the names and titles of the pictures that came of it."""
    pictures = (
        ("rates.svg", "Records a second, with lowest and highest round", draw_rates),
        ("latencies.svg", "Latency percentiles", draw_latencies),
        ("costs.svg", "Processor time and bytes on the device", draw_costs),
    )
    return [(name, title) for name, title, function in pictures if function(figures, directory / name)]
