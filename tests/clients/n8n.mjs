// n8n's HubSpot node, unmodified. Its package has no dependencies that a lock file could leave out, and needs 176 MB without them, so only
// the files of this node are taken from the package, whose checksum is fixed here.
//
// Real: the node with its descriptions, pickers, paging and errors, and n8n-workflow with the classes that it extends. The lock file has an
// empty package in place of what n8n-workflow names but never loads for a node: telemetry, native code, an editor.
// Ours, in n8n.test.mjs: the host, which gives the node its parameters and sends its requests.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '2.41.2';
const INTEGRITY = 'sha512-qUItyawxR1aR/t6Fgk0whYwBSDR+VOu5RkgAI3AElVI3dqPLLcCAawAMFc/N3GFG35//quOVRUwuc7a3mVLC0g==';
const FILES = ['package/package.json', 'package/dist/nodes/Hubspot', 'package/dist/utils/utilities.js'];

// Below node_modules, so that the node finds the packages there.
const home = fileURLToPath(new URL('./node_modules/.n8n/', import.meta.url));

function run(directory, command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: directory, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  }

  return stdout.trim();
}

// Complete or not at all, also if several tests want it at once.
function fetchPackage() {
  mkdirSync(home, { recursive: true });
  const directory = mkdtempSync(join(home, 'new-'));
  const archive = join(directory, run(directory, 'npm', 'pack', `n8n-nodes-base@${VERSION}`, '--silent', '--ignore-scripts'));
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (integrity !== INTEGRITY) {
    throw new Error(`n8n-nodes-base ${VERSION} has the checksum ${integrity}`);
  }

  run(directory, 'tar', '-xzf', archive, ...FILES);
  if (!existsSync(join(home, VERSION))) {
    renameSync(join(directory, 'package'), join(home, VERSION));
  }

  rmSync(directory, { recursive: true });
}

/** The class of the node, fetched if it isn't there yet. */
export function hubSpotNode() {
  if (!existsSync(join(home, VERSION))) {
    fetchPackage();
  }

  return createRequire(import.meta.url)(join(home, VERSION, 'dist/nodes/Hubspot/Hubspot.node.js')).Hubspot;
}
