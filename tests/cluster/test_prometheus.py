"""A real Prometheus looks on while leadership changes: what it shows is what happened."""

import json
import re
import time
from collections import Counter
from itertools import cycle

from rig import metrics, prometheus
from rig.counting import CountingJob
from rig.flink import RESTORED, STANDS_BY, FlinkProcess, JobManager
from rig.oracles import leaderships
from rig.prometheus import INTERVAL, Prometheus, Series
from rig.waiting import wait_until
from rig.workspace import ROOT

from . import base

_DASHBOARD = ROOT / "rust" / "grafana" / "flink-kube-ha.json"
_LASTING = 300
_LEADER = "flink_kube_ha_is_leader"
# What a scrape may be off from the moment at which it says that it was: it takes a while.
_SLACK = 0.25


@base.ours_only("has no metrics")
class PrometheusLooksOn(base.ClusterTest):
    """Five minutes of SIGTERM and kill -9 in turn, with a job."""

    in_ci = False

    def test_what_it_shows_is_what_happened(self) -> None:
        self.cluster = self.flink()
        processes: list[FlinkProcess] = [*self.cluster.job_managers, *self.cluster.task_managers]
        self.prometheus = Prometheus(self.directory / "prometheus", processes)
        self.addCleanup(self.prometheus.stop)
        self.began = time.time()
        self.cluster.start()
        self.job = CountingJob(self.cluster).submit()
        self.job.wait_for("RUNNING")
        self.quiet: list[tuple[str, float, float]] = []
        hand_overs = self._change_leaders()
        self.ended = time.time()
        wait_until(lambda: time.time() > self.ended + 3 * INTERVAL, "the last scrapes", 5)
        self.report(f"{hand_overs} changes of leadership in {self.ended - self.began:.0f} s")

        self._assert_one_leader()
        self._assert_transitions()
        self._assert_counters_only_grow()
        self._assert_requests_are_those_of_the_audit_log()
        self._assert_scraping_asks_for_nothing()
        self._assert_values()
        self._assert_names()
        self._assert_dashboard_is_answered()
        self._report_overhead()
        self.assertEqual([], self.job.stop().problems)
        self.assert_one_leader_at_a_time(self.cluster)

    def _change_leaders(self) -> int:
        count = 0
        for end in cycle((JobManager.terminate, JobManager.kill)):
            leader, standby = self.cluster.wait_for_leader(60), self.cluster.standby()
            standby.wait_for_log(STANDS_BY, 60)
            self.job.wait_for("RUNNING")
            self.job.wait_for_checkpoints(leader, 2)
            since = time.time()
            wait_until(lambda since=since: time.time() > since + 6, "more than a renewal", 10)  # type: ignore[misc]
            self.quiet.append((standby.name, since, time.time()))
            if time.time() > self.began + _LASTING:
                return count
            at = time.time()
            end(leader)
            standby.wait_for_log(RESTORED, 60, at)
            assert leader.child
            leader.child.wait(60)
            leader.start()
            count += 1
        raise AssertionError

    def _series(self, selector: str) -> list[Series]:
        return self.prometheus.samples(selector, self.began, self.ended + 2 * INTERVAL)

    def _assert_one_leader(self) -> None:
        """Between the first and the last sample of a term, nobody else's sample says that it leads."""
        leads = {one.labels["instance"]: one.samples for one in self._series(_LEADER)}
        terms = [(name, *term) for name, samples in leads.items() for term in _terms(samples)]
        for name, first, last in terms:
            others = [at for other, samples in leads.items() if other != name for at, value in samples if value]
            self.assertEqual([], [at for at in others if first < at < last], f"while {name} led")
        # A dead process is gone with the next scrape, so for that long both may be shown.
        steps = self.prometheus.get(
            "query_range", query=f"min_over_time(sum({_LEADER})[3s:500ms])", start=self.began, end=self.ended, step="500ms"
        )["result"]
        values = [float(value) for one in steps for _, value in one["values"]]
        self.assertGreater(len(values), _LASTING)
        self.assertLessEqual(max(values), 1)
        self.report(f"sum(is_leader) is at most 1 in {len(values)} steps")

    def _assert_transitions(self) -> None:
        """Every grant in the logs was counted, and seen as a leadership. Of losses, whoever ends takes the count with it."""
        terms = leaderships(self.cluster)
        grants = sum(one.increase() for one in self._series("flink_kube_ha_leadership_grants_total"))
        self.assertEqual(len(terms), grants)
        self.assertEqual(len(terms), sum(len(_terms(one.samples)) for one in self._series(_LEADER)))
        self.report(f"{grants:.0f} grants counted and logged")

    def _assert_counters_only_grow(self) -> None:
        """But for each start of their process."""
        starts = {one.name: len(one.logs) for one in (*self.cluster.job_managers, *self.cluster.task_managers)}
        counters = self._series('{__name__=~"flink_kube_ha_.*(_total|_count|_bucket|_sum)"}')
        self.assertGreater(len(counters), 100)
        for one in counters:
            self.assertLessEqual(len(one.runs()), starts[one.labels["instance"]], one.labels)

    def _assert_requests_are_those_of_the_audit_log(self) -> None:
        """By process and verb, up to the last scrape of each run."""
        audit = base.kubernetes().audit
        assert audit
        user, compared = self.cluster.namespace.user, 0
        for process in (*self.cluster.job_managers, *self.cluster.task_managers):
            requests = list(audit.requests(user, process.name))
            series = self._series(f'flink_kube_ha_api_requests_total{{instance="{process.name}"}}')
            for log in process.logs:
                begin, end = log.lines()[0].at, log.lines()[-1].at if log is not process.log else self.ended
                counted: Counter[str] = Counter()
                unsettled: Counter[str] = Counter()
                at = max((at for one in series for at, _ in one.samples if begin < at < end + 1), default=0)
                for one in series:
                    value = next((value for when, value in one.samples if when == at), 0)
                    into = counted if one.labels["code"].isdigit() else unsettled
                    into[one.labels["verb"]] += round(value)
                self.assertGreater(counted.total(), 0, f"nothing was scraped of a run of {process.name}")
                for verb, count in counted.items():
                    of_verb = [one for one in requests if one.verb == verb and one.received >= begin]
                    least = sum(one.answered < at - _SLACK for one in of_verb)
                    most = sum(one.received < at + _SLACK for one in of_verb)
                    self.assertLessEqual(least - unsettled[verb], count, f"{verb} of {process.name} at {at}")
                    self.assertLessEqual(count, most, f"{verb} of {process.name} at {at}")
                    compared += count
        self.report(f"{compared} requests counted, as in the audit log")

    def _assert_scraping_asks_for_nothing(self) -> None:
        """Who waits for the lock asks nothing of the API server, however often it is scraped."""
        audit = base.kubernetes().audit
        assert audit
        for name, since, until in self.quiet:
            scrapes = self.prometheus.values(f'count_over_time(up{{instance="{name}"}}[{round(until - since)}s])', until)
            self.assertGreater(scrapes[0][1], (until - since) / INTERVAL / 2)
            asked = [one.kind for one in audit.requests(self.cluster.namespace.user, name, since) if one.received < until]
            # A watch is opened anew now and then.
            self.assertEqual([], [kind for kind in asked if not kind.startswith("watch ")], name)
        seconds = sum(until - since for _, since, until in self.quiet)
        self.report(f"no request in {seconds:.0f} s of waiting, with {seconds / INTERVAL:.0f} scrapes")

    def _assert_values(self) -> None:
        lease = self._series("flink_kube_ha_lease_remaining_seconds")
        leads = {(one.labels["instance"], at): value for one in self._series(_LEADER) for at, value in one.samples}
        for one in lease:
            for at, value in one.samples:
                self.assertEqual(bool(leads[one.labels["instance"], at]), value > 0, f"{one.labels} at {at}")
                self.assertLessEqual(value, base.LEASE)
        for name, low, high in (
            ("config_map_used_ratio", 0, 0.1),
            ("clock_offset_seconds", -1.5, 1.5),
            ("jvm_pulse_age_seconds", 0, 30),
            ("watch_age_seconds", 0, 120),
        ):
            values = [value for one in self._series(f"flink_kube_ha_{name}") for _, value in one.samples]
            self.assertTrue(values, name)
            self.assertGreaterEqual(min(values), low, name)
            self.assertLessEqual(max(values), high, name)

    def _assert_names(self) -> None:
        """Prometheus knows type and help of each, and its linter has nothing to say."""
        known = self.prometheus.get("metadata")
        for process in (*self.cluster.job_managers, *self.cluster.task_managers):
            text = metrics.exposition(process)
            self.assertEqual("", prometheus.check(text))
            for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
                self.assertEqual([kind], [one["type"] for one in known[name]])
                self.assertTrue(known[name][0]["help"])

    def _assert_dashboard_is_answered(self) -> None:
        """Every query of the dashboard, with something to show in each panel."""
        panels = 0
        for panel in json.loads(_DASHBOARD.read_text())["panels"]:
            shown = 0
            for target in panel.get("targets", []):
                query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$__range", "5m")
                shown += len(self.prometheus.values(query, self.ended))
            panels += bool(shown)
            self.assertTrue(shown or not panel.get("targets"), f"nothing to show in {panel['title']!r}")
        self.report(f"{panels} panels of the dashboard have something to show")

    def _report_overhead(self) -> None:
        for what, query in (
            ("a scrape takes, at the 99th percentile", "max(quantile_over_time(0.99, scrape_duration_seconds[5m]))"),
            ("samples of a scrape", "max(max_over_time(scrape_samples_scraped[5m]))"),
        ):
            self.report(f"{what}: {self.prometheus.values(query, self.ended)[0][1]:.4g}")


def _terms(samples: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """First and last time at which each leadership was seen. A process that is gone has samples of its next run only later."""
    terms: list[tuple[float, float]] = []
    before = (0.0, 0.0)
    for at, value in samples:
        if value:
            goes_on = before[1] and at - before[0] < 4 * INTERVAL
            terms[-1:] = [(terms[-1][0], at)] if goes_on else [*terms[-1:], (at, at)]
        before = (at, value)
    return terms
