// Allowing an OAuth app: with HubSpot's own client, and with a browser in which a person would do it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Client } from '@hubspot/api-client';
import { chromium } from 'playwright-core';
import { pictures, program, skip } from './browser.mjs';
import { call, serve, temporaryDirectory } from './docket.mjs';

describe('OAuth', () => {
  let server;
  let back; // the app's own server, where users come back to
  let redirectUri;
  let arrivals;
  let app;
  let user;

  before(async () => {
    server = await serve(temporaryDirectory());
    back = createServer((request, response) => {
      if (request.url.startsWith('/back')) {
        arrivals.push({ query: new URL(request.url, redirectUri).searchParams, referer: request.headers.referer });
      }

      response.setHeader('content-type', 'text/html').end('<h1>Back at the app</h1>');
    });
    await new Promise((listening) => back.listen(0, '127.0.0.1', listening));
    redirectUri = `http://127.0.0.1:${back.address().port}/back`;
    app = await made('/docket/v1/apps', { name: 'Ticket Sync', scopes: ['tickets'], optionalScopes: ['crm.objects.owners.read', 'contacts'], redirectUris: [redirectUri] });
    user = await made('/docket/v1/users', { email: 'ann@example.com', firstName: 'Ann', password: 'correct horse' });
  });

  after(async () => {
    back?.closeAllConnections();
    back?.close();
    await server?.stop();
  });

  async function made(path, body) {
    const answer = await call(server, 'POST', path, body);
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  }

  // The client's address is HubSpot's, like that of its API; its query is what counts.
  const authorizationUrl = (scope = 'tickets oauth', optionalScope = 'crm.objects.owners.read contacts', state = 'a b&c') => {
    const url = new URL(new Client().oauth.getAuthorizationUrl(app.clientId, redirectUri, scope, optionalScope, state));
    return server.url + url.pathname + url.search;
  };

  it('works with the official client, from the code to the end of the refresh token', async () => {
    assert.equal((await call(server, 'PATCH', '/docket/v1/settings', { 'oauth-auto-approve': 'on' })).status, 200);
    const arrived = await fetch(authorizationUrl(), { redirect: 'manual' });
    assert.equal((await call(server, 'PATCH', '/docket/v1/settings', { 'oauth-auto-approve': 'off' })).status, 200);
    assert.equal(arrived.status, 302);
    const answer = new URL(arrived.headers.get('location')).searchParams;
    assert.equal(answer.get('state'), 'a b&c');

    const client = new Client({ basePath: server.url });
    const tokens = await client.oauth.tokensApi.create('authorization_code', answer.get('code'), redirectUri, app.clientId, app.clientSecret);
    assert.equal(tokens.expiresIn, 1800);
    assert.equal(tokens.tokenType, 'bearer');
    client.setAccessToken(tokens.accessToken);
    const ticket = await client.crm.tickets.basicApi.create({ properties: { subject: 'by the app', hs_pipeline_stage: '1' } });
    const read = await client.crm.tickets.basicApi.getById(ticket.id, undefined, ['subject']);
    assert.equal(read.propertiesWithHistory.subject[0].sourceId, String(app.id));

    const refreshed = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, app.clientId, app.clientSecret, tokens.refreshToken);
    assert.equal(refreshed.refreshToken, tokens.refreshToken);
    assert.notEqual(refreshed.accessToken, tokens.accessToken);
    const access = await client.oauth.accessTokensApi.get(refreshed.accessToken);
    assert.deepEqual([access.user, access.hubId, access.appId, access.userId, access.scopes], ['ann@example.com', tokens.hubId ?? access.hubId, app.id, user.id, ['tickets', 'oauth', 'crm.objects.owners.read', 'contacts']]);
    assert.equal((await client.oauth.refreshTokensApi.get(tokens.refreshToken)).clientId, app.clientId);

    await client.oauth.refreshTokensApi.archive(tokens.refreshToken);
    const failed = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, app.clientId, app.clientSecret, tokens.refreshToken).then(
      () => assert.fail('the refresh token has ended'),
      (thrown) => thrown,
    );
    assert.equal(failed.code, 400);
    assert.match(JSON.stringify(failed.body), /BAD_REFRESH_TOKEN/);
  });

  describe('in a browser', { skip }, () => {
    let browser;

    before(async () => {
      mkdirSync(pictures, { recursive: true });
      browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] }); // its own pages only, and as root there is no sandbox
    });

    after(() => browser?.close());

    // Without scripts: the pages need none.
    async function open(width, visit, colorScheme = 'light') {
      arrivals = [];
      const context = await browser.newContext({ viewport: { width, height: 740 }, javaScriptEnabled: false, colorScheme });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(20_000);
        await visit(page, (name) => page.screenshot({ path: `${pictures}oauth-${name}-${width}-${colorScheme}.png`, fullPage: true }));
      } finally {
        await context.close();
      }
    }

    async function fits(page, width) {
      const box = await page.getByRole('main').boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= width, `the page is wider than the screen: ${JSON.stringify(box)}`);
      for (const button of await page.locator('.buttons > button:not(.plain)').all()) {
        assert.ok((await button.boundingBox()).height >= 44, 'a button is too small for a finger, or the style was not let in');
      }
    }

    for (const [width, colors] of [[375, 'light'], [1000, 'light'], [375, 'dark'], [1000, 'dark']]) {
      it(`a person signs in, allows the app, comes back, and ends it, ${width} wide, ${colors}`, () =>
        open(width, async (page, picture) => {
          const email = `bea-${width}-${colors}@example.com`; // an address has five attempts a minute
          await made('/docket/v1/users', { email, firstName: 'Bea', password: 'correct horse' });
          await page.goto(authorizationUrl());
          assert.equal(await page.title(), 'Sign in – Docket');
          assert.equal(await page.getByRole('banner').textContent(), `Docket at ${new URL(server.url).host}`);
          await fits(page, width);
          await picture('1-sign-in');
          await page.getByLabel('Email address').fill(email);
          await page.getByLabel('Password').fill('wrong horse');
          await page.keyboard.press('Enter');
          assert.match(await page.getByRole('alert').textContent(), /This email address and password don't match/);
          assert.equal(await page.getByLabel('Password').getAttribute('aria-describedby'), await page.getByRole('alert').getAttribute('id'));
          assert.equal(await page.getByLabel('Email address').inputValue(), email);
          await fits(page, width);
          await picture('2-wrong-password');
          await page.getByLabel('Password').fill('correct horse');
          await page.getByRole('button', { name: 'Sign in' }).click();
          await page.getByRole('heading', { level: 1, name: 'Allow Ticket Sync to use your account?' }).waitFor();
          assert.deepEqual(await page.getByRole('listitem').allTextContents(), [
            'Read and change tickets, their properties and their pipelines',
            'See which account this is, and your email address',
            "Read the names and email addresses of the account's users",
          ]);
          await fits(page, width);
          await picture('3-consent');
          await page.getByRole('button', { name: 'Allow' }).focus();
          await page.keyboard.press('Enter');
          await page.getByRole('heading', { name: 'Back at the app' }).waitFor();
          assert.equal(arrivals.length, 1);
          assert.equal(arrivals[0].query.get('state'), 'a b&c');
          assert.equal(arrivals[0].referer, undefined);

          const client = new Client({ basePath: server.url });
          const tokens = await client.oauth.tokensApi.create('authorization_code', arrivals[0].query.get('code'), redirectUri, app.clientId, app.clientSecret);
          assert.ok(tokens.accessToken.length > 40);

          await page.goto(authorizationUrl());
          await page.getByRole('link', { name: 'your apps' }).click();
          await page.getByRole('heading', { level: 2, name: 'Ticket Sync' }).waitFor();
          await fits(page, width);
          await picture('4-apps');
          await page.getByRole('button', { name: 'End access of Ticket Sync to account default' }).click();
          assert.equal(await page.getByRole('status').textContent(), 'Ticket Sync can no longer use your account.');
          assert.equal(await page.getByRole('heading', { level: 2 }).count(), 0);
          await picture('5-ended');
          assert.equal((await call(server, 'GET', '/crm/v3/objects/tickets', undefined, { token: tokens.accessToken })).status, 401);
          await page.getByRole('button', { name: 'Sign out' }).click();
          await page.getByLabel('Password').waitFor();
          await picture('6-apps-sign-in');
        }, colors));
    }

    it('a person says no, signed in or not', () =>
      open(375, async (page) => {
        await page.goto(authorizationUrl());
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('heading', { name: 'Back at the app' }).waitFor();
        await page.goto(authorizationUrl());
        await page.getByLabel('Email address').fill('ann@example.com');
        await page.getByLabel('Password').fill('correct horse');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByLabel('Password').waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('heading', { name: 'Back at the app' }).waitFor();
        assert.deepEqual(arrivals.map((arrival) => arrival.query.get('error')), ['access_denied', 'access_denied']);
        assert.ok(arrivals.every((arrival) => arrival.query.get('code') === null && arrival.query.get('state') === 'a b&c'));
      }));

    it('a wrong link says what is wrong with it', () =>
      open(375, async (page, picture) => {
        await page.goto(authorizationUrl('oauth'));
        await page.getByRole('heading', { level: 1, name: 'Authorization failed' }).waitFor();
        assert.deepEqual(await page.getByRole('listitem').allTextContents(), ['Not requested: tickets']);
        await picture('7-refusal');
        assert.deepEqual(arrivals, []);
      }));
  });
});
