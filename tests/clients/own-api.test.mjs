// The page of Docket's own API, with a browser: it needs scripts, and takes all of them from the server.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { chromium } from 'playwright-core';
import { pictures, program, skip } from './browser.mjs';
import { serve, temporaryDirectory, TOKEN } from './docket.mjs';

let server;
let browser;

before(async () => {
  if (!skip) {
    mkdirSync(pictures, { recursive: true });
    server = await serve(temporaryDirectory());
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

it("shows Docket's own API and tries it out, with nothing from other servers", { skip }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('request', (request) => request.url().startsWith(server.url) || complaints.push(request.url()));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text())); // what the policy forbids is told there
  page.on('pageerror', (error) => complaints.push(String(error)));

  await page.goto(`${server.url}/docket/v1#tag/jobs/GET/docket/v1/jobs`);
  await page.getByRole('heading', { name: 'Lists jobs, newest first' }).waitFor();
  await page.screenshot({ path: `${pictures}own-api.png` });
  await page.getByPlaceholder('Token').first().fill(TOKEN);
  await page.getByRole('button', { name: /Test Request/ }).first().click();
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname.startsWith('/docket/v1/') && response.request().headers().authorization === `Bearer ${TOKEN}`);
  await page.getByRole('button', { name: /^Send/ }).first().click();
  assert.equal((await answered).headers()['content-type'], 'application/json;charset=utf-8');
  assert.deepEqual(complaints, []);
});
