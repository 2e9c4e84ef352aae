// HubSpot's own client for Node meets limits: its retry, unmodified, against real 429s (reference/auth-limits-webhooks-imports.md 2.5).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@hubspot/api-client';
import { call, serve, temporaryDirectory, TOKEN } from './docket.mjs';

describe("the official client's retry", () => {
  let server;

  before(async () => {
    server = await serve(temporaryDirectory());
  });

  after(() => server?.stop());

  const limit = async (settings) => assert.equal((await call(server, 'PATCH', '/docket/v1/settings', settings)).status, 200);
  const refuse = async (policyName, calls) => assert.equal((await call(server, 'POST', '/docket/v1/apps/0/refusals', { policyName, calls })).status, 204);
  const used = async () => (await call(server, 'GET', '/account-info/v3/api-usage/daily/private-apps')).json.results[0].currentUsage;

  // The number is that of attempts, the first one included.
  const tickets = (attempts) => new Client({ accessToken: TOKEN, basePath: server.url, numberOfApiCallRetries: attempts }).crm.tickets;

  it('gets a search through that was one too many for its second', async () => {
    await limit({ 'limits-search': '2' });
    const searches = await Promise.all(['a', 'b', 'c', 'd'].map((query) => tickets(4).searchApi.doSearch({ query })));
    assert.deepEqual(searches.map(({ total }) => total), [0, 0, 0, 0]);
    await limit({ 'limits-search': 'profile' });
  });

  it('waits ten seconds for a call beyond the burst', { timeout: 30_000 }, async () => {
    const before = await used();
    await limit({ 'limits-burst': '2' });
    const { basicApi } = tickets(2);
    await basicApi.getPage();
    await basicApi.getPage();
    const start = performance.now();
    assert.deepEqual((await basicApi.getPage()).results, []);
    assert.ok(performance.now() - start > 9_900, 'it was let in at once');
    await limit({ 'limits-burst': 'profile' });
    assert.equal(await used(), before + 3 + 1, 'what was refused does not count');
  });

  it('tries again as often as it was told when the next calls are refused', async () => {
    await refuse('SECONDLY', 1);
    assert.deepEqual((await tickets(2).basicApi.getPage()).results, []);
    await refuse('SECONDLY', 1);
    await assert.rejects(tickets(1).basicApi.getPage(), { code: 429 });
    assert.deepEqual((await tickets(1).basicApi.getPage()).results, []);
  });

  it('does not try again on the same day', async () => {
    await refuse('DAILY', 1);
    await assert.rejects(tickets(6).basicApi.getPage(), (error) => error.code === 429 && error.body.policyName === 'DAILY');
    assert.deepEqual((await tickets(1).basicApi.getPage()).results, []);
  });
});
