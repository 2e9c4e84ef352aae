// The docket command: the first start, tokens, portals, and the end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { it } from 'node:test';
import { call, createProperty, docket, run, serve, temporaryDirectory } from './docket.mjs';

const UPSERT = '/crm/v3/objects/tickets/batch/upsert';
const TOKEN_TEXT = /\bpat-[A-Za-z0-9-]{20,}\b/;
const body = (id) => ({ inputs: [{ id, idProperty: 'ext_id', properties: { subject: id, hs_pipeline_stage: '1' } }] });

// Waits for text that the server prints right after its address.
async function printed(server, pattern) {
  for (let tries = 0; tries < 200 && !pattern.test(server.output); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }

  assert.match(server.output, pattern);
}

it('the first start prints a portal, a token and a curl line that works as it stands; the second start doesn’t', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data, { token: null });
  t.after(() => server.stop());
  await printed(server, TOKEN_TEXT);
  await printed(server, /portal\D*\d+/i);
  await printed(server, /^ *-d '.*'$/m); // the end of the curl line

  // The command may go on over several lines that end with a backslash.
  const command = /^[ \t]*(curl (?:.*\\\n)*.*)$/m.exec(server.output)[1];
  for (const isNew of [true, false]) {
    const ran = await run('sh', ['-c', command]);
    assert.equal(ran.code, 0, ran.stderr);
    const answer = JSON.parse(ran.stdout.slice(ran.stdout.indexOf('{')));
    assert.equal(answer.status, 'COMPLETE', ran.stdout);
    assert.equal(answer.results[0].new, isNew, 'created first, found again when the line is run twice');
  }

  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  const again = await serve(data, { token: null });
  t.after(() => again.stop());
  assert.doesNotMatch(again.output, TOKEN_TEXT);
  assert.equal((await call(again, 'GET', '/crm/v3/objects/tickets', undefined, { token: TOKEN_TEXT.exec(server.output)[0] })).json.results.length, 1);
});

it('a token made beside a running server works at once, is never shown again, and once revoked is refused at once', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');

  const created = await docket('token', 'create', '--data', data, '--name', 'sync job');
  assert.equal(created.code, 0, created.output);
  const token = TOKEN_TEXT.exec(created.stdout)?.[0];
  assert.ok(token, created.stdout);
  assert.equal((await call(server, 'POST', UPSERT, body('with-new-token'), { token })).status, 200);

  const listed = await docket('token', 'list', '--data', data);
  assert.equal(listed.code, 0, listed.output);
  assert.match(listed.stdout, /sync job/);
  assert.ok(!listed.stdout.includes(token), 'a token is shown when it is made and never again');
  assert.doesNotMatch(listed.stdout, TOKEN_TEXT);
  const id = /\d+/.exec(listed.stdout.split('\n').find((line) => line.includes('sync job')))[0];

  const revoked = await docket('token', 'revoke', id, '--data', data);
  assert.equal(revoked.code, 0, revoked.output);
  const refused = await call(server, 'POST', UPSERT, body('with-revoked-token'), { token });
  assert.equal(refused.status, 401);
  assert.equal(refused.json.category, 'INVALID_AUTHENTICATION');

  const unknown = await docket('token', 'revoke', '999999999', '--data', data);
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /999999999/);
});

it('a token that may only read is told which scope a write needs', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');

  const created = await docket('token', 'create', '--data', data, '--name', 'reader', '--scopes', 'crm.objects.tickets.read');
  assert.equal(created.code, 0, created.output);
  const token = TOKEN_TEXT.exec(created.stdout)[0];
  assert.equal((await call(server, 'GET', '/crm/v3/objects/tickets', undefined, { token })).status, 200);

  const refused = await call(server, 'POST', UPSERT, body('read-only'), { token });
  assert.equal(refused.status, 403);
  assert.equal(refused.json.category, 'MISSING_SCOPES');
  assert.deepEqual(refused.json.errors[0].context.requiredGranularScopes, ['tickets']);

  const misspelt = await docket('token', 'create', '--data', data, '--name', 'x', '--scopes', 'crm.objects.tickets.raed');
  assert.notEqual(misspelt.code, 0);
  assert.match(misspelt.stderr, /crm\.objects\.tickets\.raed/);
});

it('a portal has its own tickets', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');
  assert.equal((await call(server, 'POST', UPSERT, body('in-the-first'))).status, 200);

  const created = await docket('portal', 'create', 'Second', '--data', data);
  assert.equal(created.code, 0, created.output);
  const portal = /\d+/.exec(created.stdout)[0];
  const listed = await docket('portal', 'list', '--data', data);
  assert.equal(listed.code, 0, listed.output);
  assert.match(listed.stdout, new RegExp(`^.*${portal}.*Second.*$`, 'm'));

  const made = await docket('token', 'create', '--data', data, '--portal', portal, '--name', 'second');
  assert.equal(made.code, 0, made.output);
  const token = TOKEN_TEXT.exec(made.stdout)[0];
  const list = await call(server, 'GET', '/crm/v3/objects/tickets', undefined, { token });
  assert.equal(list.status, 200, list.text);
  assert.deepEqual(list.json.results, []);
});

it('a second server on the same data is turned away with one line', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const second = await docket('serve', '--data', data, '--urls', 'http://127.0.0.1:0', '--token', 'other');
  assert.notEqual(second.code, 0);
  const lines = second.stderr.trim().split('\n');
  assert.equal(lines.length, 1, second.output);
  assert.ok(lines[0].includes(data), lines[0]);
  assert.equal((await call(server, 'GET', '/crm/v3/objects/tickets')).status, 200);
});

it('SIGTERM lets a request under way finish, keeps what it wrote, and ends with 0', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');

  // A request of which half has been sent when the signal comes.
  const text = JSON.stringify(body('under-way'));
  const request = http.request(server.url + UPSERT, {
    method: 'POST',
    headers: { authorization: 'Bearer test-token', 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), expect: '100-continue' },
  });
  const answered = once(request, 'response');
  request.flushHeaders();
  await once(request, 'continue'); // The server has begun to read the body.
  request.write(text.slice(0, 20));
  server.child.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 200));
  request.end(text.slice(20));
  const [response] = await answered;
  assert.equal(response.statusCode, 200);
  response.resume();
  await once(response, 'end');
  assert.deepEqual(await server.exited, { code: 0, signal: null });

  const again = await serve(data);
  t.after(() => again.stop());
  assert.equal((await call(again, 'GET', '/crm/v3/objects/tickets/under-way?idProperty=ext_id')).status, 200);
});

it('a wrong command line is told what is wrong, in one screen and without a stack trace', async () => {
  for (const args of [['serve', '--no-such-option'], ['no-such-command'], ['token', 'revoke']]) {
    const ended = await docket(...args);
    assert.notEqual(ended.code, 0, args.join(' '));
    assert.ok(ended.stderr.length > 0, args.join(' '));
    assert.doesNotMatch(ended.output, /^\s+at /m);
  }

  const help = await docket('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /serve/);
  const version = await docket('--version');
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+/);
});

it('the search index is built anew beside a running server and without one', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');
  assert.equal((await call(server, 'POST', UPSERT, body('indexed'))).status, 200);
  const total = async (on) => (await call(on, 'POST', '/crm/v3/objects/tickets/search', { query: 'indexed' })).json.total;
  assert.equal(await total(server), 1);

  const index = path.join(data, fs.readdirSync(data).find((name) => name.endsWith('.index.db')));
  const before = fs.statSync(index).birthtimeMs;
  const beside = await docket('index', 'rebuild', '--data', data);
  assert.equal(beside.code, 0, beside.output);
  assert.match(beside.stdout, /built/);
  assert.notEqual(fs.statSync(index).birthtimeMs, before, 'another file');
  assert.equal(await total(server), 1);

  await server.stop();
  fs.writeFileSync(index, 'not an index');
  const alone = await docket('index', 'rebuild', '--data', data);
  assert.equal(alone.code, 0, alone.output);
  const again = await serve(data);
  t.after(() => again.stop());
  assert.equal(await total(again), 1);

  const unknown = await docket('index', 'rebuild', '--data', data, '--portal', '7');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /There is no portal 7/);
});
