// Measures how long programs take from their start to the first answer of the API, in turns, so that whatever else the machine does
// affects all of them alike: node packaging/starts.mjs [--rounds N] 'COMMAND' … (such as 'dotnet docket.dll'; `serve` is added)
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const given = process.argv.slice(2);
const rounds = given[0] === '--rounds' ? Number(given.splice(0, 2)[1]) : 20;
const programs = given.map((command) => ({ command, data: mkdtempSync(join(tmpdir(), 'docket-starts-')), times: [], processor: [] }));

// The processor time of a process so far, in milliseconds; only Linux tells. The system counts in hundredths of a second.
function processorTime(id) {
  const stat = `/proc/${id}/stat`;
  const fields = existsSync(stat) ? readFileSync(stat, 'utf8').replace(/^.*\) /s, '').split(' ') : [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

// The milliseconds from the start of the process to the last byte of an answer with the portal's records, and of processor time.
async function start({ command, data }) {
  const [program, ...args] = command.split(' ');
  const began = performance.now();
  const child = spawn(program, [...args, 'serve', '--data', data, '--urls', 'http://127.0.0.1:0', '--token', 'test'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const url = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => reject(new Error(`${command} ended before it listened`)));
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      const address = /http:\/\/127\.0\.0\.1:\d+(?=[ ,])/.exec(printed);
      if (address) {
        resolve(address[0]);
      }
    });
  });
  const status = await new Promise((resolve, reject) => {
    get(`${url}/crm/v3/objects/tickets`, { headers: { authorization: 'Bearer test' }, agent: new Agent() }, (answer) =>
      answer.resume().on('end', () => resolve(answer.statusCode))).on('error', reject);
  });
  const took = performance.now() - began;
  const worked = processorTime(child.pid);
  child.kill();
  await ended;
  if (status !== 200) {
    throw new Error(`${command} answered ${status}`);
  }

  return [took, worked];
}

try {
  for (let round = -1; round < rounds; round++) { // the first one makes the data, and fills the system's caches
    for (const program of programs) {
      const [took, worked] = await start(program);
      if (round >= 0) {
        program.times.push(took);
        program.processor.push(worked);
      }
    }
  }
} finally {
  programs.forEach(({ data }) => rmSync(data, { recursive: true, force: true }));
}

const at = (times, share) => `${Math.round(times.sort((a, b) => a - b)[Math.floor((times.length - 1) * share)])}`.padStart(9);
console.log('  fastest   median  slowest  processor (median)');
programs.forEach(({ command, times, processor }) => console.log(`${at(times, 0)}${at(times, 0.5)}${at(times, 1)}${at(processor, 0.5)}  ${command}`));
