// curl, as in the README and as in somebody's shell script.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createProperty, run, serve, temporaryDirectory, TOKEN } from './docket.mjs';

const UPSERT = '/crm/v3/objects/tickets/batch/upsert';

describe('curl', () => {
  let server;

  before(async () => {
    server = await serve(temporaryDirectory());
    await createProperty(server, 'ext_id');
  });

  after(() => server?.stop());

  // Calls the server with its token: { status, version, headers, text, json }. Interim answers (100 Continue) are left out.
  async function curl(path, ...args) {
    const options = typeof args.at(-1) === 'object' ? args.pop() : {};
    const ended = await run('curl', ['-sS', '-i', '--max-time', '30', '-H', `Authorization: Bearer ${TOKEN}`, ...args, server.url + path], options);
    assert.equal(ended.code, 0, ended.stderr);
    const interim = /^HTTP\/1\.1 100 [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/.exec(ended.stdout);
    const answer = interim ? ended.stdout.slice(interim[0].length) : ended.stdout;
    const split = answer.indexOf('\r\n\r\n');
    const [first, ...lines] = answer.slice(0, split).split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const text = answer.slice(split + 4);
    return { status: Number(first.split(' ')[1]), version: first.split(' ')[0], continued: interim !== null, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  }

  const json = ['-H', 'Content-Type: application/json'];
  const upsert = (...inputs) => JSON.stringify({ inputs });
  const ticket = (id) => ({ id, idProperty: 'ext_id', properties: { subject: `Ticket ${id}`, hs_pipeline_stage: '1' } });

  it('upserts with the line that the README shows', async () => {
    const answer = await curl(UPSERT, ...json, '-d', '{"inputs":[{"idProperty":"ext_id","id":"A-1001","properties":{"subject":"Printer on fire","hs_pipeline_stage":"1"}}]}');
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.results[0].new, true);
    assert.equal(answer.json.results[0].properties.subject, 'Printer on fire');
    assert.equal(answer.headers['content-type'], 'application/json;charset=utf-8');
    assert.match(answer.headers['x-hubspot-correlation-id'], /^[0-9a-f-]{36}$/);
  });

  it('takes a body without a content type and UTF-8 of all sorts', async () => {
    const subject = 'Größe – 漢字 – 🎫 – "quoted" – <b>&amp;</b> – \\ – \u2028';
    const body = upsert({ id: 'ünï-ö', idProperty: 'ext_id', properties: { subject, hs_pipeline_stage: '1' } });
    const written = await curl('/crm/v3/objects/tickets/batch/upsert', '-H', 'Content-Type:', '--data-binary', '@-', { input: body });
    assert.equal(written.status, 200, written.text);
    assert.equal(written.json.results[0].properties.subject, subject);
    assert.ok(written.text.includes('漢字 – 🎫'), 'not escaped');
    const read = await curl(`/crm/v3/objects/tickets/${encodeURIComponent('ünï-ö')}?idProperty=ext_id&properties=ext_id`);
    assert.equal(read.json.properties.ext_id, 'ünï-ö');
  });

  it('is told where the JSON is wrong', async () => {
    const broken = await curl(UPSERT, ...json, '--data-binary', '@-', { input: '{"inputs": [\n  {"id": "x",\n   oops}]}' });
    assert.equal(broken.status, 400);
    assert.ok(broken.json.message.startsWith('Invalid input JSON on line 3, column '), broken.json.message);
    assert.equal(broken.json.status, 'error');
    assert.equal(broken.json.category, undefined);

    const notUtf8 = await curl(UPSERT, ...json, '--data-binary', '@-', { input: Buffer.from('{"inputs":[{"id":"\xff"}]}', 'latin1') });
    assert.equal(notUtf8.status, 400);
    assert.ok(notUtf8.json.message.startsWith('Invalid input JSON on line 1, column '), notUtf8.json.message);

    const empty = await curl(UPSERT, ...json, '-d', '');
    assert.equal(empty.status, 400);
    assert.ok(empty.json.message.startsWith('Invalid input JSON on line 1, column 0'), empty.json.message);

    for (const body of ['null', '[]', '"text"', '42', '{"inputs":{}}', '{"inputs":[null]}', '{"inputs":[[]]}', '{"inputs":["x"]}', '{"inputs":[]} trailing', '{"inputs":[{"id":"x","properties":[]}]}']) {
      const refused = await curl(UPSERT, ...json, '-d', body);
      assert.equal(refused.status, 400, `${body} gave ${refused.status}: ${refused.text}`);
      assert.equal(refused.json?.status, 'error', body);
    }
  });

  it('is told the limit on inputs', async () => {
    const answer = await curl(UPSERT, ...json, '--data-binary', '@-', { input: upsert(...Array.from({ length: 101 }, (_, i) => ticket(`many-${i}`))) });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.message, 'The maximum number of inputs supported in a batch is 100. Please reduce the number of items and try again');
    assert.equal(answer.json.category, 'VALIDATION_ERROR');
  });

  it('gets 415, 405 and 404 as JSON', async () => {
    const form = await curl(UPSERT, '-d', upsert(ticket('form')));
    assert.equal(form.status, 415, 'curl -d alone says application/x-www-form-urlencoded');
    assert.equal(form.json.message, 'Unsupported Media Type');

    const wrongMethod = await curl(UPSERT, '-X', 'PUT', ...json, '-d', upsert(ticket('put')));
    assert.equal(wrongMethod.status, 405);
    assert.equal(wrongMethod.headers.allow, 'POST, OPTIONS');
    assert.equal(wrongMethod.json.status, 'error');

    const unknown = await curl('/crm/v3/no/such/route');
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json.status, 'error');
    assert.equal(unknown.json.correlationId, unknown.headers['x-hubspot-correlation-id']);
  });

  it('gets 413 for a body that says it is too large, without having to send it', async () => {
    const answer = await curl(UPSERT, ...json, '-H', 'Content-Length: 67108865', '-H', 'Expect: 100-continue', '--expect100-timeout', '20', '--data-binary', '@-', { input: '{' });
    assert.equal(answer.status, 413);
    assert.equal(answer.continued, false);
  });

  it('may ask before it sends a body', async () => {
    const answer = await curl(UPSERT, ...json, '-H', 'Expect: 100-continue', '--expect100-timeout', '20', '-d', upsert(ticket('expect')));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.continued, true);
  });

  it('may speak HTTP/1.0, and send chunks', async () => {
    const old = await curl(UPSERT, '--http1.0', ...json, '-d', upsert(ticket('old')));
    assert.equal(old.status, 200, old.text);
    assert.equal(old.json.results[0].new, true);
    const chunked = await curl(UPSERT, ...json, '-H', 'Transfer-Encoding: chunked', '-d', upsert(ticket('chunked')));
    assert.equal(chunked.status, 200, chunked.text);
    assert.equal(chunked.json.results[0].new, true);
  });

  it('is told to bring a token', async () => {
    const answer = await run('curl', ['-sS', '-w', '\n%{http_code}', ...json, '-d', upsert(ticket('anonymous')), server.url + UPSERT]);
    const [body, status] = answer.stdout.split('\n');
    assert.equal(status, '401');
    assert.equal(JSON.parse(body).category, 'INVALID_AUTHENTICATION');
    assert.ok(JSON.parse(body).message.startsWith('Authentication credentials not found.'));
  });
});
