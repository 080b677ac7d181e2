import { IntercomClient, IntercomError } from 'intercom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIntercomSandbox, type IntercomSandbox } from '../../api/sandbox/intercom/index.ts';

let sandbox: IntercomSandbox;
let client: IntercomClient;
let settings: Record<string, string>;

beforeEach(async () => {
  sandbox = createIntercomSandbox();
  const baseUrl = await sandbox.listen();
  settings = sandbox.settings(baseUrl, 'external') as Record<string, string>;
  client = new IntercomClient({ environment: baseUrl, token: settings['accessToken']!, maxRetries: 0 });
});
afterEach(() => sandbox.stop());

describe("Intercom's own client library, against the sandbox", () => {
  it('says who it is and who works there', async () => {
    const me = await client.admins.identify();
    expect(me).toMatchObject({ type: 'admin', id: settings['adminId'], app: { id_code: sandbox.workspaceId } });
    expect((await client.admins.list()).admins?.map((admin) => admin?.name)).toContain('Dana Reyes');
    expect(await client.admins.find({ admin_id: 7_001_001 })).toMatchObject({ name: 'Dana Reyes' });
    expect((await client.teams.list()).teams?.map(({ id }) => id)).toContain(settings['teamId']);
    expect(await client.teams.find({ team_id: settings['teamId']! })).toMatchObject({ name: 'Support' });
  });

  it('leads a conversation from its beginning to its end', async () => {
    const contact = await client.contacts.create({ external_id: 'user-1', name: 'Lea' });
    expect(contact).toMatchObject({ type: 'contact', role: 'user', external_id: 'user-1' });
    expect(await client.contacts.find({ contact_id: contact.id })).toMatchObject({ id: contact.id, name: 'Lea' });
    expect(await client.contacts.showContactByExternalId({ external_id: 'user-1' })).toMatchObject({ id: contact.id });
    const query = { field: 'external_id', operator: '=', value: 'user-1' } as const;
    expect((await client.contacts.search({ query })).data.map(({ id }) => id)).toEqual([contact.id]);

    const from = { type: 'user', id: contact.id } as const;
    const message = await client.conversations.create({ from, body: 'Help & <me>' });
    const id = message.conversation_id;
    expect(id).not.toBe(message.id);
    const admin_id = settings['adminId']!;
    const assigned = await client.conversations.manage({
      conversation_id: id,
      body: { message_type: 'assignment', type: 'team', admin_id, assignee_id: settings['teamId']! },
    });
    expect(assigned).toMatchObject({ id, team_assignee_id: Number(settings['teamId']), admin_assignee_id: null });
    const replied = await client.conversations.reply({
      conversation_id: id,
      body: { message_type: 'comment', type: 'user', intercom_user_id: contact.id, body: 'Are you there?' },
    });
    expect(replied.conversation_parts?.conversation_parts?.map((part) => part.body)).toEqual(['<p>Are you there?</p>']);
    await client.conversations.reply({
      conversation_id: id,
      body: { message_type: 'note', type: 'admin', admin_id, body: '<b>secret</b>' },
    });
    await client.conversations.manage({
      conversation_id: id,
      body: { message_type: 'close', type: 'admin', admin_id },
    });

    const found = await client.conversations.find({ conversation_id: id, display_as: 'plaintext' });
    expect(found).toMatchObject({ state: 'closed', open: false, source: { id: message.id, body: 'Help & <me>' } });
    expect(found.conversation_parts?.conversation_parts?.map((part) => [part.part_type, part.body])).toEqual([
      ['assignment', null],
      ['comment', 'Are you there?'],
      ['note', 'secret'],
      ['close', null],
    ]);
    const mine = { field: 'contact_ids', operator: '=', value: contact.id } as const;
    const closed = { field: 'state', operator: '=', value: 'closed' } as const;
    const hits = await client.conversations.search({ query: { operator: 'AND', value: [mine, closed] } });
    expect(hits.data.map((hit) => hit.id)).toEqual([id]);
  });

  it('pages through what it finds', async () => {
    for (let n = 0; n < 7; n += 1) await client.contacts.create({ external_id: `user-${n}` });
    const query = { field: 'role', operator: '=', value: 'user' } as const;
    const names: (string | null | undefined)[] = [];
    for await (const contact of await client.contacts.search({ query, pagination: { per_page: 3 } })) {
      names.push(contact.external_id);
    }
    expect(names).toEqual(Array.from({ length: 7 }, (_, n) => `user-${6 - n}`));
  });

  it('understands its errors', async () => {
    const wrong = new IntercomClient({ environment: settings['baseUrl']!, token: 'wrong', maxRetries: 0 });
    await expect(wrong.admins.identify()).rejects.toMatchObject({ statusCode: 401 });
    await expect(client.conversations.find({ conversation_id: '1' })).rejects.toBeInstanceOf(IntercomError);
    const contact = await client.contacts.create({ external_id: 'user-1' });
    const message = `A contact matching those details already exists with id=${contact.id}`;
    await expect(client.contacts.create({ external_id: 'user-1' })).rejects.toMatchObject({
      statusCode: 409,
      body: { type: 'error.list', errors: [{ code: 'conflict', message }] },
    });
    sandbox.fault('verify', { kind: 'rate_limit', resetInMs: 5_000, times: 1 });
    await expect(client.admins.identify()).rejects.toMatchObject({ statusCode: 429 });
    await expect(client.admins.identify()).resolves.toMatchObject({ type: 'admin' });
  });
});
