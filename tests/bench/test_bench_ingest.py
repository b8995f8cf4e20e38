import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import get_args

import pytest

from bench import ingest, load, wrk
from bench.__main__ import main
from bench.peers import Peer, get

needs_wrk = pytest.mark.peer("wrk")


class Fake(Peer):
    name = "fake"
    promise = "none"
    still_s = 0.1
    arguments: tuple[str, ...] = ()

    @staticmethod
    def version() -> str | None:
        return "0"

    def command(self) -> list[str]:
        return [sys.executable, str(Path(__file__).with_name("fake_tsdb.py")), str(self.port), *self.arguments]

    def ready_url(self) -> str:
        return f"http://{self.address}/count"

    def count(self, rounds: int) -> int:
        return int(get(self.ready_url()))


class Forgetful(Fake):
    arguments = ("forgetful",)


@pytest.mark.parametrize("points_per_request", [1, 50, 1000])
def test_one_round_holds_every_series_once_with_four_tags(points_per_request: int) -> None:
    names = set()
    for template in load.templates(1, points_per_request, "127.0.0.1:1"):
        head, _, body = template.request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
        filled = bytearray(template.request)
        for field in template.fields:
            filled[field.time_at : field.time_at + 10] = b"1700000000"
            value = b"12.34" if field.kind == load.GAUGE else b"1234567890"
            filled[field.value_at : field.value_at + len(value)] = value
        sent = json.loads(filled.partition(b"\r\n\r\n")[2])
        points = sent if isinstance(sent, list) else [sent]
        assert len(points) == points_per_request
        for point in points:
            assert point["timestamp"] == 1_700_000_000
            assert point["value"] in (12.34, 1234567890)
            assert len(point["tags"]) == 4
            names.add((point["metric"], *sorted(point["tags"].items())))
    assert len(names) == load.SERIES == 4000


def test_kairosdbs_dialect_says_the_same_points() -> None:
    told = []
    for dialect in get_args(load.Dialect):
        (template, *_) = load.templates(1, 1000, "127.0.0.1:1", dialect)
        filled = bytearray(template.request)
        for field in template.fields:
            filled[field.time_at : field.time_at + 10] = b"1700000000"
            value = b"12.34" if field.kind == load.GAUGE else b"1234567890"
            filled[field.value_at : field.value_at + len(value)] = value
        told.append(json.loads(filled.partition(b"\r\n\r\n")[2]))
    opentsdb, kairosdb = told
    assert kairosdb == [
        {"name": point["metric"], "datapoints": [[point["timestamp"] * 1000, point["value"]]], "tags": point["tags"]}
        for point in opentsdb
    ]


def test_the_same_seed_gives_the_same_load() -> None:
    assert load.templates(7, 50, "a:1") == load.templates(7, 50, "a:1")
    assert load.templates(7, 50, "a:1") != load.templates(8, 50, "a:1")


@needs_wrk
def test_the_sender_never_repeats_a_point_and_values_are_as_documented(tmp_path: Path) -> None:
    with Fake(tmp_path) as server:
        sent = wrk.put(server.points_url, points_per_request=50, connections=2, seconds=1, seed=3, first_round=10)
        points = [json.loads(line) for line in get(f"http://{server.address}/points").splitlines()]
        distinct = server.count(0)
    assert sent.errors == dict.fromkeys(["connect", "read", "write", "timeout", "status"], 0)
    assert distinct == len(points)
    assert 0 < sent.acknowledged <= len(points) <= sent.generated * 50
    series: defaultdict[tuple[str, ...], dict[int, int | float]] = defaultdict(dict)
    for point in points:
        name = (point["metric"], *sorted(point["tags"].items()))
        series[name][point["timestamp"]] = point["value"]
    assert len(series) == load.SERIES
    for values in series.values():
        assert set(values) <= {load.EPOCH_S + load.STEP_S * (10 + n) for n in range(sent.rounds)}
        in_time = [values[time] for time in sorted(values)]
        if isinstance(in_time[0], float):
            assert all(10 <= value <= 99.99 for value in in_time)
        else:
            assert in_time == sorted(in_time)
            assert in_time[0] >= 10**9


@needs_wrk
def test_a_cell_has_its_figures_and_no_complaint() -> None:
    cell = ingest.measure(Fake, points_per_request=50, connections=4, seconds=1)
    assert cell.complaints == []
    assert cell.points_found >= cell.points_acknowledged > 0
    assert cell.points_per_s > 0
    assert cell.server_cpu_s_per_million > 0
    assert 0 < cell.rss_anon_peak_mb <= cell.rss_peak_mb


@needs_wrk
def test_a_server_that_forgets_acknowledged_points_is_found_out() -> None:
    cell = ingest.measure(Forgetful, points_per_request=1, connections=4, seconds=1)
    assert cell.complaints == [f"{cell.points_acknowledged} acknowledged points are missing"]


@needs_wrk
@pytest.mark.parametrize("dialect", get_args(load.Dialect))
def test_quick_run_against_headrace_writes_table_and_json(
    dialect: load.Dialect, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--quick", "--only", "headrace", "--tls", "--dialect", dialect, "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bench", "ingest", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0, printed
    (table,) = tmp_path.glob("ingest-*.md")
    assert table.read_text() in printed
    (written,) = tmp_path.glob("ingest-*.json")
    cells = json.loads(written.read_text())["cells"]
    assert [cell["peer"] for cell in cells] == ["headrace", "headrace-tls"]
    assert [cell["complaints"] for cell in cells] == [[], []]
