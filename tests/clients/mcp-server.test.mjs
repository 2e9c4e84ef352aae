// HubSpot's own server for language models, unmodified, over its standard input and output: only BASE_URL_OVERRIDE points elsewhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { call, serve, temporaryDirectory, TOKEN } from './docket.mjs';

describe("HubSpot's MCP server", () => {
  let server;
  let client;

  before(async () => {
    server = await serve(temporaryDirectory());
    client = new Client({ name: 'docket-tests', version: '1.0.0' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [fileURLToPath(import.meta.resolve('@hubspot/mcp-server'))],
        env: { ...process.env, PRIVATE_APP_ACCESS_TOKEN: TOKEN, BASE_URL_OVERRIDE: server.url },
        stderr: 'ignore',
      }),
    );
  });

  after(async () => {
    await client?.close();
    await server?.stop();
  });

  // The texts of an answer; the last one is JSON, where it is not words.
  const use = async (name, args = {}) => {
    const { content, isError } = await client.callTool({ name: `hubspot-${name}`, arguments: args });
    const texts = content.map((part) => part.text);
    assert.ok(!isError, texts.join('\n'));
    return texts;
  };

  const answer = async (name, args) => {
    const text = (await use(name, args)).at(-1);
    return JSON.parse(text.slice(text.indexOf('{')));
  };

  const create = async (objectType, properties) =>
    (await answer('batch-create-objects', { objectType, inputs: [{ properties }] })).results[0].id;

  it('creates, lists, searches and associates records', async () => {
    const ticket = await create('tickets', { subject: 'Printer', hs_pipeline_stage: '1' });
    const contact = await create('contacts', { email: 'ada@example.com' });

    const { results } = await answer('list-objects', { objectType: 'tickets', properties: ['subject'] });
    assert.deepEqual(results.map(({ id, properties }) => [id, properties.subject]), [[ticket, 'Printer']]);
    const found = await answer('search-objects', {
      objectType: 'contacts',
      filterGroups: [{ filters: [{ propertyName: 'email', operator: 'EQ', value: 'ada@example.com' }] }],
    });
    assert.deepEqual(found.results.map(({ id }) => id), [contact]);

    const pair = { fromObjectType: 'tickets', toObjectType: 'contacts' };
    const types = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 16 }];
    await use('batch-create-associations', { ...pair, types, inputs: [{ from: { id: ticket }, to: { id: contact } }] });
    const ties = await call(server, 'GET', `/crm/v4/objects/tickets/${ticket}/associations/contacts`);
    assert.deepEqual(ties.json.results.map(({ toObjectId }) => String(toObjectId)), [contact]);
    assert.match((await use('list-associations', { objectType: 'tickets', objectId: ticket, toObjectType: 'contacts' })).join('\n'), new RegExp(contact));
    assert.match((await use('get-association-definitions', pair)).join('\n'), /16/);
  });

  it('finds the owner who stands for the token, and the properties', async () => {
    await call(server, 'POST', '/docket/v1/users', { email: 'grace@example.com' });
    assert.match((await use('get-user-details')).join('\n'), /OwnerInfo: \{[^]*grace@example\.com/);
    assert.match((await use('list-properties', { objectType: 'tickets' })).join('\n'), /hs_pipeline_stage/);
    await use('get-schemas');
  });

  it('writes, reads and changes a task', async () => {
    const [contact, ticket] = [await create('contacts', { lastname: 'Lovelace' }), await create('tickets', { subject: 'Printer', hs_pipeline_stage: '1' })];
    const user = await call(server, 'POST', '/docket/v1/users', { email: 'charles@example.com' });
    const { engagement: created } = await answer('create-engagement', {
      type: 'TASK',
      ownerId: Number(user.json.id),
      associations: { contactIds: [Number(contact)], ticketIds: [Number(ticket)] },
      metadata: { subject: 'Call back', body: 'About the printer', status: 'NOT_STARTED', forObjectType: 'TICKET' },
    });
    const engagementId = created.engagement.id;
    await use('update-engagement', { engagementId, metadata: { status: 'COMPLETED' }, associations: {} });
    const read = await answer('get-engagement', { engagementId });
    assert.deepEqual([read.engagement.type, read.engagement.ownerId, read.metadata.subject, read.metadata.status], ['TASK', Number(user.json.id), 'Call back', 'COMPLETED']);
    assert.deepEqual([read.associations.contactIds, read.associations.ticketIds], [[Number(contact)], [Number(ticket)]]);
    const task = await call(server, 'GET', `/crm/v3/objects/tasks/${engagementId}?properties=hs_task_status`);
    assert.equal(task.json.properties.hs_task_status, 'COMPLETED');
  });
});
