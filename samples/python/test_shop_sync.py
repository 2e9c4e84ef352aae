from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from hubspot import HubSpot, HubSpotError
from shop_sync import STAGES, Order, TicketSync, ticket_of

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def order(n, **more):
    return replace(Order(f"A-{n}", f"customer{n}@mailbox.org", "The box was empty.", "reported", START + timedelta(minutes=n)), **more)


def shop(orders, page_size=100):
    """A shop with these orders."""

    def read(since, page):
        changed = sorted((one for one in orders if one.changed_at >= since), key=lambda one: one.changed_at)
        return changed[(page - 1) * page_size : page * page_size], page + 1 if page * page_size < len(changed) else None

    return read


def hubspot(docket, kind=HubSpot, **more):
    """Waiting moves the portal's clock, so that it takes no time."""
    return kind(new_token=lambda: docket.token, url=docket.url, wait=lambda seconds: docket.clock.advance(timedelta(seconds=seconds)), **more)


def sync(docket, orders, since=START, page_size=100):
    return TicketSync(hubspot(docket), shop(orders, page_size)).run(since)


def tickets(docket):
    """The tickets in the portal, by order number."""
    found, after = {}, "0"
    while after:
        page = docket.call("GET", f"/crm/v3/objects/tickets?limit=100&after={after}&properties=order_number,subject,content,hs_pipeline_stage&associations=contacts")
        for ticket in page["results"]:
            contacts = {contact["id"] for contact in ticket.get("associations", {"contacts": {"results": []}})["contacts"]["results"]}
            found[ticket["properties"]["order_number"]] = ({name: ticket["properties"][name] for name in ("subject", "content", "hs_pipeline_stage")}, contacts)
        after = page.get("paging", {}).get("next", {}).get("after")
    return found


def assert_synced(docket, orders):
    found = tickets(docket)
    assert {number: ticket for number, (ticket, _) in found.items()} == {one.number: ticket_of(one) for one in orders}
    assert all(len(contacts) == 1 for _, contacts in found.values())


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 250])
def test_each_order_has_one_ticket_with_its_customer(docket, count):
    orders = [order(n) for n in range(1, count + 1)]
    assert sync(docket, orders).orders == count
    assert_synced(docket, orders)


@pytest.mark.parametrize("page_size", [1, 7, 100])
def test_all_pages_of_the_shop_are_read(docket, page_size):
    orders = [order(n) for n in range(1, 16)]
    assert sync(docket, orders, page_size=page_size).orders == 15
    assert_synced(docket, orders)


@pytest.mark.parametrize("state", STAGES)
def test_a_ticket_follows_its_order(docket, state):
    first = sync(docket, [order(1)])
    changed = order(1, state=state, problem="It is broken.", changed_at=START + timedelta(hours=1))
    sync(docket, [changed], since=first.until)
    assert_synced(docket, [changed])


def test_the_same_sync_again_changes_nothing(docket):
    orders = [order(n) for n in range(1, 4)]
    sync(docket, orders)
    before = tickets(docket)
    sync(docket, orders)
    assert tickets(docket) == before


def test_the_next_sync_starts_where_this_one_ended(docket):
    report = sync(docket, [order(1), order(2)])
    assert report.until == order(2).changed_at
    assert sync(docket, [order(1), order(2), order(3)], since=report.until).orders == 2


def test_what_hubspot_does_not_accept_is_reported_and_the_rest_is_synced(docket):
    report = sync(docket, [order(1), order(2, email="nonsense")])
    assert list(report.rejected) == ["nonsense"]
    assert {number: len(contacts) for number, (_, contacts) in tickets(docket).items()} == {"A-1": 1, "A-2": 0}


PRESETS = ["rate-limited", "flaky-gateway", "lost-answers", "expired-token", "slow", "partial-batches", "lost-rows", "stale-search", "hubspot-bad-day"]


@pytest.mark.parametrize("preset", PRESETS)
def test_whatever_goes_wrong_the_sync_ends_with_the_same_tickets(docket, preset):
    orders = [order(n) for n in range(1, 3 if preset == "slow" else 9)]  # slow answers take real time
    docket.faults.preset(preset, seed=3)
    report = sync(docket, orders, page_size=2)
    docket.faults.clear()
    if report.rejected:
        sync(docket, orders)
    assert_synced(docket, orders)


class StopsAtLimits(HubSpot):
    def is_temporary(self, status):
        return status != 429 and super().is_temporary(status)


class StopsAtGateways(HubSpot):
    def is_temporary(self, status):
        return status not in (502, 503, 504) and super().is_temporary(status)


class StopsAtLostAnswers(HubSpot):
    def is_temporary(self, status):
        return status is not None and super().is_temporary(status)


class KeepsItsToken(HubSpot):
    def renews_token(self):
        return False


@pytest.mark.parametrize(
    "preset, kind", [("rate-limited", StopsAtLimits), ("flaky-gateway", StopsAtGateways), ("lost-answers", StopsAtLostAnswers), ("expired-token", KeepsItsToken)]
)
def test_a_preset_finds_a_program_that_cannot_handle_it(docket, preset, kind):
    docket.faults.preset(preset, seed=3)
    with pytest.raises(HubSpotError):
        TicketSync(hubspot(docket, kind), shop([order(n) for n in range(1, 9)], page_size=2)).run(START)


def test_a_call_is_tried_eight_times(docket):
    docket.faults.add(match={"path": "**/tickets/batch/upsert"}, answer={"status": 502}, times=8)
    with pytest.raises(HubSpotError, match="502"):
        sync(docket, [order(1)])
    docket.requests.expect({"path": "**/tickets/batch/upsert", "status": 502}, times=8)
