"""Calls of HubSpot's API, repeated until it answers."""

import http.client
import json
import time
import urllib.error
import urllib.request

TRIES_MAX = 8
FIRST_WAIT = 0.5
LONGEST_WAIT = 10


class HubSpotError(Exception):
    """HubSpot refused a call, or didn't answer in any of several attempts."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class HubSpot:
    """A call may arrive more than once: it must be a read, or a write that does the same when it is repeated.

    new_token: gets an access token, for example with a refresh token.
    wait: waits for seconds.
    """

    def __init__(self, new_token, url="https://api.hubapi.com", wait=time.sleep, timeout=30):
        self._new_token = new_token
        self._url = url
        self._wait = wait
        self._timeout = timeout
        self._token = None

    def call(self, method, path, body=None):
        """Sends a request and returns the body of the answer."""
        is_new_token = False
        attempt = 1
        while True:
            status, text, retry_after = self._try(method, path, body)
            if status is not None and status < 300:
                return json.loads(text) if text else None
            if status == 401 and not is_new_token and self.renews_token():
                self._token, is_new_token = None, True
                continue
            if attempt == TRIES_MAX or not self.is_temporary(status):
                raise HubSpotError(f"{method} {path}: {status} {text}", status)
            self._wait(self.wait_before(attempt, retry_after, status))
            attempt += 1

    def renews_token(self):
        """Whether to get another token when HubSpot doesn't accept the one that was used."""
        return True

    def is_temporary(self, status):
        """Whether the same call may succeed later: HubSpot was not reached, its gateway failed, or there were too many calls."""
        return status is None or status in (423, 429) or status >= 500

    def wait_before(self, attempt, retry_after, status):
        """How many seconds to wait before the next attempt: as long as HubSpot says, and otherwise longer each time."""
        if retry_after is not None:
            return retry_after
        return LONGEST_WAIT if status == 429 else min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1))  # most limits are for ten seconds

    def _try(self, method, path, body):
        self._token = self._token or self._new_token()
        request = urllib.request.Request(self._url + path, method=method, headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        request.data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return answer.status, answer.read(), None
        except urllib.error.HTTPError as refused:
            with refused:
                retry_after = refused.headers.get("Retry-After")
                return refused.code, refused.read(), None if retry_after is None else float(retry_after)
        except (OSError, http.client.HTTPException) as failure:
            return None, str(failure), None
