// What people install, as ./package builds it: each from nothing to a call, without the folder in which it was built.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { call, run, serve, temporaryDirectory } from './docket.mjs';

// They are about files, whatever the engine of the other tests.
delete process.env.DOCKET_TEST_ENGINE;

const packages = fileURLToPath(new URL('../../artifacts/packages/', import.meta.url));
const built = existsSync(packages) ? readdirSync(packages) : [];
const tool = built.find((name) => /^docket\..*\.nupkg$/.test(name));
const system = `${{ darwin: 'osx', win32: 'win' }[process.platform] ?? process.platform}-${process.arch}`;
const file = built.find((name) => name === `docket-${system}` || name === `docket-${system}.exe`);
const native = built.find((name) => name === `docket-native-${system}.tar.gz`);

// The program serves, answers, says how it is, and stops; a command that fails says why.
async function serves(t, program, env) {
  const version = await run(program, ['--version'], { env });
  assert.match(version.stdout, /^\d+\.\d+\.\d+/, version.output);

  const server = await serve(temporaryDirectory(), { program: [program], env });
  t.after(() => server.stop());
  const upsert = { inputs: [{ idProperty: 'hs_external_object_ids', id: 'A-1', properties: { subject: 'Printer on fire', hs_pipeline_stage: '1' } }] };
  const { json } = await call(server, 'POST', '/crm/v3/objects/tickets/batch/upsert', upsert);
  assert.equal(json.results[0].new, true, JSON.stringify(json));
  assert.equal((await call(server, 'POST', '/crm/v3/objects/tickets/search', { query: 'fire' })).json.total, 1);
  assert.equal((await call(server, 'GET', '/healthz')).json.version, version.stdout.split('+')[0]);

  const health = await run(program, ['health', '--url', server.url], { env });
  assert.equal(health.code, 0, health.output);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });

  const failed = await run(program, ['serve', '--data', join(program, 'data')], { env }); // below a file
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^docket: [^\n]+\n$/);
}

it('the .NET tool is installed from its package, and serves', { skip: tool ? false : './package tool' }, async (t) => {
  const directory = temporaryDirectory();
  const installed = await run('dotnet', ['tool', 'install', 'docket', '--source', packages, '--tool-path', directory], { env: { DOTNET_CLI_HOME: homedir() } });
  assert.equal(installed.code, 0, installed.output);
  await serves(t, join(directory, process.platform === 'win32' ? 'docket.exe' : 'docket'), {});
});

it('the file for this system serves without .NET', { skip: file ? false : `./package ${system}` }, async (t) => {
  await serves(t, join(packages, file), { DOTNET_ROOT: '/nonexistent', DOTNET_BUNDLE_EXTRACT_BASE_DIR: temporaryDirectory() });
});

// It takes minutes to build, so ./check doesn't. Its OpenAPI document was made by another program.
it('the program of native code serves', { skip: native ? false : './package native' }, async (t) => {
  const directory = temporaryDirectory();
  const unpacked = await run('tar', ['--extract', '--gzip', '--file', join(packages, native), '--directory', directory]);
  assert.equal(unpacked.code, 0, unpacked.output);
  const program = join(directory, 'docket');
  await serves(t, program, {});
  const server = await serve(temporaryDirectory(), { program: [program], args: ['--test-kit'] });
  t.after(() => server.stop());
  assert.ok((await call(server, 'GET', '/docket/v1/openapi.json')).json.paths['/docket/v1/portals']);
});

it('the systemd unit is valid, and lets the service do little', { skip: existsSync('/usr/bin/systemd-analyze') ? false : "Debian's systemd" }, async () => {
  const unit = join(temporaryDirectory(), 'docket.service');
  // The program is not where it will be.
  writeFileSync(unit, readFileSync(new URL('../../packaging/docket.service', import.meta.url), 'utf8').replace('/usr/local/bin/docket', process.execPath));
  const verified = await run('systemd-analyze', ['verify', '--man=no', unit]);
  assert.deepEqual([verified.code, verified.output], [0, '']);
  const secure = await run('systemd-analyze', ['security', '--offline=true', '--threshold=15', '--no-pager', unit]); // 1.5 of 10
  assert.equal(secure.code, 0, secure.output);
});
