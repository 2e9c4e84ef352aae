// The docket command: the first start, apps, users, portals, mistakes, and the end.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { it } from 'node:test';
import { call, createProperty, docket, docketReading, PROGRAM, run, serve, temporaryDirectory } from './docket.mjs';

const UPSERT = '/crm/v3/objects/tickets/batch/upsert';
const TOKEN_TEXT = /\bpat-[A-Za-z0-9-]{20,}\b/;
const UUID_TEXT = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
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

// Runs a command that has to succeed, and gives what it printed.
async function done(...args) {
  const ended = await docket(...args);
  assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.output}`);
  return ended.stdout;
}

async function createApp(data, name, ...more) {
  const printed = await done('app', 'create', name, '--data', data, ...more);
  return { id: /App (\d+)/.exec(printed)[1], token: TOKEN_TEXT.exec(printed)?.[0], printed };
}

async function addUser(data, password, email, ...more) {
  const added = await docketReading(password, 'user', 'add', email, '--data', data, ...more);
  assert.equal(added.code, 0, added.output);
  return /User (\d+)/.exec(added.stdout)[1];
}

// The line of a table that has a text in it.
const line = (table, text) => table.split('\n').find((row) => row.includes(text));

const status = async (server, token) => (await call(server, 'GET', '/crm/v3/objects/tickets', undefined, { token })).status;

it('an app made beside a running server works at once, its token is never shown again, and once it is deleted it is refused at once', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');

  const { id, token, printed } = await createApp(data, 'sync job');
  assert.ok(token, printed);
  assert.equal((await call(server, 'POST', UPSERT, body('with-new-token'), { token })).status, 200);

  const listed = await done('app', 'list', '--data', data);
  assert.match(line(listed, 'sync job'), new RegExp(`^${id} .*private.*tickets`));
  assert.doesNotMatch(listed, TOKEN_TEXT, 'a token is shown when it is made and never again');

  assert.match(await done('app', 'delete', id, '--data', data), /sync job/);
  const refused = await call(server, 'POST', UPSERT, body('with-deleted-app'), { token });
  assert.equal(refused.status, 401);
  assert.equal(refused.json.category, 'INVALID_AUTHENTICATION');
  assert.equal(line(await done('app', 'list', '--data', data), 'sync job'), undefined);
});

it('a token is replaced: the old one ends at once, or goes on for the days that are given', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const first = await createApp(data, 'replaced');

  const second = TOKEN_TEXT.exec(await done('app', 'rotate', first.id, '--data', data, '--grace-days', '7'))[0];
  assert.notEqual(second, first.token);
  assert.deepEqual([await status(server, first.token), await status(server, second)], [200, 200]);

  const third = TOKEN_TEXT.exec(await done('app', 'rotate', first.id, '--data', data))[0];
  assert.deepEqual([await status(server, second), await status(server, third)], [401, 200]);
});

it('an OAuth app has a client id and a client secret, which is replaced', async () => {
  const data = temporaryDirectory();
  await done('portal', 'create', 'First', '--data', data);
  const { id, token, printed } = await createApp(
    data, 'desk', '--redirect-uri', 'https://desk.example/back', 'http://localhost:3000/back', '--scope', 'tickets', 'crm.objects.owners.read', '--optional-scope', 'oauth',
  );
  assert.equal(token, undefined);
  const client = new RegExp(`^Client id: (${UUID_TEXT})$`, 'm').exec(printed)[1];
  const secret = new RegExp(`^Client secret, shown only once: (${UUID_TEXT})$`, 'm').exec(printed)[1];
  assert.notEqual(client, secret);

  const listed = await done('app', 'list', '--data', data);
  assert.match(line(listed, 'desk'), /oauth.*tickets crm\.objects\.owners\.read/);
  assert.ok(!listed.includes(secret));
  const replaced = new RegExp(`Client secret, shown only once: (${UUID_TEXT})`).exec(await done('app', 'rotate', id, '--data', data))[1];
  assert.notEqual(replaced, secret);
});

it('an app that may only read is told which scope a write needs', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');

  const { token } = await createApp(data, 'reader', '--scope', 'crm.objects.tickets.read');
  assert.equal(await status(server, token), 200);
  const refused = await call(server, 'POST', UPSERT, body('read-only'), { token });
  assert.equal(refused.status, 403);
  assert.equal(refused.json.category, 'MISSING_SCOPES');
  assert.deepEqual(refused.json.errors[0].context.requiredGranularScopes, ['tickets']);

  // HubSpot has scopes that Docket doesn't know; a misspelt one looks the same, so it is told.
  const misspelt = await docket('app', 'create', 'x', '--data', data, '--scope', 'crm.objects.tickets.raed');
  assert.equal(misspelt.code, 0, misspelt.output);
  assert.match(misspelt.stderr, /crm\.objects\.tickets\.raed/);
});

it('users are added with a password from the standard input or without one, listed and archived; no password is ever shown or kept as it is', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const password = 'correct horse battery';
  const ada = await addUser(data, `${password}\n`, 'ada@example.com', '--first-name', 'Ada', '--last-name', 'Lovelace');
  const bot = await addUser(data, undefined, 'bot@example.com', '--no-password');
  assert.notEqual(ada, bot);

  const set = await docketReading('another password\n', 'user', 'password', bot, '--data', data);
  assert.equal(set.code, 0, set.output);
  assert.match(set.stdout, /bot@example\.com/);

  assert.match(await done('user', 'archive', bot, '--data', data), /bot@example\.com/);
  const listed = await done('user', 'list', '--data', data);
  assert.match(line(listed, 'ada@example.com'), new RegExp(`^${ada} .*Ada +Lovelace +no`));
  assert.match(line(listed, 'bot@example.com'), new RegExp(`^${bot} .*yes`));
  const users = await call(server, 'GET', '/docket/v1/users');
  assert.deepEqual(users.json.results.map((user) => [String(user.id), user.email, user.archived]), [[ada, 'ada@example.com', false], [bot, 'bot@example.com', true]]);

  for (const text of [password, 'another password']) {
    assert.ok(!(listed + set.output + users.text + server.output).includes(text));
    for (const file of fs.readdirSync(data).filter((name) => fs.statSync(path.join(data, name)).size > 0)) {
      assert.ok(!fs.readFileSync(path.join(data, file)).includes(text), file);
    }
  }
});

it('every mistake is one line that says what is wrong, ends with 1, and changes nothing', async () => {
  const data = temporaryDirectory();

  await done('portal', 'create', 'First', '--data', data);
  await addUser(data, undefined, 'ada@example.com', '--no-password');
  const state = async () => [await done('app', 'list', '--data', data), await done('user', 'list', '--data', data)];
  const before = await state();
  const user = /^(\d+).*ada/m.exec(before[1])[1];
  for (const [told, args, input] of [
    [/name of an app/, ['app', 'create', ' ']],
    [/"Tickets!" is not the name of a scope/, ['app', 'create', 'x', '--scope', 'Tickets!']],
    [/"http:\/\/desk\.example\/" is not a valid redirect URL/, ['app', 'create', 'x', '--redirect-uri', 'http://desk.example/']],
    [/no portal 7/, ['app', 'create', 'x', '--portal', '7']],
    [/no portal 7/, ['app', 'list', '--portal', '7']],
    [/no app 999999999/, ['app', 'rotate', '999999999']],
    [/no app 999999999/, ['app', 'delete', '999999999']],
    [/optional scopes/, ['app', 'create', 'x', '--optional-scope', 'oauth']],
    [/"ada" is not an email address/, ['user', 'add', 'ada', '--no-password']],
    [/user Ada@Example\.com already/, ['user', 'add', 'Ada@Example.com', '--no-password']],
    [/10 to 200 characters/, ['user', 'add', 'eve@example.com'], 'too short\n'],
    [/10 to 200 characters/, ['user', 'add', 'eve@example.com']],
    [/no portal 7/, ['user', 'add', 'eve@example.com', '--no-password', '--portal', '7']],
    [/no portal 7/, ['user', 'list', '--portal', '7']],
    [/10 to 200 characters/, ['user', 'password', user], 'short\n'],
    [/no user 7/, ['user', 'password', '7'], 'long enough for a password\n'],
    [/no user 7/, ['user', 'archive', '7']],
    [/no portal 7/, ['portal', 'show', '7']],
    [/colour/, ['portal', 'set', '24000001', 'colour', 'red']],
  ]) {
    const ended = await docketReading(input, ...args, '--data', data);
    assert.deepEqual([ended.code, ended.stdout], [1, ''], `${args.join(' ')}: ${ended.output}`);
    assert.match(ended.stderr, /^docket: .*\n$/, 'one line');
    assert.match(ended.stderr, told);
  }

  assert.deepEqual(await state(), before);
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

  const { token } = await createApp(data, 'second', '--portal', portal);
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

it('the banner names all addresses, and a development token that others can use is warned of', async (t) => {
  const open = await serve(temporaryDirectory(), { urls: 'http://127.0.0.1:0;http://0.0.0.0:0' });
  t.after(() => open.stop());
  await printed(open, /on http:\/\/127\.0\.0\.1:\d+ and http:\/\/0\.0\.0\.0:\d+, data in/);
  await printed(open, /docket: The development token gives full access, also from other machines through http:\/\/0\.0\.0\.0:\d+\./);
  const here = await serve(temporaryDirectory());
  t.after(() => here.stop());
  await printed(here, /data in/);
  assert.doesNotMatch(here.output, /development token/);
});

it('a second Ctrl-C ends at once', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const request = http.request(server.url + UPSERT, {
    method: 'POST',
    headers: { authorization: 'Bearer test-token', 'content-type': 'application/json', 'content-length': 100, expect: '100-continue' },
  });
  request.on('error', () => {}); // it is cut off
  request.flushHeaders();
  await once(request, 'continue'); // It has to be waited for.
  server.child.kill('SIGINT');
  await printed(server, /Press Ctrl-C again to stop at once/);
  server.child.kill('SIGINT');
  const ended = await server.exited;
  assert.ok(ended.signal === 'SIGINT' || ended.code === 130, JSON.stringify(ended));
  assert.doesNotMatch(server.output, /Stopped/);
});

it('a backup beside a running server shows its progress at a terminal, and is restored into an empty directory', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  await createProperty(server, 'ext_id');
  assert.equal((await call(server, 'POST', UPSERT, body('backed-up'))).status, 200);
  const to = path.join(temporaryDirectory(), 'backup');
  const at = await run('script', ['-qec', `dotnet ${PROGRAM} backup ${to} --data ${data}`, '/dev/null']);
  assert.equal(at.code, 0, at.output);
  assert.match(at.output, /portal-24000001\.db \[#{40}\] 100/);
  assert.match(at.output, /is complete and verified\./);

  const restored = path.join(temporaryDirectory(), 'restored');
  assert.match(await done('restore', to, '--data', restored), /portal-24000001\.db: 1 changes/);
  const again = await serve(restored);
  t.after(() => again.stop());
  assert.equal((await call(again, 'GET', '/crm/v3/objects/tickets/backed-up?idProperty=ext_id')).status, 200);
  const twice = await docket('restore', to, '--data', restored);
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /^docket: .* is not empty\. A restore does not overwrite files\. .*\n$/);
});

it('a wrong command line is answered in one line, in plain words', async () => {
  for (const [told, ...args] of [
    ['"abc" is not a valid number for portal. See: docket portal show --help', 'portal', 'show', 'abc'],
    ['"-1" is not a valid number for portal. See: docket portal show --help', 'portal', 'show', '--', '-1'],
    ['"99999999999999999999" is not a valid number for id. See: docket app rotate --help', 'app', 'rotate', '99999999999999999999'],
    ['"ada" is not a valid number for id. See: docket user archive --help', 'user', 'archive', 'ada'],
    ['"x" is not a valid number for --portal. See: docket app list --help', 'app', 'list', '--portal', 'x'],
    ['"x" is not a valid number for --portal. See: docket index rebuild --help', 'index', 'rebuild', '--portal', 'x'],
    ['"x" is not a valid number for --grace-days. See: docket app rotate --help', 'app', 'rotate', '1', '--grace-days', 'x'],
    ['--grace-days is 0 to 7. See: docket app rotate --help', 'app', 'rotate', '1', '--grace-days', '8'],
    ['The name of a portal must have 1 to 200 characters. See: docket portal create --help', 'portal', 'create', ' '],
    ['Required argument missing for command: \'delete\'. See: docket app delete --help', 'app', 'delete'],
    ['Unrecognized command or argument \'--no-such-option\'. See: docket serve --help', 'serve', '--no-such-option'],
    ['The name of the data directory is empty. Use --data to specify one.', 'serve', '--data', '', '--urls', 'http://127.0.0.1:0'],
  ]) {
    assert.deepEqual(await docket(...args), { code: 1, signal: null, stdout: '', stderr: `docket: ${told}\n`, output: `docket: ${told}\n` });
  }

  for (const args of [[], ['no-such-command'], ['app'], ['app', 'creat']]) {
    const ended = await docket(...args);
    assert.equal(ended.code, 1, args.join(' '));
    assert.match(ended.output, /Usage:[^]*Commands:/, 'help, where there are commands to choose from');
    assert.doesNotMatch(ended.output, /^\s+at /m);
  }

  const help = await docket('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /serve/);
  const version = await docket('--version');
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+/);
});

it('only serve and portal create make a data directory', async () => {
  const data = path.join(temporaryDirectory(), 'typo');
  const commands = [
    ['portal', 'list'], ['portal', 'show', '1'], ['portal', 'set', '1', 'search-cap', 'on'], ['portal', 'rename', '1', 'x'], ['portal', 'delete', '1', '--yes'],
    ['app', 'create', 'x'], ['app', 'list'], ['app', 'show', '1'], ['app', 'rotate', '1'], ['app', 'delete', '1'],
    ['user', 'add', 'a@example.com', '--no-password'], ['user', 'list'], ['user', 'password', '1'], ['user', 'archive', '1'], ['index', 'rebuild'],
  ];
  for (const args of commands) {
    const ended = await docket(...args, '--data', data);
    assert.deepEqual([ended.code, ended.stderr], [1, `docket: The directory ${data} doesn't exist. Use --data to specify your data directory.\n`], args.join(' '));
    assert.ok(!fs.existsSync(data), args.join(' '));
  }

  fs.mkdirSync(data);
  const empty = await docket('portal', 'list', '--data', data);
  assert.deepEqual([empty.code, fs.readdirSync(data)], [1, []]);
  assert.match(empty.stderr, /^docket: There is no Docket data in .*docket portal create NAME\n$/);
  await done('portal', 'create', 'First', '--data', data);
  assert.match(await done('portal', 'list', '--data', data), /First/);
});

it('a failure that nothing foresaw is one sentence and 1; DOCKET_DEBUG=1 shows the rest', async () => {
  const data = temporaryDirectory();
  await done('portal', 'create', 'First', '--data', data);
  const command = (limit, debug) => run('bash', ['-c', `ulimit -n ${limit}; DOCKET_DEBUG=${debug} dotnet ${PROGRAM} portal list --data ${data}`]);
  const full = await command(40, 0);
  assert.deepEqual([full.code, full.output], [1, 'docket: No more files can be opened. Raise the limit on open files (ulimit -n), and try again.\n']);

  const copy = temporaryDirectory();
  fs.cpSync(path.dirname(PROGRAM), copy, { recursive: true });
  for (const file of fs.readdirSync(copy, { recursive: true }).filter((name) => /e_sqlite3\.(so|dylib|dll)$/.test(name) && !/provider/.test(name))) {
    fs.rmSync(path.join(copy, file));
  }

  const without = (debug) => run('bash', ['-c', `DOCKET_DEBUG=${debug} dotnet ${path.join(copy, path.basename(PROGRAM))} portal list --data ${data}`]);
  const missing = await without(0);
  assert.equal(missing.code, 1);
  assert.match(missing.output, /^docket: A part of Docket can't be loaded: .*e_sqlite3.* Reinstall Docket.*\n$/);
  assert.match((await without(1)).output, /^docket: A part[^]*DllNotFoundException[^]*^\s+at /m);

  const unwritable = await run('bash', ['-c', `dotnet ${PROGRAM} portal list --data ${data} > /dev/full`]);
  assert.deepEqual([unwritable.code, unwritable.output], [1, 'docket: No space left on device.\n']);
});

it('lists are printed as JSON too, in the shape of the API, and apps are shown', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const { id } = await createApp(data, 'desk', '--redirect-uri', 'https://desk.example/back', '--scope', 'tickets', 'tickets', '--optional-scope', 'automation');
  await addUser(data, undefined, 'ada@example.com', '--no-password');
  const json = async (...args) => JSON.parse(await done(...args, '--data', data, '--json'));
  assert.deepEqual(await json('app', 'list'), (await call(server, 'GET', '/docket/v1/apps')).json);
  assert.deepEqual(await json('user', 'list'), (await call(server, 'GET', '/docket/v1/users')).json);
  assert.deepEqual(await json('portal', 'show', '24000001'), (await call(server, 'GET', '/docket/v1/settings')).json);
  assert.deepEqual((await json('portal', 'list')).results.map((portal) => [portal.id, portal.name]), [[24000001, 'default']]);

  const shown = await json('app', 'show', id);
  assert.deepEqual(shown, (await call(server, 'GET', `/docket/v1/apps/${id}`)).json);
  assert.deepEqual([shown.portalId, shown.scopes, shown.optionalScopes, shown.warnings.length], [24000001, ['tickets'], ['automation'], 1]);
  const table = await docket('app', 'show', id, '--data', data);
  assert.match(table.stdout, /^id +\d+\n[^]*^client id +[0-9a-f-]{36}$/m);
  assert.match(table.stderr, /automation/);

  // The same by API: scopes when none are given, and a word about those that are unknown.
  const made = await call(server, 'POST', '/docket/v1/apps', { name: 'by API' });
  assert.deepEqual([made.status, made.json.scopes, made.json.warnings], [201, ['tickets'], undefined]);
  const { id: same } = await createApp(data, 'by command');
  assert.deepEqual((await json('app', 'show', same)).scopes, ['tickets']);
});

it('a portal is renamed, and deleted beside a running server, which closes it: its tokens end, its files go, its id is not given again', async (t) => {
  const data = temporaryDirectory();
  const server = await serve(data);
  t.after(() => server.stop());
  const created = await done('portal', 'create', 'Second', '--data', data);
  const portal = /Portal (\d+)/.exec(created)[1];
  const token = TOKEN_TEXT.exec(created)[0];
  assert.equal(await status(server, token), 200);
  await addUser(data, 'correct horse battery\n', 'ada@example.com', '--portal', portal);
  assert.match(await done('portal', 'rename', portal, 'Zweites', '--data', data), /Second.*Zweites/);
  assert.match(line(await done('portal', 'list', '--data', data), portal), /Zweites/);

  const stream = await fetch(`${server.url}/docket/v1/changes`, { headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' } });
  assert.equal(stream.status, 200);
  const unsure = await docketReading('', 'portal', 'delete', portal, '--data', data);
  assert.deepEqual([unsure.code, unsure.stdout], [1, '']);
  assert.match(unsure.stderr, /permanently deleted\. Use --yes to confirm\.\n$/);
  assert.equal(await status(server, token), 200);

  assert.match(await done('portal', 'delete', portal, '--yes', '--data', data), /Zweites/);
  assert.equal(await status(server, token), 401);
  await stream.text().catch(() => {}); // ends
  assert.deepEqual([await status(server), (await call(server, 'GET', '/readyz')).status], [200, 200]);
  for (let tries = 0; tries < 400 && openFiles(server.child.pid).some((file) => file.includes(portal)); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }

  assert.deepEqual(openFiles(server.child.pid).filter((file) => file.includes(portal)), []);
  assert.deepEqual(fs.readdirSync(data).filter((name) => name.includes(portal)), []);
  assert.doesNotMatch(await done('user', 'list', '--data', data), /ada/);
  assert.notEqual(/Portal (\d+)/.exec(await done('portal', 'create', 'Third', '--data', data))[1], portal);
  assert.doesNotMatch(server.output, /fail|warn/);
});

const openFiles = (pid) => fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
  try {
    return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ''; // closed by now
  }
});

it('a password is asked for twice at a terminal', async () => {
  const data = temporaryDirectory();
  await done('portal', 'create', 'First', '--data', data);
  const echoes = (script) => {
    const [shell] = fs.readFileSync(`/proc/${script}/task/${script}/children`, 'utf8').trim().split(' ');
    return !/ -echo /.test(execFileSync('stty', ['-F', fs.readlinkSync(`/proc/${shell}/fd/0`), '-a'], { encoding: 'utf8' }));
  };
  // script gives the command a terminal, and types what it reads: each answer once it was asked for.
  const typed = async (...answers) => {
    const child = spawn('script', ['-qec', `dotnet ${PROGRAM} user add ada@example.com --data ${data}`, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    const ended = once(child, 'close');
    for (const answer of answers) {
      // No person types in the moment between the question and the start of its reading, which switches the echo off.
      while (!(/: $/.test(output) && !echoes(child.pid))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      output += '\n'; // answered
      child.stdin.write(`${answer}\r`);
    }
    await ended;
    return output;
  };
  const differ = await typed('correct horse battery', 'correct horse bakery');
  assert.match(differ, /The passwords don't match\. Nothing was changed\./);
  assert.doesNotMatch(differ, /horse/);
  assert.doesNotMatch(await done('user', 'list', '--data', data), /ada/);
  assert.match(await typed('correct horse battery', 'correct horse battery'), /User \d+/);
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

  await done('portal', 'create', 'Second', '--data', data); // no one has called it yet
  assert.match(await done('index', 'rebuild', '--data', data), /24000001: built\nPortal 24000002: not in use; its index will be rebuilt when it is next used/);

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

it('health says whether a server is ready, waits for one that starts, and fails with the reason', async (t) => {
  const server = await serve(temporaryDirectory());
  t.after(() => server.stop());
  assert.deepEqual(JSON.parse(await done('health', '--url', server.url)), { status: 'ready' });

  const port = new URL(server.url).port;
  await server.stop();
  const gone = await docket('health', '--url', server.url);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, new RegExp(`^docket: ${server.url} can't be reached: .*\\n$`));

  assert.match((await docket('health', '--url', 'localhost:8787')).stderr, /^docket: "localhost:8787" is not a valid address\. Use one such as http:\/\/127\.0\.0\.1:8787\.\n$/);

  const waiting = docket('health', '--url', server.url, '--wait', '60');
  const again = await serve(temporaryDirectory(), { urls: `http://127.0.0.1:${port}` });
  t.after(() => again.stop());
  assert.equal((await waiting).code, 0, (await waiting).output);
});

it('health fails with the server’s words if a portal can’t be used', async (t) => {
  const data = temporaryDirectory();
  const first = await serve(data);
  await first.stop();
  fs.writeFileSync(path.join(data, fs.readdirSync(data).find((name) => /^portal-\d+\.db$/.test(name))), '');
  const server = await serve(data);
  t.after(() => server.stop());
  const unready = await docket('health', '--url', server.url);
  assert.equal(unready.code, 1);
  assert.match(unready.stderr, /is not ready: 503 \{"status":"unready",.*"state":"missing"/);
});
