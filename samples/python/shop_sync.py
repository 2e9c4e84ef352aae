"""Makes a ticket for each order of a shop with a problem, and associates it with the customer's contact.

Whatever fails in between, the next sync ends with the same tickets: each has its order's number in a unique property.
"""

from dataclasses import dataclass, field
from datetime import datetime

from hubspot import HubSpotError

BATCH_MAX = 100
TRIES_MAX = 8
STAGES = {"reported": "1", "waits for customer": "2", "waits for shop": "3", "solved": "4"}
ORDER_NUMBER = {"name": "order_number", "label": "Order number", "groupName": "ticketinformation", "type": "string", "fieldType": "text", "hasUniqueValue": True}


@dataclass(frozen=True)
class Order:
    """An order with a problem."""

    number: str
    email: str
    problem: str
    state: str
    changed_at: datetime


@dataclass
class Report:
    """What a sync did."""

    until: datetime  # where the next sync starts: the newest change that this one has seen
    orders: int = 0
    rejected: dict = field(default_factory=dict)  # what HubSpot doesn't accept, with its reason


class TicketSync:
    """`read_orders(since, page)` reads a page of the orders that changed since a time, oldest change first, and the number of the next page."""

    def __init__(self, hubspot, read_orders):
        self.hubspot = hubspot
        self._read_orders = read_orders

    def run(self, since):
        """Syncs the orders that changed since a time."""
        report = Report(until=since)
        self._create_property()
        page = 1
        while page is not None:
            orders, page = self._read_orders(since, page)
            for at in range(0, len(orders), BATCH_MAX):
                self._sync(orders[at : at + BATCH_MAX], report)
        return report

    def _sync(self, orders, report):
        # An order that changed twice is there twice: the newest one counts. HubSpot refuses a batch with the same key twice.
        newest = {order.number: order for order in orders}.values()
        contacts = self.upsert("contacts", "email", {order.email.lower(): {} for order in newest}, report)
        tickets = self.upsert("tickets", "order_number", {order.number: ticket_of(order) for order in newest}, report)
        pairs = [(tickets.get(order.number), contacts.get(order.email.lower())) for order in newest]
        inputs = [{"from": {"id": ticket}, "to": {"id": contact}} for ticket, contact in pairs if ticket and contact]
        if inputs:
            self.hubspot.call("POST", "/crm/v4/associations/tickets/contacts/batch/associate/default", {"inputs": inputs})
        report.orders += len(tickets)
        report.until = max([report.until, *(order.changed_at for order in orders)])

    def upsert(self, type_name, key_name, records, report):
        """Creates or updates records by a unique property, and returns their ids by its values."""
        ids = {}
        left = dict(records)
        for _ in range(TRIES_MAX):
            if not left:
                return ids
            # With a trace id for each, HubSpot accepts the good ones and names the others.
            inputs = [{"idProperty": key_name, "id": key, "objectWriteTraceId": key, "properties": properties} for key, properties in left.items()]
            answer = self.hubspot.call("POST", f"/crm/v3/objects/{type_name}/batch/upsert", {"inputs": inputs})
            ids.update({result["objectWriteTraceId"]: result["id"] for result in answer["results"]})
            report.rejected.update({error["context"]["objectWriteTraceId"][0]: error["message"] for error in answer.get("errors", [])})
            # What is neither in the results nor rejected is sent again: it may be there, but that does no harm.
            left = {key: properties for key, properties in left.items() if key not in ids and key not in report.rejected}
        if left:
            raise HubSpotError(f"{len(left)} {type_name} are in no answer.")
        return ids

    def _create_property(self):
        try:
            self.hubspot.call("POST", "/crm/v3/properties/tickets", ORDER_NUMBER)
        except HubSpotError as refused:
            if refused.status != 409:  # it exists already
                raise


def ticket_of(order):
    """A ticket's properties."""
    return {"subject": f"Order {order.number}", "content": order.problem, "hs_pipeline_stage": STAGES[order.state]}
