import { HubSpot, HubSpotError } from './hubspot.ts';

/** An order with a problem. */
export interface Order {
  number: string;
  email: string;
  problem: string;
  state: 'reported' | 'waits for customer' | 'waits for shop' | 'solved';
  changedAt: Date;
}

/** Reads a page of the orders that changed since a time, oldest change first. */
export type ReadOrders = (since: Date, page: number) => Promise<{ orders: Order[]; next?: number }>;

/** What a sync did. */
export interface Report {
  /** Where the next sync starts: the newest change that this one has seen. */
  until: Date;
  /** The number of orders with a ticket. */
  orders: number;
  /** What HubSpot doesn't accept, with its reason: a ticket's order number or a contact's address. */
  rejected: Map<string, string>;
}

type Row = { key: string; properties: Record<string, string> };

const BATCH_MAX = 100;
const TRIES_MAX = 8;
export const STAGES = { reported: '1', 'waits for customer': '2', 'waits for shop': '3', solved: '4' };

/**
 * Makes a ticket for each order with a problem, and associates it with the customer's contact. Whatever fails in between, the next sync
 * ends with the same tickets: each has its order's number in a unique property.
 */
export class TicketSync {
  constructor(protected hubSpot: HubSpot, private readOrders: ReadOrders) {}

  /** Syncs the orders that changed since a time. */
  async run(since: Date): Promise<Report> {
    const report: Report = { until: since, orders: 0, rejected: new Map() };
    await this.#createProperty();
    for (let page: number | undefined = 1; page; ) {
      const { orders, next } = await this.readOrders(since, page);
      for (let at = 0; at < orders.length; at += BATCH_MAX) {
        await this.#sync(orders.slice(at, at + BATCH_MAX), report);
      }

      page = next;
    }

    return report;
  }

  async #sync(orders: Order[], report: Report) {
    // An order that changed twice is there twice: the newest one counts. HubSpot refuses a batch with the same key twice.
    const newest = [...new Map(orders.map((order) => [order.number, order])).values()];
    const addresses = new Set(newest.map((order) => order.email.toLowerCase()));
    const contacts = await this.upsert('contacts', 'email', [...addresses].map((key) => ({ key, properties: {} })), report);
    const tickets = await this.upsert('tickets', 'order_number', newest.map((order) => ({ key: order.number, properties: ticketOf(order) })), report);
    const inputs = newest
      .map((order) => ({ from: { id: tickets.get(order.number) }, to: { id: contacts.get(order.email.toLowerCase()) } }))
      .filter(({ from, to }) => from.id && to.id);
    if (inputs.length > 0) {
      await this.hubSpot.call('POST', '/crm/v4/associations/tickets/contacts/batch/associate/default', { inputs });
    }

    report.orders += tickets.size;
    report.until = new Date(Math.max(+report.until, ...orders.map((order) => +order.changedAt)));
  }

  /** Creates or updates records by a unique property, and returns their ids by its values. */
  protected async upsert(type: string, idProperty: string, rows: Row[], report: Report): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    let left = rows;
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === TRIES_MAX) {
        throw new HubSpotError(`${left.length} ${type} are in no answer.`);
      }

      // With a trace id for each, HubSpot accepts the good ones and names the others.
      const inputs = left.map(({ key, properties }) => ({ idProperty, id: key, objectWriteTraceId: key, properties }));
      const { results, errors = [] } = await this.hubSpot.call('POST', `/crm/v3/objects/${type}/batch/upsert`, { inputs });
      for (const { objectWriteTraceId, id } of results) {
        ids.set(objectWriteTraceId, id);
      }

      for (const { message, context } of errors) {
        report.rejected.set(context.objectWriteTraceId[0], message);
      }

      // What is neither in the results nor rejected is sent again: it may be there, but that does no harm.
      left = left.filter(({ key }) => !ids.has(key) && !report.rejected.has(key));
    }

    return ids;
  }

  async #createProperty() {
    try {
      await this.hubSpot.call('POST', '/crm/v3/properties/tickets',
        { name: 'order_number', label: 'Order number', groupName: 'ticketinformation', type: 'string', fieldType: 'text', hasUniqueValue: true });
    } catch (refused) {
      if (!(refused instanceof HubSpotError && refused.status === 409)) {
        throw refused; // 409: it exists already
      }
    }
  }
}

/** A ticket's properties. */
export function ticketOf(order: Order) {
  return { subject: `Order ${order.number}`, content: order.problem, hs_pipeline_stage: STAGES[order.state] };
}
