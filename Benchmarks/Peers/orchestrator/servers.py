"""The servers: on a Unix socket or loopback only, stopped whatever happens."""

import contextlib
import ctypes
import signal
import socket
import subprocess
import time

from install import NATS_PROGRAM

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child: the kernel kills it when the orchestrator is gone, however it went."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def redis_command(directory, is_durable):
    address = str(directory / "redis.sock")
    options = {
        "port": "0",
        "unixsocket": address,
        "dir": str(directory),
        "logfile": str(directory / "redis.log"),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always" if is_durable else "everysec",
        # A rewrite of the whole log would fall into some runs and not into others.
        "auto-aof-rewrite-percentage": "0",
    }
    return ["redis-server"] + [word for name, value in options.items() for word in ("--" + name, value)], address


def nats_command(directory, is_durable):
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "nats.conf"
    sync = "sync_interval: always" if is_durable else ""
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nlog_file: "{directory}/nats.log"\n'
        f'jetstream {{ store_dir: "{directory}", max_file_store: 64GB, {sync} }}\n'
    )
    return [NATS_PROGRAM, "-c", config], f"nats://127.0.0.1:{port}"


COMMANDS = {"redis": redis_command, "nats": nats_command}


class Server:
    """A server in a directory of its own. A context manager: it is stopped on the way out."""

    def __init__(self, kind, directory, is_durable):
        command, self.address = COMMANDS[kind](directory, is_durable)
        self.started_at = time.monotonic_ns()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
        )

    def arguments(self):
        return ["--address", self.address, "--server", str(self.process.pid)]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_until_ready(self, is_ready, seconds=30):
        end = time.monotonic() + seconds
        while not is_ready(self.address):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.process.args[0]} did not start")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()


def accepts_connections(address):
    """Whether something listens there."""
    if address.startswith("nats://"):
        host, port = address.removeprefix("nats://").split(":")
        family, place = socket.AF_INET, (host, int(port))
    else:
        family, place = socket.AF_UNIX, address
    with contextlib.closing(socket.socket(family)) as probe:
        return probe.connect_ex(place) == 0
