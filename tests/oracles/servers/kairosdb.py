"""KairosDB 1.3.0-1 on its H2 store: one JVM on loopback, with data in a folder that the caller throws away."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serverprocess import free_port

from oracles.servers import artefacts
from oracles.servers.java import JavaProgram

KAIROSDB = "kairosdb-1.3.0-1"

CONF = """kairosdb: {{
  service.telnet: "org.kairosdb.core.telnet.TelnetServerModule"
  telnetserver: {{ port: {telnet_port}, address: "127.0.0.1" }}
  jetty: {{ port: {port}, address: "127.0.0.1", static_web_root: "{folder}/webroot" }}
  service.reporter: "<disabled>"
  service.datastore: "org.kairosdb.datastore.h2.H2Module"
  datastore.h2.database_path: "{folder}/h2"
  query_cache.cache_dir: "{folder}/cache"
  queue_processor: {{
    class: "org.kairosdb.core.queue.MemoryQueueProcessor"
    min_batch_size: 1, min_batch_wait: 1, batch_size: 1000, queue_path: "{folder}/queue"
  }}
  hostname: "localhost"
  service.filter: "org.kairosdb.filter.FilterModule"
  filter.prefix: ["kairosdb."]
}}
"""
"""Over the jar's own. Without metrics of its own, and those that it writes of every question are filtered out."""

METRICS4J = "metrics4j: { sources: { _disabled: true }, sinks: {}, collectors: {}, formatters: {}, triggers: {} }\n"

LOGBACK = """<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d %-5level %logger{0}: %msg%n</pattern></encoder>
</appender>
<root level="ERROR"><appender-ref ref="out"/></root>
</configuration>
"""


@dataclass(frozen=True)
class KairosDB:
    """A running one."""

    port: int
    telnet_port: int


def missing() -> str | None:
    """What keeps it from being started, as a sentence; None if nothing does."""
    return artefacts.missing(KAIROSDB)


@contextmanager
def running(folder: Path) -> Iterator[KairosDB]:
    """A fresh one."""
    ports = KairosDB(free_port(), free_port())
    # Every file in the folder of its configuration is read as one of a plugin: nothing else may lie there.
    conf = folder / "conf"
    for name in ("conf", "webroot", "cache", "queue"):
        (folder / name).mkdir(parents=True)
    (conf / "kairosdb.conf").write_text(
        CONF.format(port=ports.port, telnet_port=ports.telnet_port, folder=folder.resolve())
    )
    (folder / "metrics4j.conf").write_text(METRICS4J)
    (folder / "logback.xml").write_text(LOGBACK)
    options = [
        f"-Dlogback.configurationFile={folder}/logback.xml",
        f"-DMETRICS4J_CONFIG={folder}/metrics4j.conf",
        "-XX:+UseSerialGC",
        "-Xshare:auto",
    ]
    arguments = ["-c", "run", "-p", str(conf / "kairosdb.conf")]
    classpath = [f"{artefacts.jars(KAIROSDB)}/*"]
    program = JavaProgram("kairosdb", folder, classpath, "org.kairosdb.core.Main", arguments, options)
    program.start()
    try:
        program.wait_until(lambda: _answers(ports.port), within_s=120)
        yield ports
    finally:
        program.stop()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/v1/version")
        return connection.getresponse().status == 200
    except http.client.HTTPException:
        return False
    finally:
        connection.close()
