// The npm package hubspot of MadKudu, which knows only versions 1 and 2: unmodified, only its baseUrl points elsewhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Hubspot from 'hubspot';
import { call, serve, temporaryDirectory, TOKEN } from './docket.mjs';

describe('the old client for Node', () => {
  let server;
  let hubspot;

  before(async () => {
    server = await serve(temporaryDirectory());
    hubspot = new Hubspot({ accessToken: TOKEN, baseUrl: server.url, checkLimit: false, limiter: { minTime: 0 } });
  });

  after(() => server?.stop());

  const named = (values) => ({ properties: Object.entries(values).map(([name, value]) => ({ name, value })) });
  const valued = (values) => ({ properties: Object.entries(values).map(([property, value]) => ({ property, value })) });

  it('works on contacts', async () => {
    const { contacts } = hubspot;
    const { vid } = await contacts.create(valued({ email: 'ada@example.com', firstname: 'Ada' }));
    assert.deepEqual(await contacts.createOrUpdate('ada@example.com', valued({ lastname: 'Byron' })), { vid, isNew: false });
    assert.equal(await contacts.update(vid, valued({ lastname: 'Lovelace' })), undefined);
    assert.equal((await contacts.getByEmail('ada@example.com')).properties.lastname.value, 'Lovelace');
    assert.equal(await contacts.createOrUpdateBatch([{ vid, ...valued({ company: 'Engines' }) }, { email: 'grace@example.com', ...valued({ company: 'Navy' }) }]), undefined);
    assert.deepEqual(Object.values(await contacts.getByEmailBatch(['ada@example.com', 'grace@example.com'])).map(({ properties }) => properties.company.value), ['Engines', 'Navy']);
    assert.deepEqual(Object.keys(await contacts.getByIdBatch([vid])), [String(vid)]);
    assert.deepEqual((await contacts.search('lovelace')).contacts.map((contact) => contact.vid), [vid]);
    assert.equal((await contacts.get({ count: 1 }))['has-more'], true);
    assert.equal((await contacts.getRecentlyModified()).contacts.length, 2);
    assert.equal((await contacts.delete(vid)).deleted, true);
    const gone = await contacts.getById(vid).catch((error) => error);
    assert.equal(gone.statusCode, 404);
  });

  it('works on companies and deals', async () => {
    const { companies, contacts, deals } = hubspot;
    const { companyId } = await companies.create(named({ name: 'Engines', domain: 'engines.example.com' }));
    const { vid } = await contacts.create(valued({ lastname: 'Babbage' }));
    await companies.addContactToCompany({ companyId, contactVid: vid });
    assert.deepEqual((await companies.getContactIds(companyId)).vids, [vid]);
    assert.equal((await companies.getByDomain('engines.example.com', { limit: 2, requestOptions: { properties: ['name'] } })).results[0].properties.name.value, 'Engines');
    assert.equal(await companies.updateBatch([{ objectId: companyId, ...named({ description: 'new' }) }]), undefined);
    assert.equal((await companies.getById(companyId)).properties.description.value, 'new');

    const { dealId } = await deals.create(named({ dealname: 'One', dealstage: 'qualifiedtobuy', pipeline: 'default' }));
    assert.equal(await deals.associate(dealId, 'COMPANY', companyId), undefined);
    assert.deepEqual((await deals.getAssociated('COMPANY', companyId)).deals.map((deal) => deal.dealId), [dealId]);
    assert.equal((await deals.updateById(dealId, named({ amount: '5' }))).properties.amount.value, '5');
    assert.equal((await deals.get({ properties: ['amount'] })).deals[0].properties.amount.value, '5');
    assert.equal((await deals.getRecentlyCreated()).results[0].dealId, dealId);
    assert.equal(await deals.removeAssociation(dealId, 'COMPANY', companyId), undefined);
    assert.equal(await deals.deleteById(dealId), undefined);
  });

  it('works on engagements, and reads pipelines and owners', async () => {
    const { engagement } = await hubspot.engagements.create({ engagement: { type: 'NOTE' }, associations: {}, metadata: { body: 'old' } });
    assert.equal((await hubspot.engagements.update(engagement.id, { metadata: { body: 'new' } })).metadata.body, 'new');
    assert.equal((await hubspot.engagements.getRecentlyModified()).results[0].engagement.id, engagement.id);
    assert.equal((await hubspot.pipelines.get())[0].pipelineId, 'default');
    await call(server, 'POST', '/docket/v1/users', { email: 'grace@example.com' });
    const [owner] = await hubspot.owners.get();
    assert.equal((await hubspot.owners.getById(owner.ownerId)).remoteList[0].remoteType, 'HUBSPOT');
  });
});
