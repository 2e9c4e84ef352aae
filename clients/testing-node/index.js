// Starts Docket for tests, and gives each test a portal of its own. See docs/testing.md.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const START_MS = 30_000;
const LOOK_MS = 10;
const DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** What Docket refused, or an expectation that was not met. The message says why. */
export class DocketError extends Error {
  constructor(status, answer) {
    super([answer?.message ?? `Docket answered ${status}.`, ...(answer?.errors ?? []).map((error) => error.message)].join('\n  '));
    this.name = 'DocketError';
    this.status = status;
    this.answer = answer;
  }
}

/** Starts a server that keeps everything in memory and ends with this process; or uses the one at `url`, also from `DOCKET_URL`. */
export async function startDocket({ binary = process.env.DOCKET_BINARY || 'docket', url = process.env.DOCKET_URL, token = process.env.DOCKET_TOKEN || 'test', args = [] } = {}) {
  if (url) {
    return new Docket(url, token);
  }

  const file = join(tmpdir(), `docket-${randomUUID()}.address`);
  const [command, ...first] = binary.endsWith('.dll') ? ['dotnet', binary] : [binary];
  const child = spawn(command, [...first, 'serve', '--ephemeral', '--urls', 'http://127.0.0.1:0', '--token', token, '--exit-with-parent', '--address-file', file, ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints = (complaints + text).slice(-10_000)));
  const looking = new AbortController();
  try {
    const address = await Promise.race([addressIn(file, looking.signal), ended.then((code) => Promise.reject(new Error(`docket serve ended with ${code}: ${complaints}`)))]);
    // Tests that don't call stop() can end: the server ends with them.
    child.unref();
    child.stderr.unref();
    return new Docket(address, token, async () => {
      child.ref();
      child.kill();
      await ended;
    });
  } catch (failure) {
    looking.abort();
    child.kill();
    throw failure.code !== 'ENOENT' ? failure
      : new Error(`"${command}" was not found. Install Docket, set DOCKET_BINARY to the path of its program, or set DOCKET_URL to the address of a server that runs.`);
  }
}

async function addressIn(file, signal) {
  for (let waited = 0; waited < START_MS; waited += LOOK_MS) {
    const address = await readFile(file, 'utf8').catch(() => undefined);
    if (address) {
      return address.trim();
    }

    await wait(LOOK_MS, undefined, { signal });
  }

  throw new Error(`docket serve was not ready after ${START_MS / 1000} seconds.`);
}

/** A running server. */
class Docket {
  #stop;

  constructor(url, token, stop = async () => {}) {
    this.url = url.replace(/\/$/, '');
    this.token = token;
    this.#stop = stop;
  }

  /** Creates an empty portal, or one from a snapshot or with a seed. */
  async newPortal(options = {}) {
    return new Portal(this, await call(this, 'POST', '/docket/v1/portals', options));
  }

  /** Ends the server, if `startDocket` started it. */
  async stop() {
    await this.#stop();
  }

  [DISPOSE]() {
    return this.stop();
  }
}

/** A portal: records, properties, pipelines, limits, clock and faults of one test. */
class Portal {
  #docket;

  constructor(docket, { portalId, token, name }) {
    this.#docket = docket;
    this.url = docket.url;
    this.token = token;
    this.portalId = portalId;
    this.name = name;
    const own = (method, path, body) => call(this, method, `/docket/v1/${path}`, body);
    this.clock = {
      read: () => own('GET', 'clock'),
      set: (now, { frozen } = {}) => own('PUT', 'clock', { now: new Date(now).toISOString(), frozen }),
      advance: (by) => own('PUT', 'clock', { advance: String(by) }),
      freeze: () => own('PUT', 'clock', { frozen: true }),
      reset: () => own('DELETE', 'clock'),
    };
    this.faults = {
      add: async (rule) => (await own('POST', 'faults', rule)).results[0],
      preset: async (name, seed) => (await own('POST', 'faults', { preset: name, seed })).results,
      list: async () => (await own('GET', 'faults')).results,
      clear: () => own('DELETE', 'faults'),
    };
    this.requests = {
      list: async (query = {}) => (await own('GET', `requests?${new URLSearchParams(query)}`)).results,
      expect: async (match, times) => (await own('POST', 'requests/expect', { match, times })).results,
      clear: () => own('DELETE', 'requests'),
    };
  }

  /** Calls the portal with its token: `fetch` with a path in place of the address. */
  fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    headers.has('authorization') || headers.set('authorization', `Bearer ${this.token}`);
    return fetch(this.url + path, { ...init, headers });
  }

  /** Calls the portal with JSON and returns the answer's. Throws a DocketError if it is an error. */
  call(method, path, body) {
    return call(this, method, path, body);
  }

  /** Keeps the state of the portal, for `rewind` and for new portals. */
  snapshot(name) {
    return call(this, 'POST', '/docket/v1/snapshots', { name });
  }

  /** Returns to a snapshot, or to the state in which the portal was created. */
  async rewind(snapshot) {
    await call(this, 'POST', '/docket/v1/rewind', snapshot === undefined ? undefined : { snapshot: snapshot.id ?? snapshot });
  }

  /** Adds the content of a seed file, and returns the ids of the records that have names. */
  async seed(content) {
    return (await call(this, 'POST', '/docket/v1/seed', content)).records;
  }

  /** Deletes the portal with everything in it. */
  async delete() {
    await call(this.#docket, 'DELETE', `/docket/v1/portals/${this.portalId}`);
  }

  [DISPOSE]() {
    return this.delete();
  }
}

async function call({ url, token }, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').startsWith('application/json');
  const answer = text && isJson ? JSON.parse(text) : undefined;
  if (!response.ok) {
    throw new DocketError(response.status, answer);
  }

  return answer;
}
