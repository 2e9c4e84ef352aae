// The npm package with which tests in Node.js have a portal each.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DocketError, startDocket } from '../../clients/testing-node/index.js';
import { PROGRAM, run } from './docket.mjs';

const TICKETS = '/crm/v3/objects/tickets';
const ticket = { properties: { subject: 'a', hs_pipeline_stage: '1' } };
const library = new URL('../../clients/testing-node/index.js', import.meta.url);

let docket;

before(async () => {
  docket = await startDocket({ binary: PROGRAM });
});

after(() => docket?.stop());

describe('docket-testing', () => {
  it('gives tests that run at the same time portals of their own', async () => {
    const counts = await Promise.all([1, 2, 3, 4].map(async (n) => {
      const portal = await docket.newPortal();
      for (let i = 0; i < n; i++) {
        await portal.call('POST', TICKETS, ticket);
      }

      return (await portal.call('GET', TICKETS)).results.length;
    }));
    assert.deepEqual(counts, [1, 2, 3, 4]);
  });

  it('gives a portal its name, its token and an end', async () => {
    const portal = await docket.newPortal({ name: 'mine', token: 'my-token' });
    assert.deepEqual([portal.name, portal.token, portal.url], ['mine', 'my-token', docket.url]);
    assert.equal((await portal.fetch(TICKETS)).status, 200);
    assert.equal((await portal.fetch(TICKETS, { headers: { authorization: 'Bearer other' } })).status, 401);
    await portal.delete();
    assert.equal((await portal.fetch(TICKETS)).status, 401);
  });

  it('throws what Docket says', async () => {
    const portal = await docket.newPortal();
    await assert.rejects(portal.call('POST', TICKETS, { properties: { sbject: 'a', hs_pipeline_stage: '1' } }),
      (error) => error instanceof DocketError && error.status === 400 && /Property \\?"sbject\\?" does not exist/.test(error.message) && error.answer.category === 'VALIDATION_ERROR');
  });

  it('moves the time of a portal', async () => {
    const portal = await docket.newPortal();
    const at = await portal.clock.set('2030-01-01T00:00:00Z', { frozen: true });
    assert.deepEqual(at, { now: '2030-01-01T00:00:00Z', frozen: true });
    await portal.clock.advance(1_500);
    await portal.clock.advance('P1D');
    assert.equal((await portal.call('POST', TICKETS, ticket)).createdAt, '2030-01-02T00:00:01.500Z');
    const other = await docket.newPortal();
    assert.ok((await other.call('POST', TICKETS, ticket)).createdAt < '2030');
    await portal.clock.advance(1);
    assert.equal((await portal.clock.read()).now, '2030-01-02T00:00:01.501Z');
  });

  it('lets calls meet faults, and expects calls', async () => {
    const portal = await docket.newPortal();
    const fault = await portal.faults.add({ match: { objectType: 'tickets' }, answer: { status: 502 }, times: 1 });
    assert.equal((await portal.fetch(TICKETS)).status, 502);
    assert.equal((await portal.fetch(TICKETS)).status, 200);
    assert.deepEqual((await portal.faults.list()).map(({ id, fired, active }) => [id, fired, active]), [[fault.id, 1, false]]);
    assert.ok((await portal.faults.preset('hubspot-bad-day', 1)).every(({ preset }) => preset === 'hubspot-bad-day'));
    await portal.faults.clear();
    assert.deepEqual(await portal.faults.list(), []);

    assert.deepEqual((await portal.requests.expect({ path: '/crm/**' }, 2)).map(({ method, path, status }) => [method, path, status]), [['GET', TICKETS, 200], ['GET', TICKETS, 502]]);
    assert.equal((await portal.requests.list({ status: 502 })).length, 1);
    await assert.rejects(portal.requests.expect({ method: 'POST' }), (error) => error instanceof DocketError && error.status === 417 && /found 0 among the 2.*\n {2}#\d+ GET .*: the method is GET/.test(error.message));
    await portal.requests.clear();
    await portal.requests.expect({}, 0);
  });

  it('goes back to a snapshot, and fills portals', async () => {
    const content = { records: { tickets: [{ name: 'one', ...ticket }] } };
    const portal = await docket.newPortal({ seed: content });
    const { one } = await portal.seed(content);
    const snapshot = await portal.snapshot('two tickets');
    await portal.call('DELETE', `${TICKETS}/${one}`);
    const count = async (of) => (await of.call('GET', TICKETS)).results.length;
    assert.equal(await count(portal), 1);
    await portal.rewind(snapshot);
    assert.equal(await count(portal), 2);
    assert.equal(await count(await docket.newPortal({ snapshot: snapshot.id })), 2);
    await portal.rewind();
    assert.equal(await count(portal), 1);
  });

  it('uses a server that runs, and does not stop it', async () => {
    const again = await startDocket({ url: `${docket.url}/` });
    const portal = await again.newPortal();
    await again.stop();
    assert.equal((await portal.fetch(TICKETS)).status, 200);
  });

  it('ends with tests that do not stop it, and is there as long as they are', async () => {
    const script = `import { startDocket } from ${JSON.stringify(library)};
      const docket = await startDocket({ binary: ${JSON.stringify(PROGRAM)} });
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log((await docket.newPortal()).url);`;
    const { code, stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    assert.equal(code, 0);
    await gone(stdout.trim());
  });

  it('ends with a process that is killed', async () => {
    const script = `import { startDocket } from ${JSON.stringify(library)};
      console.log((await startDocket({ binary: ${JSON.stringify(PROGRAM)} })).url);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [url] = await once(child.stdout.setEncoding('utf8'), 'data');
    child.kill('SIGKILL');
    await gone(url.trim());
  });

  it('says what to do if there is no program, and what the program says', async () => {
    await assert.rejects(startDocket({ binary: '/nowhere/docket' }), /"\/nowhere\/docket" was not found\. Install Docket, set DOCKET_BINARY/);
    await assert.rejects(startDocket({ binary: PROGRAM, args: ['--data', 'somewhere'] }), /docket serve ended with 1: docket: --ephemeral keeps all data in memory/);
  });
});

describe('docket_testing.py', () => {
  it('passes its own tests', async (test) => {
    const python = await run('python3', ['--version']).catch(() => undefined);
    if (!python) {
      test.skip('there is no python3');
      return;
    }

    const { code, output } = await run('python3', ['-B', fileURLToPath(new URL('docket_testing_test.py', import.meta.url)), '-v', PROGRAM]);
    assert.equal(code, 0, output);
  });
});

describe('with-docket', { skip: process.platform === 'win32' && 'there is no sh' }, () => {
  const withDocket = fileURLToPath(new URL('../../clients/with-docket', import.meta.url));

  it('runs a command with a server of its own, which ends with it', async () => {
    const script = `const answer = await fetch(process.env.HUBSPOT_BASE_URL + '${TICKETS}', { headers: { authorization: 'Bearer ' + process.env.HUBSPOT_TOKEN } });
      console.log(process.env.HUBSPOT_BASE_URL, await answer.text());
      process.exitCode = 7;`;
    const { code, stdout } = await run('sh', [withDocket, process.execPath, '--input-type=module', '-e', script], { env: { DOCKET_BINARY: `dotnet ${PROGRAM}` } });
    assert.equal(code, 7);
    assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+ \{"results":\[\]\}\n$/);
    await gone(stdout.split(' ')[0]);
  });

  it('runs nothing if the server does not start', async () => {
    const { code, stdout } = await run('sh', [withDocket, 'echo', 'ran'], { env: { DOCKET_BINARY: 'false' } });
    assert.deepEqual([code, stdout], [1, '']);
  });
});

async function gone(url) {
  for (const late = Date.now() + 60_000; Date.now() < late; ) {
    try {
      await fetch(url);
    } catch {
      return;
    }
  }

  assert.fail(`${url} still answers`);
}
