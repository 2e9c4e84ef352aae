"""The file with which tests in Python have a portal each. Called with the path of the docket command as the last argument."""

import os
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "clients", "testing-python")
sys.path.insert(0, LIBRARY)

import docket_testing  # noqa: E402

PROGRAM = sys.argv.pop() if __name__ == "__main__" else os.environ["DOCKET_BINARY"]
TICKETS = "/crm/v3/objects/tickets"
TICKET = {"properties": {"subject": "a", "hs_pipeline_stage": "1"}}


class DocketTesting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = docket_testing.start(binary=PROGRAM)
        cls.addClassCleanup(cls.server.stop)

    def test_tests_at_the_same_time_have_portals_of_their_own(self):
        def count(n):
            with self.server.new_portal() as portal:
                for _ in range(n):
                    portal.call("POST", TICKETS, TICKET)
                return len(portal.call("GET", TICKETS)["results"])

        with ThreadPoolExecutor(4) as threads:
            self.assertEqual(list(threads.map(count, [1, 2, 3, 4])), [1, 2, 3, 4])

    def test_a_portal_ends_with_its_block(self):
        with self.server.new_portal(name="mine", token="my-token") as portal:
            self.assertEqual((portal.token, portal.url), ("my-token", self.server.url))
            portal.call("GET", TICKETS)
        with self.assertRaises(docket_testing.DocketError) as refused:
            portal.call("GET", TICKETS)
        self.assertEqual(refused.exception.status, 401)

    def test_an_error_is_what_docket_says(self):
        with self.server.new_portal() as portal, self.assertRaisesRegex(docket_testing.DocketError, 'Property .{1,2}sbject.{1,2} does not exist') as refused:
            portal.call("POST", TICKETS, {"properties": {"sbject": "a", "hs_pipeline_stage": "1"}})
        self.assertEqual((refused.exception.status, refused.exception.answer["category"]), (400, "VALIDATION_ERROR"))

    def test_the_time_of_a_portal_is_moved(self):
        with self.server.new_portal() as portal:
            self.assertEqual(portal.clock.set(datetime(2030, 1, 1), frozen=True), datetime(2030, 1, 1, tzinfo=timezone.utc))
            portal.clock.advance(timedelta(seconds=1.5))
            portal.clock.advance("P1D")
            self.assertEqual(portal.call("POST", TICKETS, TICKET)["createdAt"], "2030-01-02T00:00:01.500Z")
            self.assertEqual(portal.clock.now(), datetime(2030, 1, 2, 0, 0, 1, 500_000, timezone.utc))

    def test_calls_meet_faults_and_are_expected(self):
        with self.server.new_portal() as portal:
            fault = portal.faults.add({"status": 502}, match={"objectType": "tickets"}, times=1)
            with self.assertRaises(docket_testing.DocketError) as refused:
                portal.call("GET", TICKETS)
            self.assertEqual(refused.exception.status, 502)
            portal.call("GET", TICKETS)
            self.assertEqual([(one["id"], one["fired"]) for one in portal.faults.list()], [(fault["id"], 1)])
            self.assertTrue(all(one["preset"] == "hubspot-bad-day" for one in portal.faults.preset("hubspot-bad-day", seed=1)))
            portal.faults.clear()
            self.assertEqual(portal.faults.list(), [])
            self.assertEqual([call["status"] for call in portal.requests.expect({"path": "/crm/**"}, times=2)], [200, 502])
            self.assertEqual(len(portal.requests.list(status=502)), 1)
            with self.assertRaisesRegex(docket_testing.DocketError, "found 0 among the 2(.|\n)*the method is GET"):
                portal.requests.expect({"method": "POST"})
            portal.requests.clear()
            portal.requests.expect(times=0)

    def test_a_portal_goes_back_to_a_snapshot_and_is_filled(self):
        content = {"records": {"tickets": [{"name": "one", **TICKET}]}}
        with self.server.new_portal(seed=content) as portal:
            one = portal.seed(content)["one"]
            snapshot = portal.snapshot("two tickets")
            portal.call("DELETE", f"{TICKETS}/{one}")
            portal.rewind(snapshot)
            with self.server.new_portal(snapshot=snapshot) as other:
                self.assertEqual([len(of.call("GET", TICKETS)["results"]) for of in (portal, other)], [2, 2])
            portal.rewind()
            self.assertEqual(len(portal.call("GET", TICKETS)["results"]), 1)

    def test_a_server_that_runs_is_used_and_not_stopped(self):
        with docket_testing.start(url=self.server.url + "/") as again:
            portal = again.new_portal()
        portal.call("GET", TICKETS)

    def test_it_ends_with_its_process(self):
        script = "import sys, docket_testing; print(docket_testing.start(binary=sys.argv[1]).url)"
        url = subprocess.run([sys.executable, "-c", script, PROGRAM], env={**os.environ, "PYTHONPATH": LIBRARY}, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        latest = time.monotonic() + 60
        with self.assertRaises(OSError):  # refused, or reset if it ends just then
            while time.monotonic() < latest:
                try:
                    urllib.request.urlopen(url + "/healthz").close()
                except urllib.error.HTTPError:
                    pass

    def test_it_says_what_to_do_if_there_is_no_program(self):
        with self.assertRaisesRegex(FileNotFoundError, "Install Docket, set DOCKET_BINARY"):
            docket_testing.start(binary="/nowhere/docket")


if __name__ == "__main__":
    unittest.main()
