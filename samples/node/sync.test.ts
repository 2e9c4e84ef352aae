import { type Portal, startDocket } from 'docket-testing';
import { expect, test as base } from 'vitest';
import { HubSpot, HubSpotError } from './hubspot.ts';
import { type Order, STAGES, TicketSync, ticketOf } from './sync.ts';

const start = new Date('2026-01-01T00:00:00Z');
const docket = await startDocket();

/** Each test has a portal. */
const test = base.extend<{ portal: Portal }>({
  portal: async ({}, use) => {
    const portal = await docket.newPortal();
    await use(portal);
    await portal.delete();
  },
});

const order = (n: number, more: Partial<Order> = {}): Order =>
  ({ number: `A-${n}`, email: `customer${n}@mailbox.org`, problem: 'The box was empty.', state: 'reported', changedAt: new Date(+start + n * 60_000), ...more });
const orders = (count: number) => Array.from({ length: count }, (_, i) => order(i + 1));

/** A shop with these orders. */
const shop = (all: Order[], pageSize = 100) => async (since: Date, page: number) => {
  const changed = all.filter((one) => one.changedAt >= since).sort((a, b) => +a.changedAt - +b.changedAt);
  return { orders: changed.slice((page - 1) * pageSize, page * pageSize), next: page * pageSize < changed.length ? page + 1 : undefined };
};

/** Waiting moves the portal's clock, so that it takes no time. */
const options = (portal: Portal) => ({ url: portal.url, newToken: async () => portal.token, wait: (ms: number) => portal.clock.advance(ms) });
const sync = (portal: Portal, all: Order[], since = start, pageSize = 100) => new TicketSync(new HubSpot(options(portal)), shop(all, pageSize)).run(since);

/** The tickets in the portal with the ids of their contacts, by order number. */
async function ticketsIn(portal: Portal) {
  const found: Record<string, { ticket: object; contacts: string[] }> = {};
  for (let after: string | undefined = '0'; after; ) {
    const page: any = await portal.call('GET', `/crm/v3/objects/tickets?limit=100&after=${after}&properties=order_number,subject,content,hs_pipeline_stage&associations=contacts`);
    for (const { properties, associations } of page.results) {
      const { order_number, subject, content, hs_pipeline_stage } = properties;
      found[order_number] = { ticket: { subject, content, hs_pipeline_stage }, contacts: [...new Set<string>(associations?.contacts.results.map(({ id }: any) => id))] };
    }

    after = page.paging?.next?.after;
  }

  return found;
}

/** Each order has one ticket with its customer, and there is nothing else. */
async function expectSynced(portal: Portal, all: Order[]) {
  const found = await ticketsIn(portal);
  expect(Object.fromEntries(Object.entries(found).map(([number, { ticket }]) => [number, ticket]))).toEqual(Object.fromEntries(all.map((one) => [one.number, ticketOf(one)])));
  expect(Object.values(found).filter(({ contacts }) => contacts.length !== 1)).toEqual([]);
}

test.concurrent.for([0, 1, 2, 99, 100, 101, 250])('%i orders have a ticket each, with their customers', async (count, { portal }) => {
  expect((await sync(portal, orders(count))).orders).toBe(count);
  await expectSynced(portal, orders(count));
});

test.concurrent.for([1, 7, 100])('the shop is read to its end in pages of %i', async (pageSize, { portal }) => {
  expect((await sync(portal, orders(15), start, pageSize)).orders).toBe(15);
  await expectSynced(portal, orders(15));
});

test.concurrent.for(Object.keys(STAGES) as Order['state'][])('a ticket follows its order to "%s"', async (state, { portal }) => {
  const first = await sync(portal, [order(1)]);
  const changed = order(1, { state, problem: 'It is broken.', changedAt: new Date(+start + 3_600_000) });
  await sync(portal, [changed], first.until);
  await expectSynced(portal, [changed]);
});

test.concurrent('the same sync again changes nothing', async ({ portal }) => {
  await sync(portal, orders(3));
  const before = await ticketsIn(portal);
  await sync(portal, orders(3));
  expect(await ticketsIn(portal)).toEqual(before);
});

test.concurrent('the next sync starts where this one ended', async ({ portal }) => {
  const report = await sync(portal, orders(2));
  expect(report.until).toEqual(order(2).changedAt);
  expect((await sync(portal, orders(3), report.until)).orders).toBe(2);
});

test.concurrent('what HubSpot does not accept is reported and the rest is synced', async ({ portal }) => {
  const report = await sync(portal, [order(1), order(2, { email: 'nonsense' })]);
  expect([...report.rejected.keys()]).toEqual(['nonsense']);
  expect(Object.values(await ticketsIn(portal)).map(({ contacts }) => contacts.length).sort()).toEqual([0, 1]);
});

const presets = ['rate-limited', 'flaky-gateway', 'lost-answers', 'expired-token', 'slow', 'partial-batches', 'lost-rows', 'stale-search', 'hubspot-bad-day'];

test.concurrent.for(presets)('whatever goes wrong, the sync ends with the same tickets: %s', async (preset, { portal }) => {
  const all = orders(preset === 'slow' ? 2 : 8); // slow answers take real time
  await portal.faults.preset(preset, 3);
  const report = await sync(portal, all, start, 2);
  await portal.faults.clear();
  if (report.rejected.size > 0) {
    await sync(portal, all);
  }

  await expectSynced(portal, all);
});

/** Programs with one bug each, and the preset that finds it. */
const bugs: [preset: string, HubSpotClass: typeof HubSpot][] = [
  ['rate-limited', class StopsAtLimits extends HubSpot {
    protected isTemporary(status?: number) {
      return status !== 429 && super.isTemporary(status);
    }
  }],
  ['flaky-gateway', class StopsAtGateways extends HubSpot {
    protected isTemporary(status?: number) {
      return ![502, 503, 504].includes(status!) && super.isTemporary(status);
    }
  }],
  ['lost-answers', class StopsAtLostAnswers extends HubSpot {
    protected isTemporary(status?: number) {
      return status !== undefined && super.isTemporary(status);
    }
  }],
  ['expired-token', class KeepsItsToken extends HubSpot {
    protected get renewsToken() {
      return false;
    }
  }],
];

test.concurrent.for(bugs)('%s finds a program that cannot handle it', async ([preset, HubSpotClass], { portal }) => {
  await portal.faults.preset(preset, 3);
  await expect(new TicketSync(new HubSpotClass(options(portal)), shop(orders(8), 2)).run(start)).rejects.toThrow(HubSpotError);
});

test.concurrent('a call is tried eight times', async ({ portal }) => {
  await portal.faults.add({ match: { path: '**/tickets/batch/upsert' }, answer: { status: 502 }, times: 8 });
  await expect(sync(portal, orders(1))).rejects.toThrow('502');
  await portal.requests.expect({ path: '**/tickets/batch/upsert', status: 502 }, 8);
});
