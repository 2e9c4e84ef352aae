// Runs the docket command as a process of its own, the way people do.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOKEN = 'test-token';

const bin = fileURLToPath(new URL('../../src/Docket.Cli/bin/Release/net10.0/', import.meta.url));

// The program is the assembly with a runtime configuration; the newest, in case it once had another name.
function program() {
  const found = existsSync(bin) ? readdirSync(bin).filter((name) => name.endsWith('.runtimeconfig.json')) : [];
  if (found.length === 0) {
    throw new Error(`There is no program in ${bin}: dotnet build --configuration Release`);
  }

  const newest = found.sort((a, b) => statSync(join(bin, b)).mtimeMs - statSync(join(bin, a)).mtimeMs)[0];
  return join(bin, newest.replace('.runtimeconfig.json', '.dll'));
}

/** The path of the docket command. */
export const PROGRAM = program();

const temporary = [];
process.on('exit', () => temporary.forEach((directory) => rmSync(directory, { recursive: true, force: true })));

/** Makes a directory that is gone when this process is, by when every server has let go of it. */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'docket-clients-'));
  temporary.push(directory);
  return directory;
}

// With DOCKET_TEST_ENGINE=postgres, a schema of the server in DOCKET_TEST_POSTGRES takes the place of each data directory.
function environment(args) {
  const data = args[args.indexOf('--data') + 1];
  return process.env.DOCKET_TEST_ENGINE === 'postgres' && args.includes('--data')
    ? { ...process.env, DOCKET_STORE: `${process.env.DOCKET_TEST_POSTGRES};Search Path=data_${createHash('sha256').update(data).digest('hex').slice(0, 32)}` }
    : process.env;
}

/** Runs a command to its end, which has to come within a minute: { code, signal, stdout, stderr, output }. */
export function run(command, args, { input, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], env: { ...environment(args), ...env }, timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, output: stdout + stderr }));
    if (input !== undefined) {
      child.stdin.on('error', () => {}); // A server that answers before it has read everything closes its end.
      child.stdin.end(input);
    }
  });
}

/** Runs `docket …` to its end. */
export const docket = (...args) => docketReading(undefined, ...args);

/** Runs `docket …` to its end, with a text to read from its standard input. */
export const docketReading = (input, ...args) => run('dotnet', [PROGRAM, ...args], { input });

/** Starts `docket serve` on a free port and waits until it tells its address. */
export async function serve(data, { token = TOKEN, urls = 'http://127.0.0.1:0', args = [], program = ['dotnet', PROGRAM], env } = {}) {
  const options = ['serve', '--data', data, '--urls', urls, ...(token ? ['--token', token] : []), ...args];
  const child = spawn(program[0], [...program.slice(1), ...options], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment(options), ...env } });
  const server = { child, output: '', url: undefined };
  server.exited = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  server.stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const ended = await server.exited;
    clearTimeout(late);
    return ended;
  };
  const started = new Promise((resolve) => {
    const listen = (text) => {
      server.output += text;
      const address = server.output.match(/http:\/\/127\.0\.0\.1:([1-9]\d*)/);
      if (address && !server.url) {
        server.url = address[0];
        resolve();
      }
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
  });
  await Promise.race([
    started,
    server.exited.then(({ code, signal }) => {
      throw new Error(`docket serve ended before it listened (code ${code}, signal ${signal}):\n${server.output}`);
    }),
  ]);
  return server;
}

/** Calls the server with fetch: { status, headers, text, json }. */
export async function call(server, method, path, body, { token = TOKEN } = {}) {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}

/** Makes a text property, a unique one unless told otherwise. */
export async function createProperty(server, name, more = {}) {
  const definition = { name, label: name, type: 'string', fieldType: 'text', groupName: 'ticketinformation', hasUniqueValue: true, ...more };
  const answer = await call(server, 'POST', '/crm/v3/properties/tickets', definition);
  if (answer.status !== 201) {
    throw new Error(`creating the property ${name} gave ${answer.status}: ${answer.text}`);
  }
}
