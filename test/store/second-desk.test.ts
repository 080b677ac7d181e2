import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desks } from '../../activities/desks/registry.ts';
import { parseSettings, type BotSettings } from '../../activities/settings.ts';
import type { ReceivedEvent } from '../../activities/store/store.ts';
import { newEvent, newHandoff, newId, openStores, webhookSettings, type Fixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openStores();
});
afterAll(() => fixture.close());

const INTERCOM = { kind: 'intercom', accessToken: 'token-of-intercom', clientSecret: 'signs-for-intercom' };
const both = (more = {}): BotSettings => webhookSettings({ secondDesk: INTERCOM, ...more });

describe('a bot with two desks', () => {
  it('keeps both with their secrets sealed, each with a token and a service of its own', async () => {
    const { bots } = fixture.store;
    const id = newId('bot');
    const record = await bots.put(id, both(), { secondService: { state: 'unavailable', why: 'no entry' } });
    expect(record.settings).toMatchObject({
      desk: { kind: 'webhook', password: 'set' },
      secondDesk: { kind: 'intercom', accessToken: 'set', clientSecret: 'set' },
    });
    expect(record.service.state).toBe('available');
    expect(record.secondDesk?.service).toMatchObject({ state: 'unavailable', why: 'no entry' });
    expect(record.secondDesk?.hookToken).toMatch(/^[\w-]{20,}$/);
    expect(record.secondDesk?.hookToken).not.toBe(record.hookToken);
    expect(await bots.get(id)).toEqual(record);
    expect(await bots.withSecrets(id)).toEqual(both());
    expect(await bots.desk(id, 'intercom')).toEqual(both().secondDesk);
    expect(await bots.byHookToken('intercom', record.secondDesk?.hookToken ?? '')).toEqual({ botId: id });
    const stored = await fixture.query('select b::text || d::text as row from bots b join desk_configs d on true');
    expect(JSON.stringify(stored)).not.toMatch(/open sesame|token-of-intercom|signs-for-intercom/);
  });

  it('may change their places, and the secrets and tokens go along', async () => {
    const { bots } = fixture.store;
    const id = newId('bot');
    const before = await bots.put(id, both());
    const swapped = parseSettings(
      {
        desk: { ...INTERCOM, accessToken: 'set', clientSecret: 'set' },
        secondDesk: { kind: 'webhook', url: 'https://desk.example.com', username: 'baton' },
      },
      await bots.withSecrets(id),
      desks,
    );
    const after = await bots.put(id, swapped);
    expect(await bots.withSecrets(id)).toMatchObject({ desk: INTERCOM, secondDesk: { password: 'open sesame' } });
    expect([after.hookToken, after.secondDesk?.hookToken]).toEqual([before.secondDesk?.hookToken, before.hookToken]);
  });

  it('that an older version has saved has the first one it chose, and no desk twice', async () => {
    const { bots } = fixture.store;
    const id = newId('bot');
    await bots.put(id, both());
    // Older versions know no second desk and leave its column alone.
    await fixture.query(`update bots set desk_kind = 'intercom' where id = $1`, [id]);
    expect(await bots.get(id)).toMatchObject({ settings: { desk: { kind: 'intercom' }, secondDesk: null } });
    await fixture.query(`update bots set desk_kind = null where id = $1`, [id]);
    expect(await bots.get(id)).toMatchObject({ settings: { desk: null, secondDesk: null }, secondDesk: null });
  });
});

describe('a handoff that leaves its desk', () => {
  const left = { desk: 'webhook', why: 'wait_timeout' as const, deskConversationId: 'w-1' };

  /** At Webhook, in the conversation `w-1`. */
  async function atFirst(more = {}) {
    const handoff = newHandoff(more);
    await fixture.store.handoffs.open(handoff);
    await fixture.store.handoffs.bindDesk(handoff.id, 'w-1', 'webhook');
    return handoff;
  }

  const eventOf = (botId: string, key: string, more: Partial<ReceivedEvent> = {}): ReceivedEvent => ({
    botId,
    desk: 'webhook',
    dedupeKey: key,
    deskConversationId: 'w-1',
    signal: { kind: 'agentReply', id: `webhook:${key}`, text: key },
    ...more,
  });

  it('does it once, and says where it was', async () => {
    const { handoffs } = fixture.store;
    const { id } = await atFirst();
    expect(await handoffs.move(id, left, 'intercom')).toBe(true);
    await handoffs.bindDesk(id, 'i-1', 'intercom');
    expect(await handoffs.move(id, left, 'intercom')).toBe(false);
    expect(await handoffs.get(id)).toMatchObject({
      desk: 'intercom',
      deskConversationId: 'i-1',
      earlierDesks: [{ desk: 'webhook', deskConversationId: 'w-1', why: 'wait_timeout' }],
    });
  });

  it('is not bound again by a late answer of the desk that it has left, which is noted', async () => {
    const { handoffs } = fixture.store;
    const handoff = newHandoff();
    await handoffs.open(handoff);
    await handoffs.move(handoff.id, { desk: 'webhook', why: 'desk_unavailable' }, 'intercom');
    await handoffs.bindDesk(handoff.id, 'w-late', 'webhook');
    const row = await handoffs.get(handoff.id);
    expect(row).toMatchObject({ desk: 'intercom', deskConversationId: null });
    expect(row?.earlierDesks).toMatchObject([{ deskConversationId: 'w-late', why: 'desk_unavailable' }]);
    await handoffs.bindDesk(handoff.id, 'w-later', 'webhook');
    expect((await handoffs.get(handoff.id))?.earlierDesks[0]?.deskConversationId).toBe('w-late');
  });

  it('is found by the conversations of both desks, unless another one has the conversation by now', async () => {
    const { handoffs, inbox } = fixture.store;
    const { id, botId } = await atFirst();
    await handoffs.move(id, left, 'intercom');
    await handoffs.bindDesk(id, 'i-1', 'intercom');
    const foreignPossible = true;
    expect((await inbox.receive(eventOf(botId, 'one', { foreignPossible }))).handoffId).toBe(id);
    const there = { desk: 'intercom', deskConversationId: 'i-1' };
    expect((await inbox.receive(eventOf(botId, 'two', there))).handoffId).toBe(id);
    expect(await handoffs.byDeskConversation(botId, 'webhook', 'w-1')).toMatchObject({ id });
    expect(await handoffs.openFor(botId, 'w-1')).toBeUndefined();
    const next = await atFirst({ botId });
    expect((await inbox.receive(eventOf(botId, 'three'))).handoffId).toBe(next.id);
  });

  it('is opening again from the event on', async () => {
    const { handoffs, journal } = fixture.store;
    const handoff = await atFirst();
    const events = [newEvent(handoff, 1, 'handoff.connecting'), newEvent(handoff, 2, 'handoff.desk_changed')];
    const entry = { handoffId: handoff.id, botId: handoff.botId, late: [], status: 'active' as const };
    await journal.append({ ...entry, events });
    expect((await handoffs.get(handoff.id))?.status).toBe('opening');
    await journal.append({ ...entry, events: [newEvent(handoff, 3, 'handoff.connecting')] });
    expect((await handoffs.get(handoff.id))?.status).toBe('connecting');
  });
});
