"""OpenTSDB 2.4.1 on HBase 2.4.17: two JVMs on loopback, with data in a folder that the caller throws away."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from serverprocess import free_port

from oracles.servers import artefacts
from oracles.servers.java import JavaProgram

HBASE = "hbase-2.4.17"
OPENTSDB = "opentsdb-2.4.1"

TABLES = {"tsdb-uid": "id:name", "tsdb": "t", "tsdb-meta": "name"}
"""Table -> its column families (OpenTSDB: create_table.sh, without the trees)."""

QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""For programs that live shorter than the better compiler takes to pay."""

WITH_WORDS = "-XX:-OmitStackTraceInFastThrow"
"""Java's compiler else throws null pointers without a message once it has met many; OpenTSDB, whose answer has the
message in it, then answers nothing and holds the connection."""

LOGBACK = """<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d %-5level %logger{0}: %msg%n</pattern></encoder>
</appender>
<root level="ERROR"><appender-ref ref="out"/></root>
</configuration>
"""

LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %-5p %c{2}: %m%n
"""


@dataclass(frozen=True)
class Tsd:
    """A running OpenTSDB; its port speaks HTTP and telnet."""

    port: int


def missing() -> str | None:
    """What keeps it from being started, as a sentence; None if nothing does."""
    return artefacts.missing(HBASE, OPENTSDB)


@contextmanager
def running(folder: Path) -> Iterator[Tsd]:
    """A fresh one, with auto-created metrics and with meta data tracked, so that `last` and `lookup` answer."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        zookeeper = _start_hbase(folder, stack)
        port = free_port()
        tsd = _tsd(folder, port, zookeeper)
        stack.callback(tsd.stop)
        tsd.start()
        tsd.wait_until(lambda: _listens(port), within_s=120)
        yield Tsd(port)


def _start_hbase(folder: Path, stack: ExitStack) -> int:
    """Returns the port of its ZooKeeper once its tables are there."""
    zookeeper, region_server = free_port(), free_port()
    conf = folder / "hbase-conf"
    conf.mkdir(parents=True)
    (conf / "hbase-site.xml").write_text(_xml(_hbase_settings(folder, zookeeper, region_server)))
    (conf / "log4j.properties").write_text(LOG4J)
    classpath = [str(conf), f"{artefacts.jars(HBASE)}/*"]
    hbase = JavaProgram(
        "hbase", folder, classpath, "org.apache.hadoop.hbase.master.HMaster", ["start"], ["-XX:+UseSerialGC"]
    )
    stack.callback(hbase.stop)
    hbase.start()
    hbase.wait_until(lambda: _listens(region_server), within_s=120)
    makers = [_maker(folder, classpath, table, families) for table, families in TABLES.items()]
    for maker in makers:
        stack.callback(maker.stop)
        maker.start()
    for maker in makers:
        maker.wait_for_end(within_s=120)
    return zookeeper


def _maker(folder: Path, classpath: list[str], table: str, families: str) -> JavaProgram:
    """HBase's own tool makes a table of two regions, and needs no shell."""
    arguments = ["-c", "2", "-f", families, table, "UniformSplit"]
    main = "org.apache.hadoop.hbase.util.RegionSplitter"
    return JavaProgram(f"make-{table}", folder, classpath, main, arguments, QUICK, heap_mb=256)


def _tsd(folder: Path, port: int, zookeeper: int) -> JavaProgram:
    for name in ("static", "cache", "plugins"):
        (folder / name).mkdir()
    (folder / "logback.xml").write_text(LOGBACK)
    settings = _tsd_settings(folder, port, zookeeper)
    (folder / "opentsdb.conf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    options = [f"-Dlogback.configurationFile={folder}/logback.xml", "-XX:+UseSerialGC", WITH_WORDS]
    arguments = [f"--config={folder}/opentsdb.conf"]
    classpath = [f"{artefacts.jars(OPENTSDB)}/*"]
    return JavaProgram("tsd", folder, classpath, "net.opentsdb.tools.TSDMain", arguments, options)


def _hbase_settings(folder: Path, zookeeper: int, region_server: int) -> dict[str, str | int]:
    return {
        "hbase.rootdir": f"file://{folder}/hbase/root",
        "hbase.tmp.dir": f"{folder}/hbase/tmp",
        "hbase.zookeeper.property.dataDir": f"{folder}/hbase/zookeeper",
        "hbase.zookeeper.quorum": "127.0.0.1",
        "hbase.zookeeper.property.clientPort": zookeeper,
        "hbase.zookeeper.property.clientPortAddress": "127.0.0.1",
        "hbase.master.port": free_port(),
        "hbase.regionserver.port": region_server,
        "hbase.master.info.port": -1,
        "hbase.regionserver.info.port": -1,
        "hbase.master.ipc.address": "127.0.0.1",
        "hbase.regionserver.ipc.address": "127.0.0.1",
        "hbase.master.hostname": "localhost",
        "hbase.regionserver.hostname": "localhost",
        "hbase.cluster.distributed": "false",
        # The local file system cannot sync as HDFS does, and nobody needs the data of a test after a power cut.
        "hbase.unsafe.stream.capability.enforce": "false",
        "hbase.wal.provider": "filesystem",
        "hbase.procedure.store.wal.use.hsync": "false",
        "hbase.client.pause": 50,
    }


def _tsd_settings(folder: Path, port: int, zookeeper: int) -> dict[str, str | int]:
    return {
        "tsd.network.port": port,
        "tsd.network.bind": "127.0.0.1",
        "tsd.http.staticroot": f"{folder}/static",
        "tsd.http.cachedir": f"{folder}/cache",
        "tsd.core.plugin_path": f"{folder}/plugins",
        "tsd.core.auto_create_metrics": "true",
        "tsd.core.timezone": "UTC",
        "tsd.core.meta.enable_realtime_ts": "true",
        "tsd.core.meta.enable_realtime_uid": "true",
        "tsd.core.meta.enable_tsuid_tracking": "true",
        "tsd.core.meta.enable_tsuid_incrementing": "true",
        "tsd.http.request.enable_chunked": "true",
        "tsd.http.request.max_chunk": 10 << 20,
        "tsd.query.timeout": 60_000,
        "tsd.storage.fix_duplicates": "true",
        "tsd.storage.hbase.zk_quorum": f"127.0.0.1:{zookeeper}",
        "tsd.storage.flush_interval": 10,
        # Its default of 1 s would be the time of every put that waits (`sync`).
        "hbase.rpcs.buffered_flush_interval": 20,
    }


def _xml(settings: Mapping[str, str | int]) -> str:
    rows = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items())
    return f"<configuration>{''.join(rows)}</configuration>"


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
