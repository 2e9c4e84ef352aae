"""HubSpot's CRM API for tests: starts Docket and gives each test a portal of its own.

    import docket_testing

    with docket_testing.start() as server, server.new_portal() as portal:
        run_my_program(base_url=portal.url, token=portal.token)

With pytest, the fixture `docket` is a portal:

    # conftest.py
    pytest_plugins = ["docket_testing"]

    # test_sync.py
    def test_sync(docket):
        run_my_program(base_url=docket.url, token=docket.token)

One file, without dependencies. See docs/testing.md.
"""

import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

START_SECONDS = 30
STOP_SECONDS = 30
LOOK_SECONDS = 0.01


class DocketError(Exception):
    """What Docket refused, or an expectation that was not met. The message says why."""

    def __init__(self, status, answer):
        message, details = (answer["message"], answer.get("errors", [])) if isinstance(answer, dict) else (f"Docket answered {status}.", [])
        super().__init__("\n  ".join([message, *(error["message"] for error in details)]))
        self.status = status
        self.answer = answer


def start(binary=None, url=None, token=None, args=()):
    """Starts a server that keeps everything in memory and ends with this process.

    binary: the program; by default DOCKET_BINARY, or `docket` in the PATH. A .dll is run with `dotnet`.
    url: the address of a server that runs, which is then used; by default DOCKET_URL.
    token: the token of the server's first portal; by default DOCKET_TOKEN, or `test`.
    args: more options of `docket serve`.
    """
    url = url or os.environ.get("DOCKET_URL")
    token = token or os.environ.get("DOCKET_TOKEN") or "test"
    if url:
        return Docket(url, token)

    binary = binary or os.environ.get("DOCKET_BINARY") or "docket"
    command = ["dotnet", binary] if binary.endswith(".dll") else [binary]
    address_file = os.path.join(tempfile.gettempdir(), f"docket-{uuid.uuid4()}.address")
    options = ["--urls", "http://127.0.0.1:0", "--token", token, "--exit-with-parent", "--address-file", address_file, *args]
    try:
        process = subprocess.Popen([*command, "serve", "--ephemeral", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except FileNotFoundError as missing:
        raise FileNotFoundError(f'"{command[0]}" was not found. Install Docket, set DOCKET_BINARY to the path of its program, or set DOCKET_URL to the address of a server that runs.') from missing
    try:
        return Docket(_address_in(address_file, process), token, process)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _address_in(file, process):
    latest = time.monotonic() + START_SECONDS
    while time.monotonic() < latest:
        try:
            with open(file, encoding="utf-8") as address:
                return address.read().strip()
        except FileNotFoundError:
            if process.poll() is not None:
                raise RuntimeError(f"docket serve ended with {process.returncode}.") from None
            time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"docket serve was not ready after {START_SECONDS} seconds.")


class Docket:
    """A running server."""

    def __init__(self, url, token, process=None):
        self.url = url.rstrip("/")
        self.token = token
        self._process = process

    def new_portal(self, **options):
        """Creates an empty portal. Options: name, token, snapshot, seed."""
        return Portal(self, _call(self, "POST", "/docket/v1/portals", options))

    def stop(self):
        """Ends the server, if `start` started it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Portal:
    """A portal: records, properties, pipelines, limits, clock and faults of one test."""

    def __init__(self, server, created):
        self._server = server
        self.url = server.url
        self.token = created["token"]
        self.portal_id = created["portalId"]
        self.clock = Clock(self)
        self.faults = Faults(self)
        self.requests = Requests(self)

    def call(self, method, path, body=None):
        """Calls the portal with JSON and returns the answer's. Raises a DocketError if it is an error."""
        return _call(self, method, path, body)

    def snapshot(self, name=None):
        """Keeps the state of the portal, for `rewind` and for new portals. Returns its id."""
        return self.call("POST", "/docket/v1/snapshots", {} if name is None else {"name": name})["id"]

    def rewind(self, snapshot=None):
        """Returns to a snapshot, or to the state in which the portal was created."""
        self.call("POST", "/docket/v1/rewind", None if snapshot is None else {"snapshot": snapshot})

    def seed(self, content):
        """Adds the content of a seed file, and returns the ids of the records that have names."""
        return self.call("POST", "/docket/v1/seed", content)["records"]

    def delete(self):
        """Deletes the portal with everything in it."""
        _call(self._server, "DELETE", f"/docket/v1/portals/{self.portal_id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.delete()


class Clock:
    """The time of the portal."""

    def __init__(self, portal):
        self._portal = portal

    def now(self):
        """The time, with its zone."""
        return _moment(self._portal.call("GET", "/docket/v1/clock"))

    def set(self, now, frozen=None):
        """Sets the time; a datetime without a zone is in UTC."""
        now = now if now.tzinfo else now.replace(tzinfo=timezone.utc)
        return _moment(self._change(now=now.isoformat(timespec="milliseconds"), frozen=frozen))

    def advance(self, by):
        """Moves the time by a timedelta, or by a duration such as P1DT2H."""
        return _moment(self._change(advance=str(int(by / timedelta(milliseconds=1))) if isinstance(by, timedelta) else by))

    def freeze(self):
        """Stops the time."""
        return _moment(self._change(frozen=True))

    def reset(self):
        """Returns to the time of the server."""
        self._portal.call("DELETE", "/docket/v1/clock")

    def _change(self, **change):
        return self._portal.call("PUT", "/docket/v1/clock", {name: value for name, value in change.items() if value is not None})


class Faults:
    """What goes wrong on purpose."""

    def __init__(self, portal):
        self._portal = portal

    def add(self, answer, match=None, times=None, for_ms=None):
        """Adds a fault: what calls that match get, so many times or for so many milliseconds on the portal's clock."""
        rule = {"answer": answer, "match": match, "times": times, "for": for_ms}
        return self._portal.call("POST", "/docket/v1/faults", {name: value for name, value in rule.items() if value is not None})["results"][0]

    def preset(self, name, seed=None):
        """Adds the faults of a preset. With the same seed, the same calls in the same order meet the same faults."""
        return self._portal.call("POST", "/docket/v1/faults", {"preset": name} if seed is None else {"preset": name, "seed": seed})["results"]

    def list(self):
        """The faults, with how often each `fired`."""
        return self._portal.call("GET", "/docket/v1/faults")["results"]

    def clear(self):
        """Removes all faults."""
        self._portal.call("DELETE", "/docket/v1/faults")


class Requests:
    """The last calls of the portal."""

    def __init__(self, portal):
        self._portal = portal

    def list(self, **query):
        """The calls, newest first. Filters: method, path, objectType, status, limit."""
        return self._portal.call("GET", f"/docket/v1/requests?{urllib.parse.urlencode(query)}")["results"]

    def expect(self, match=None, times=None):
        """Returns the calls that match if there are as many as expected (at least one by default); otherwise raises a DocketError with what is different."""
        body = {name: value for name, value in {"match": match, "times": times}.items() if value is not None}
        return self._portal.call("POST", "/docket/v1/requests/expect", body)["results"]

    def clear(self):
        """Empties the log."""
        self._portal.call("DELETE", "/docket/v1/requests")


def _call(target, method, path, body=None):
    request = urllib.request.Request(target.url + path, method=method, headers={"Authorization": f"Bearer {target.token}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return _content(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            raise DocketError(refused.code, _content(refused)) from None


def _content(answer):
    text = answer.read()
    return json.loads(text) if text and answer.headers.get_content_type() == "application/json" else None


def _moment(clock):
    return datetime.fromisoformat(clock["now"].replace("Z", "+00:00"))


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture(scope="session")
    def docket_server():
        """The server of the test run."""
        with start() as server:
            yield server

    @pytest.fixture
    def docket(docket_server):
        """A portal for the test."""
        with docket_server.new_portal() as portal:
            yield portal
