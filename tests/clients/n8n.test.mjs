// n8n's HubSpot node at work: n8n.mjs says what of it is real. This file is the host.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import get from 'lodash/get.js';
import { hubSpotNode } from './n8n.mjs';
import { call, serve, temporaryDirectory, TOKEN } from './docket.mjs';

describe("n8n's HubSpot node", () => {
  let server;
  let node;

  before(async () => {
    server = await serve(temporaryDirectory());
    node = new (hubSpotNode())().getNodeType();
  });

  after(() => server?.stop());

  // As n8n sends requests: lists in a query are repeated, an empty answer is undefined, and what failed has status and body.
  const send = async ({ method, uri, qs, body }) => {
    const url = new URL(uri.replace('https://api.hubapi.com', server.url));
    for (const [name, value] of Object.entries(qs).filter(([, each]) => each !== undefined)) {
      [value].flat().forEach((each) => url.searchParams.append(name, each));
    }

    const isEmpty = method === 'GET' || body === undefined;
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(isEmpty ? {} : { 'content-type': 'application/json' }) },
      body: isEmpty ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const answer = text.length > 0 ? JSON.parse(text) : undefined;
    if (!response.ok) {
      throw Object.assign(new Error(`${response.status} - ${text}`), { statusCode: response.status, error: answer });
    }

    return answer;
  };

  const host = (parameters, items = [{ json: {} }]) => ({
    getInputData: () => items,
    getNode: () => ({ type: 'n8n-nodes-base.hubspot', name: 'HubSpot', typeVersion: 2.2, parameters }),
    getNodeParameter: (name, _item, fallback) => get({ authentication: 'appToken', ...parameters }, name, fallback),
    getCurrentNodeParameter: (name) => get(parameters, name),
    continueOnFail: () => false,
    helpers: {
      requestWithAuthentication: (credentials, options) => {
        assert.equal(credentials, 'hubspotAppToken');
        return send(options);
      },
      returnJsonArray: (data) => [data].flat().map((json) => ({ json })),
      constructExecutionMetaData: (data) => data,
    },
  });

  // The items that an operation puts out.
  const execute = async (resource, operation, parameters = {}) => {
    const additional = { additionalFields: {}, updateFields: {}, filters: {}, options: {} };
    const [items] = await node.execute.call(host({ resource, operation, ...additional, ...parameters }));
    return items.map(({ json }) => json);
  };

  const create = async (type, properties) => (await call(server, 'POST', `/crm/v3/objects/${type}`, { properties })).json.id;

  it('creates, gets, updates, lists and deletes a ticket', async () => {
    const [contact, company] = [await create('contacts', { lastname: 'Lovelace' }), await create('companies', { name: 'Engines' })];
    const [created] = await execute('ticket', 'create', {
      pipelineId: '0',
      stageId: '1',
      ticketName: 'Printer',
      additionalFields: { description: 'On fire', priority: 'HIGH', associatedContactIds: [contact], associatedCompanyIds: [company], createDate: '2026-01-02T03:04:05Z' },
    });
    assert.deepEqual([created.properties.subject.value, created.properties.createdate.value], ['Printer', String(Date.UTC(2026, 0, 2, 3, 4, 5))]);
    const ticketId = String(created.objectId);
    for (const [type, id] of [['contacts', contact], ['companies', company]]) {
      const ties = await call(server, 'GET', `/crm/v4/objects/tickets/${ticketId}/associations/${type}`);
      assert.deepEqual(ties.json.results.map(({ toObjectId }) => String(toObjectId)), [id]);
    }

    const [updated] = await execute('ticket', 'update', { ticketId, updateFields: { ticketName: 'Scanner', stageId: '2' } });
    assert.equal(updated.objectId, created.objectId);
    const [read] = await execute('ticket', 'get', { ticketId, additionalFields: { properties: ['subject', 'content'], propertiesWithHistory: 'hs_pipeline_stage' } });
    assert.deepEqual([read.properties.subject.value, read.properties.content.value], ['Scanner', 'On fire']);
    assert.deepEqual(read.properties.hs_pipeline_stage.versions.map(({ value }) => value), ['2', '1']);

    await create('tickets', { subject: 'Another', hs_pipeline_stage: '1' });
    const all = await execute('ticket', 'getAll', { returnAll: true, additionalFields: { properties: ['subject'] } });
    assert.deepEqual(all.map(({ properties }) => properties.subject.value).sort(), ['Another', 'Scanner']);
    assert.equal((await execute('ticket', 'getAll', { returnAll: false, limit: 1 })).length, 1);

    await execute('ticket', 'delete', { ticketId });
    const gone = await execute('ticket', 'get', { ticketId }).catch((error) => error);
    assert.deepEqual([gone.constructor.name, gone.httpCode, gone.description], ['NodeApiError', '404', 'resource not found']);
  });

  it('fills its pickers', async () => {
    await call(server, 'POST', '/docket/v1/users', { email: 'grace@example.com' });
    await create('contacts', { email: 'ada@example.com', firstname: 'Ada', lastname: 'Lovelace' });
    await create('companies', { name: 'Analytical' });
    await create('deals', { dealname: 'Engine' });
    await create('tickets', { subject: 'Printer', hs_pipeline_stage: '1' });
    await create('notes', { hs_note_body: 'a', hs_timestamp: '2026-01-01T00:00:00Z' });

    // Docket has no forms and no subscriptions.
    const { loadOptions, listSearch } = node.methods;
    const without = ['getForms', 'getSubscriptionTypes'];
    const empty = [];
    for (const [name, load] of Object.entries(loadOptions).filter(([each]) => !without.includes(each))) {
      const options = await load.call(host({ pipelineId: '0', additionalFields: { pipelineId: '0' }, updateFields: { pipelineId: '0' } }));
      assert.ok(Array.isArray(options), name);
      if (options.length === 0) {
        empty.push(name);
      }
    }

    // Properties whose options are not recorded.
    assert.deepEqual(empty, ['getContactPrefferedLanguages', 'getContactStatuses', 'getCompanyTargetAccounts', 'getCompanyWebTechnologies']);
    const stages = await loadOptions.getTicketStages.call(host({ pipelineId: '0' }));
    assert.deepEqual(stages[0], { name: 'New', value: '1' });
    assert.ok((await loadOptions.getContacts.call(host({}))).some(({ name }) => name === 'Ada Lovelace'));
    assert.ok((await loadOptions.getOwners.call(host({}))).some(({ name }) => name === 'grace@example.com'));

    const found = async (name, filter) => (await listSearch[name].call(host({}), filter)).results.map((result) => result.name);
    assert.ok((await found('searchCompanies')).includes('Analytical'));
    assert.deepEqual(await found('searchDeals', 'ngin'), ['Engine']);
    assert.ok((await found('searchOwners')).includes('grace@example.com'));
    assert.match((await found('searchEngagements'))[0], /^NOTE: /);
    assert.ok((await found('searchTickets')).length > 0);
  });

  it('works on contacts, companies and deals', async () => {
    const [made] = await execute('contact', 'upsert', { email: 'charles@example.com', additionalFields: { firstName: 'Charles' } });
    assert.deepEqual([made.isNew, made.properties.firstname.value], [true, 'Charles']);
    const [again] = await execute('contact', 'upsert', { email: 'charles@example.com', additionalFields: { lastName: 'Babbage' }, options: { resolveData: true } });
    assert.deepEqual([again.isNew, again.vid], [false, made.vid]);
    const [contact] = await execute('contact', 'get', { contactId: made.vid });
    assert.deepEqual([contact.properties.lastname.value, contact['identity-profiles'][0].identities[0].value], ['Babbage', 'charles@example.com']);
    assert.equal((await execute('contact', 'getRecentlyCreatedUpdated', { returnAll: false, limit: 1 }))[0].vid, made.vid);

    const [company] = await execute('company', 'create', { name: 'Difference', additionalFields: { companyDomainName: 'difference.example.com' } });
    await execute('company', 'update', { companyId: company.companyId, updateFields: { description: 'Engines' } });
    const [found] = await execute('company', 'searchByDomain', { domain: 'https://difference.example.com', returnAll: true, options: { properties: ['description'] } });
    assert.deepEqual([found.companyId, found.properties.description.value], [company.companyId, 'Engines']);
    const companies = await execute('company', 'getAll', { returnAll: true });
    assert.ok(companies.some(({ companyId }) => companyId === company.companyId));

    const [deal] = await execute('deal', 'create', { stage: 'qualifiedtobuy', additionalFields: { dealName: 'One', amount: '5', associatedCompany: [company.companyId], associatedVids: [made.vid] } });
    await execute('deal', 'update', { dealId: deal.dealId, updateFields: { amount: '6' } });
    const [read] = await execute('deal', 'get', { dealId: deal.dealId });
    assert.deepEqual([read.properties.amount.value, read.associations.associatedVids, read.associations.associatedCompanyIds], ['6', [made.vid], [company.companyId]]);
    const recent = await execute('deal', 'getRecentlyCreatedUpdated', { returnAll: true });
    assert.equal(recent[0].dealId, deal.dealId);

    const [task] = await execute('engagement', 'create', { type: 'task', metadata: { subject: 'Call', status: 'NOT_STARTED' }, additionalFields: { associations: { contactIds: String(made.vid) } } });
    assert.deepEqual([task.metadata.subject, task.associations.contactIds], ['Call', [made.vid]]);
    const engagements = await execute('engagement', 'getAll', { returnAll: true });
    assert.ok(engagements.some(({ engagement }) => engagement.id === task.engagement.id));
    await execute('engagement', 'delete', { engagementId: task.engagement.id });
    await execute('deal', 'delete', { dealId: deal.dealId });
    await execute('company', 'delete', { companyId: company.companyId });
    assert.equal((await execute('contact', 'delete', { contactId: made.vid }))[0].deleted, true);
  });
});
