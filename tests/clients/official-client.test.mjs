// HubSpot's own client for Node, unmodified: only its basePath points elsewhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@hubspot/api-client';
import { createProperty, serve, temporaryDirectory, TOKEN } from './docket.mjs';

describe('the official client for Node', () => {
  let server;
  let client;
  let tickets;

  before(async () => {
    server = await serve(temporaryDirectory());
    client = new Client({ accessToken: TOKEN, basePath: server.url });
    tickets = client.crm.tickets;
    await createProperty(server, 'ext_id');
  });

  after(() => server?.stop());

  const upsert = (...inputs) =>
    tickets.batchApi.upsert({ inputs: inputs.map((input) => ({ idProperty: 'ext_id', ...input })) });

  const failure = async (promise) => {
    const error = await promise.then(
      () => assert.fail('the client should have thrown'),
      (thrown) => thrown,
    );
    assert.equal(error.constructor.name, 'ApiException', String(error.stack));
    return error;
  };

  it('creates a unique property and reads it back', async () => {
    const made = await client.crm.properties.coreApi.create('tickets', {
      name: 'order_no',
      label: 'Order number',
      type: 'string',
      fieldType: 'text',
      groupName: 'ticketinformation',
      hasUniqueValue: true,
    });
    assert.equal(made.name, 'order_no');
    assert.equal(made.hasUniqueValue, true);
    assert.ok(made.createdAt instanceof Date);
    const read = await client.crm.properties.coreApi.getByName('tickets', 'order_no');
    assert.equal(read.label, 'Order number');
    assert.equal(read.hasUniqueValue, true);
    const all = await client.crm.properties.coreApi.getAll('tickets');
    assert.ok(all.results.some((property) => property.name === 'order_no'));
    assert.equal((await failure(client.crm.properties.coreApi.getByName('tickets', 'no_such_property'))).code, 404);
  });

  it('upserts: creates first, then finds, and a write that changes nothing leaves updatedAt alone', async () => {
    const wanted = { id: 'up-1', properties: { subject: 'one', hs_pipeline_stage: '1' } };
    const created = await upsert(wanted);
    assert.equal(created.status, 'COMPLETE');
    assert.ok(created.startedAt instanceof Date && created.completedAt >= created.startedAt);
    assert.equal(created.results.length, 1);
    const [first] = created.results;
    assert.equal(first._new, true);
    assert.equal(first.properties.subject, 'one');
    assert.match(first.id, /^\d+$/);

    const [again] = (await upsert(wanted)).results;
    assert.equal(again._new, false);
    assert.equal(again.id, first.id);
    assert.deepEqual(again.updatedAt, first.updatedAt);

    const [changed] = (await upsert({ id: 'up-1', properties: { subject: 'two' } })).results;
    assert.equal(changed._new, false);
    assert.equal(changed.id, first.id);
    assert.ok(changed.updatedAt >= first.updatedAt);
    assert.deepEqual(changed.createdAt, first.createdAt);
  });

  it('takes the 207 of a traced batch for a success that tells what failed', async () => {
    const answer = await upsert(
      { id: 'tr-1', objectWriteTraceId: 'row-1', properties: { subject: 'good', hs_pipeline_stage: '1' } },
      { id: 'tr-2', objectWriteTraceId: 'row-2', properties: { missing: 'x', hs_pipeline_stage: '1' } },
    );
    assert.equal(answer.status, 'COMPLETE');
    assert.equal(answer.numErrors, 1);
    assert.equal(answer.errors.length, 1);
    assert.equal(answer.errors[0].category, 'VALIDATION_ERROR');
    assert.deepEqual(answer.errors[0].context.objectWriteTraceId, ['row-2']);
    assert.equal(answer.results.length, 1);
    assert.equal(answer.results[0]._new, true);
    assert.equal(answer.results[0].objectWriteTraceId, 'row-1');
    assert.equal((await failure(tickets.basicApi.getById('tr-2', undefined, undefined, undefined, undefined, 'ext_id'))).code, 404);
  });

  it('creates, reads by id and by unique value, updates and archives one ticket', async () => {
    const created = await tickets.basicApi.create({ properties: { subject: 'single', hs_pipeline: '0', hs_pipeline_stage: '1', ext_id: 'one-1' } });
    assert.equal(created.properties.subject, 'single');
    assert.equal(created.archived, false);

    const byId = await tickets.basicApi.getById(created.id, ['subject', 'ext_id', 'content']);
    assert.equal(byId.properties.ext_id, 'one-1');
    assert.equal(byId.properties.content, null);
    assert.ok(byId.createdAt instanceof Date);
    const byKey = await tickets.basicApi.getById('one-1', ['subject'], undefined, undefined, false, 'ext_id');
    assert.equal(byKey.id, created.id);

    const updated = await tickets.basicApi.update(created.id, { properties: { content: 'more' } });
    assert.equal(updated.properties.content, 'more');
    const updatedByKey = await tickets.basicApi.update('one-1', { properties: { content: 'still more' } }, 'ext_id');
    assert.equal(updatedByKey.id, created.id);

    const withHistory = await tickets.basicApi.getById(created.id, ['content'], ['content']);
    assert.deepEqual(withHistory.propertiesWithHistory.content.map((entry) => entry.value), ['still more', 'more']);
    assert.ok(withHistory.propertiesWithHistory.content[0].timestamp instanceof Date);

    await tickets.basicApi.archive(created.id);
    const gone = await failure(tickets.basicApi.getById(created.id));
    assert.equal(gone.code, 404);
    assert.equal(gone.body.message, 'resource not found');
    assert.match(gone.body.correlationId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const archived = await tickets.basicApi.getById(created.id, undefined, undefined, undefined, true);
    assert.equal(archived.archived, true);
    assert.ok(archived.archivedAt instanceof Date);
    await tickets.basicApi.archive(created.id);
  });

  it('reads, updates and archives batches', async () => {
    const made = await tickets.batchApi.create({
      inputs: ['b-1', 'b-2'].map((key) => ({ associations: [], properties: { subject: key, ext_id: key, hs_pipeline_stage: '1' } })),
    });
    assert.equal(made.results.length, 2);
    const ids = made.results.map((ticket) => ticket.id);

    const byKey = await tickets.batchApi.read({
      idProperty: 'ext_id',
      properties: ['subject', 'ext_id'],
      propertiesWithHistory: [],
      inputs: [{ id: 'b-1' }, { id: 'b-2' }],
    });
    assert.deepEqual(new Set(byKey.results.map((ticket) => ticket.id)), new Set(ids));
    assert.equal(byKey.numErrors, undefined);

    const updated = await tickets.batchApi.update({
      inputs: [
        { id: ids[0], properties: { subject: 'changed' } },
        { id: 'b-2', idProperty: 'ext_id', properties: { subject: 'changed too' } },
      ],
    });
    assert.deepEqual(new Set(updated.results.map((ticket) => ticket.properties.subject)), new Set(['changed', 'changed too']));

    const partly = await tickets.batchApi.read({ properties: [], propertiesWithHistory: [], inputs: [{ id: ids[0] }, { id: '999999999' }] });
    assert.equal(partly.results.length, 1);
    assert.equal(partly.numErrors, 1);
    assert.equal(partly.errors[0].category, 'OBJECT_NOT_FOUND');
    assert.deepEqual(partly.errors[0].context.ids, ['999999999']);

    await tickets.batchApi.archive({ inputs: ids.map((id) => ({ id })) });
    for (const id of ids) {
      assert.equal((await failure(tickets.basicApi.getById(id))).code, 404);
    }
  });

  it('pages through a list to its end', async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `page-${i}`);
    const made = await upsert(...keys.map((id) => ({ id, properties: { subject: id, hs_pipeline_stage: '1' } })));
    const ids = new Set(made.results.map((ticket) => ticket.id));

    assert.equal(ids.size, 25);

    const seen = [];
    let after;
    do {
      const page = await tickets.basicApi.getPage(10, after, ['ext_id']);
      assert.ok(page.results.length > 0 && page.results.length <= 10);
      seen.push(...page.results.map((ticket) => ticket.id));
      after = page.paging?.next?.after;
      if (after) {
        assert.ok(page.paging.next.link.startsWith(`${server.url}/crm/v3/objects/tickets?`), page.paging.next.link);
      }
    } while (after);
    assert.equal(new Set(seen).size, seen.length, 'no ticket twice');
    for (const id of ids) {
      assert.ok(seen.includes(id));
    }

    const all = await tickets.getAll();
    assert.deepEqual(all.map((ticket) => ticket.id), seen);
  });

  it('searches with filter groups, sorts, pages and a query', async () => {
    const { searchApi } = tickets;
    const made = await upsert(
      ...[['HIGH', '1'], ['LOW', '1'], ['HIGH', '2'], ['LOW', '2'], ['HIGH', '3']].map(([hs_ticket_priority, hs_pipeline_stage], i) => ({
        id: `find-${i}`,
        properties: { subject: `Zeppelin ${i}`, hs_ticket_priority, hs_pipeline_stage },
      })),
    );
    assert.equal(made.results.length, 5);
    const ours = { propertyName: 'subject', operator: 'CONTAINS_TOKEN', value: 'zeppelin' };
    const find = async (request) => {
      const found = await searchApi.doSearch({ properties: ['subject', 'ext_id'], ...request });
      return { ...found, keys: found.results.map((ticket) => ticket.properties.ext_id) };
    };

    // Either of the groups, all filters of a group.
    const either = await find({
      filterGroups: [
        { filters: [ours, { propertyName: 'hs_ticket_priority', operator: 'EQ', value: 'HIGH' }, { propertyName: 'hs_pipeline_stage', operator: 'IN', values: ['2', '3'] }] },
        { filters: [{ propertyName: 'ext_id', operator: 'EQ', value: 'find-1' }] },
      ],
      sorts: ['subject'],
    });
    assert.deepEqual(either.keys, ['find-1', 'find-2', 'find-4']);
    assert.equal(either.total, 3);
    assert.ok(either.results[0].createdAt instanceof Date);

    const pages = [];
    let after;
    do {
      const page = await find({ filterGroups: [{ filters: [ours] }], sorts: ['-subject'], limit: 2, after });
      assert.equal(page.total, 5);
      pages.push(page.keys);
      after = page.paging?.next?.after;
    } while (after && pages.length < 5);
    assert.deepEqual(pages, [['find-4', 'find-3'], ['find-2', 'find-1'], ['find-0']]);

    assert.deepEqual((await find({ query: 'zeppelin 0' })).keys, ['find-0']);
    // It looks at stages too (reference/properties-pipelines-search-associations.md 4.5).
    assert.deepEqual((await find({ query: 'zeppelin 3' })).keys, ['find-3', 'find-4']);
    assert.deepEqual(await find({ query: 'zeppelin nowhere' }).then(({ total, keys }) => [total, keys]), [0, []]);

    const unknown = await failure(find({ filterGroups: [{ filters: [{ propertyName: 'no_such_property', operator: 'EQ', value: 'x' }] }] }));
    assert.equal(unknown.code, 400);
  });

  it('merges two tickets into one that both ids lead to', async () => {
    const made = await upsert(
      { id: 'merge-1', properties: { subject: 'primary', hs_pipeline_stage: '1' } },
      { id: 'merge-2', properties: { subject: 'other', content: 'of the other', hs_pipeline_stage: '2' } },
    );
    const [primary, other] = made.results.map((ticket) => ticket.id);
    const merged = await tickets.basicApi.merge({ primaryObjectId: primary, objectIdToMerge: other });
    assert.match(merged.id, /^\d+$/);
    for (const id of [primary, other]) {
      assert.notEqual(merged.id, id);
      const read = await tickets.basicApi.getById(id, ['subject', 'content', 'hs_pipeline_stage']);
      assert.equal(read.id, merged.id);
      assert.equal(read.properties.subject, 'primary');
      assert.equal(read.properties.content, 'of the other');
      assert.equal(read.properties.hs_pipeline_stage, '1');
    }

    const missing = await failure(tickets.basicApi.merge({ primaryObjectId: merged.id, objectIdToMerge: '999999999' }));
    assert.equal(missing.code, 404);
  });

  it('creates a contact, a company, a deal and a note with their associations, and follows these from all sides', async () => {
    const type = (associationTypeId) => [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId }];
    const { contacts, companies, deals } = client.crm;
    const company = await companies.basicApi.create({ properties: { name: 'Example', domain: 'example.com' }, associations: [] });
    const contact = await contacts.basicApi.create({
      properties: { email: 'ann@example.com' },
      associations: [{ to: { id: company.id }, types: type(279) }],
    });
    const deal = await deals.basicApi.create({
      properties: { dealname: 'Printers', amount: '100' },
      associations: [{ to: { id: contact.id }, types: type(3) }],
    });
    const note = await client.crm.objects.notes.basicApi.create({
      properties: { hs_timestamp: '2026-01-02T03:04:05Z', hs_note_body: 'Called' },
      associations: [{ to: { id: contact.id }, types: type(202) }, { to: { id: deal.id }, types: type(214) }],
    });
    const { basicApi, batchApi } = client.crm.associations.v4;

    const [first] = (await basicApi.getPage('contacts', contact.id, 'companies')).results;
    assert.equal(String(first.toObjectId), company.id);
    assert.deepEqual(first.associationTypes.map((one) => [one.typeId, one.label ?? null]).sort(), [[1, 'Primary'], [279, null]]);
    const read = await contacts.basicApi.getById(contact.id, ['num_notes', 'num_associated_deals', 'associatedcompanyid'], undefined, ['notes']);
    assert.equal(read.associations.notes.results[0].id, note.id);
    assert.deepEqual(
      [read.properties.num_notes, read.properties.num_associated_deals, read.properties.associatedcompanyid],
      ['1', '1', company.id],
    );

    // Plain, labelled, and in batches.
    const other = await companies.basicApi.create({ properties: { name: 'Other' }, associations: [] });
    const both = await basicApi.createDefault('contacts', contact.id, 'companies', other.id);
    assert.deepEqual(both.results.map((one) => one.associationSpec.associationTypeId).sort(), [279, 280]);
    const labelled = await basicApi.create('contacts', contact.id, 'companies', other.id, type(1));
    assert.deepEqual(labelled.labels, ['Primary']);
    assert.equal((await contacts.basicApi.getById(contact.id, ['associatedcompanyid'])).properties.associatedcompanyid, other.id);

    const made = await batchApi.create('deals', 'companies', {
      inputs: [company, other].map((one) => ({ _from: { id: deal.id }, to: { id: one.id }, types: type(341) })),
    });
    assert.equal(made.results.length, 2);
    const known = await batchApi.getPage('deals', 'companies', { inputs: [{ id: deal.id }] });
    assert.deepEqual(known.results[0].to.map((one) => String(one.toObjectId)).sort(), [company.id, other.id].sort());

    await basicApi.archive('contacts', contact.id, 'companies', company.id);
    await batchApi.archive('deals', 'companies', { inputs: [{ _from: { id: deal.id }, to: [{ id: other.id }] }] });
    assert.deepEqual((await basicApi.getPage('companies', company.id, 'contacts')).results, []);
    assert.equal((await basicApi.getPage('deals', deal.id, 'companies')).results.length, 1);
  });

  it('reads pipelines', async () => {
    const { results } = await client.crm.pipelines.pipelinesApi.getAll('tickets');
    assert.equal(results[0].id, '0');
    assert.equal(results[0].label, 'Support Pipeline');
    assert.deepEqual(results[0].stages.map((stage) => stage.id), ['1', '2', '3', '4']);
    const one = await client.crm.pipelines.pipelinesApi.getById('tickets', '0');
    assert.deepEqual(one.stages.map((stage) => stage.metadata.isClosed), ['false', 'false', 'false', 'true']);
    const stages = await client.crm.pipelines.pipelineStagesApi.getAll('tickets', '0');
    assert.equal(stages.results.length, 4);
  });

  it('throws what the server says', async () => {
    const invalid = await failure(upsert({ id: 'bad', properties: { subject: 'x', hs_pipeline_stage: 'nowhere' } }));
    assert.equal(invalid.code, 400);
    assert.equal(invalid.body.category, 'VALIDATION_ERROR');
    assert.ok(invalid.body.message.startsWith('Property values were not valid: ['), invalid.body.message);
    assert.match(invalid.headers['content-type'], /^application\/json/);
    assert.equal(invalid.headers['x-hubspot-correlation-id'], invalid.body.correlationId);

    const tooMany = await failure(upsert(...Array.from({ length: 101 }, (_, i) => ({ id: `many-${i}`, properties: { hs_pipeline_stage: '1' } }))));
    assert.equal(tooMany.code, 400);
    assert.equal(tooMany.body.message, 'The maximum number of inputs supported in a batch is 100. Please reduce the number of items and try again');

    const stranger = new Client({ accessToken: 'wrong', basePath: server.url });
    const unknown = await failure(stranger.crm.tickets.basicApi.getPage());
    assert.equal(unknown.code, 401);
    assert.equal(unknown.body.category, 'INVALID_AUTHENTICATION');

    const notNumeric = await failure(tickets.basicApi.getById('abc'));
    assert.equal(notNumeric.code, 404);
    assert.equal(notNumeric.body.message, 'Object not found.  objectId are usually numeric.');
    assert.equal((await failure(client.crm.pipelines.pipelinesApi.getById('tickets', 'no-such-pipeline'))).code, 404);
  });

  it('gives the raw answer through apiRequest', async () => {
    const response = await client.apiRequest({ method: 'GET', path: '/crm/v3/objects/tickets?limit=1' });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).results.length, 1);
  });

  it('has a batch worked on later through apiRequest, and follows its links', async () => {
    const inputs = Array.from({ length: 250 }, (_, i) => ({
      idProperty: 'ext_id',
      id: `later-${i}`,
      properties: { subject: `later ${i}`, hs_pipeline_stage: i === 200 ? 'nowhere' : '1' },
    }));
    const accepted = await client.apiRequest({
      method: 'POST',
      path: '/crm/v3/objects/tickets/batch/upsert',
      headers: { Prefer: 'respond-async' },
      body: { inputs },
    });
    assert.equal(accepted.status, 202);
    assert.equal(accepted.headers.get('preference-applied'), 'respond-async');
    let job = await accepted.json();
    assert.equal(server.url + accepted.headers.get('location'), job.links.status);

    for (let asked = 0; job.status !== 'COMPLETE' && asked < 10; asked++) {
      const answer = await client.apiRequest({ overlapUrl: job.links.status, headers: { Prefer: 'wait=10' } });
      assert.equal(answer.status, 200);
      job = await answer.json();
    }
    assert.equal(job.status, 'COMPLETE');
    assert.deepEqual([job.inputs, job.done, job.created, job.failed], [250, 250, 249, 1]);

    const rows = [];
    let next = job.links.results;
    while (next && rows.length <= inputs.length) {
      const page = await (await client.apiRequest({ overlapUrl: next })).json();
      rows.push(...page.results);
      next = page.paging?.next?.link;
    }
    assert.deepEqual(rows.map((row) => row.index), inputs.map((_, i) => i));
    for (const { index, result, error } of rows) {
      if (index === 200) {
        assert.equal(error.category, 'VALIDATION_ERROR');
      } else {
        assert.equal(result.properties.subject, `later ${index}`);
        assert.equal(result.new, true);
      }
    }

    const one = await tickets.basicApi.getById('later-249', ['subject'], undefined, undefined, false, 'ext_id');
    assert.equal(one.id, rows[249].result.id);
  });
});
