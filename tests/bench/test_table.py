"""The arithmetic of a bench: what its figures mean and when it does not pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.latency import BUCKET_NS, BUCKETS, merged, percentile
from bench.receiver import Slot
from bench.run import arguments
from bench.session import unfinished
from bench.table import Limits, Result, as_json, as_text, failures, ratio


def histogram(**milliseconds: int) -> list[int]:
    """`histogram(ms2=5)`: five packets just under 2 ms."""
    counts = [0] * BUCKETS
    for name, count in milliseconds.items():
        counts[int(name.removeprefix("ms")) * 1_000_000 // BUCKET_NS - 1] += count
    return counts


def make_result(server: str = "anteroom", **overrides: object) -> Result:
    result = Result(
        server=server,
        calls=8,
        seconds=10.0,
        sent=48_000,
        received=144_000,
        expected=144_000,
        lost=0,
        cpu=2.16,
        leg_bytes=1024.0 * 900,
        latency=histogram(ms1=90, ms4=9, ms9=1),
    )
    return replace(result, **overrides)  # type: ignore[arg-type]


def test_percentiles_are_where_that_share_has_arrived() -> None:
    counts = histogram(ms1=90, ms4=9, ms9=1)
    assert [percentile(counts, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)] == [1.0, 1.0, 4.0, 4.0, 9.0]


def test_percentile_of_nothing_is_nothing() -> None:
    assert percentile([0] * BUCKETS, 0.95) is None


def test_histograms_add_up() -> None:
    assert merged([histogram(ms1=1), histogram(ms1=2, ms3=4)]) == histogram(ms1=3, ms3=4)


def test_cpu_is_told_for_each_forwarded_packet() -> None:
    assert make_result().cpu_us == pytest.approx(15.0)


def test_a_server_that_forwards_nothing_has_lost_everything() -> None:
    silent = make_result(received=0, cpu=1.0)
    assert silent.loss == 1.0
    assert silent.cpu_us == float("inf")


def test_ratio_is_the_median_of_pairs_and_not_of_servers() -> None:
    # The machine was three times slower in the middle run, for both: pairs do not mind.
    ours = [make_result(cpu=cpu) for cpu in (1.0, 3.0, 1.2)]
    theirs = [make_result("janus", cpu=cpu) for cpu in (2.0, 6.0, 2.0)]
    interleaved = [ours[0], theirs[0], theirs[1], ours[1], ours[2], theirs[2]]
    assert ratio(interleaved, "anteroom", "janus", lambda each: each.cpu_us) == pytest.approx(0.5)


def test_there_is_no_ratio_to_a_server_that_did_not_run() -> None:
    assert ratio([make_result()], "anteroom", "janus", lambda each: each.cpu_us) is None


@pytest.mark.parametrize(
    ("results", "reasons"),
    [
        ([make_result(cpu=1.4), make_result("janus", cpu=2.0)], []),
        (
            [make_result(cpu=1.6), make_result("janus", cpu=2.0)],
            ["Our relay costs 0.80 × Janus a packet; the limit is 0.75."],
        ),
        (
            [make_result(latency=histogram(ms4=1)), make_result("janus", cpu=9.0, latency=histogram(ms2=1))],
            ["Our relay's p95 latency is 2.33 × Janus's; the limit is 1.5."],
        ),
        ([make_result(lost=3)], ["Our relay lost 3 packets."]),
        ([make_result(), make_result("janus", lost=500, cpu=9.0)], []),
    ],
    ids=["within the limit", "over the limit", "late", "loss", "Janus's loss is not ours"],
)
def test_the_bench_fails_for_our_loss_our_cost_or_our_delay(results: list[Result], reasons: list[str]) -> None:
    assert failures(results, Limits(0.75, 1.5, 0.5)) == reasons


def test_json_has_the_form_that_other_tools_read() -> None:
    assert as_json([make_result(received=143_999, lost=1, cpu=2.159985)]) == {
        "runs": [
            {
                "server": "anteroom",
                "calls": 8,
                "loss": 1 / 144_000,
                "cpu_us_per_forwarded_packet": 15.0,
                "latency_ms": {"p50": 1.0, "p95": 4.0, "p99": 4.0},
            }
        ]
    }


def test_table_has_a_row_a_server_with_medians_and_all_losses() -> None:
    runs = [make_result(cpu=cpu, lost=lost) for cpu, lost in ((2.16, 1), (2.88, 0), (2.16, 1))]
    head, ours, theirs = as_text([*runs, make_result("janus", cpu=4.32)]).splitlines()
    assert head.split()[:5] == ["server", "calls", "in/s", "out/s", "lost"]
    assert ours.split() == ["anteroom", "8", "4800", "14400", "2", "0.22", "15.0", "1.00", "4.00", "4.00", "900"]
    assert theirs.split()[6] == "30.0"


def test_packets_lost_at_the_very_end_are_missed() -> None:
    slot = Slot("4", "video", ssrc=1, latency=[0] * BUCKETS, source=77, expected=98)
    assert unfinished([slot], {77: 100, 78: 50}) == 2


def test_an_unknown_server_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--server", "anteroom,jitsi"])
    assert "there is no server jitsi" in capsys.readouterr().err
