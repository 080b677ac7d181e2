import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../../activities/desks/desk.ts';
import { withoutHeard } from '../../../activities/words.ts';
import { DeskError } from '../../../activities/errors.ts';
import { keptOf, kindsOf, textsOf } from './inbound.ts';
import type { Call, Stage, Talk } from './stage.ts';

/** What happened, without who is there: that some desks tell by the hour, and some not at all. */
const TOLD = new Set(['agentReply', 'userMessage', 'close']);

/** A desk that can be asked tells what its webhooks tell, under the same keys or with the same words. */
export function testRecent<C>(stage: Stage<C>): void {
  const { desk, mode, facts } = stage;

  /** Of this conversation, since its opening. In external mode the desk's user is us. */
  async function recent(to: Talk, sinceMs: number, call?: Call<C>): Promise<DeskEvent[]> {
    const { handoffId, deskConversationId } = to;
    const found = await desk.recent?.(stage.context(call), { handoffId, deskConversationId, mode, sinceMs });
    return (found ?? []).filter(({ signal }) => mode === 'native' || signal.kind !== 'userMessage');
  }

  /** Handed over, with what webhooks have told of it since. */
  async function connected(): Promise<{ to: Talk; sinceMs: number; told(): DeskEvent[] }> {
    stage.inbound.receiver.clear();
    const sinceMs = Date.now() - 5_000;
    const to = await stage.opened();
    return { to, sinceMs, told: () => keptOf(stage.inbound.receiver.notices, mode) };
  }
  const human = () => stage.inbound.sandbox.human;
  const unknownTo = (told: DeskEvent[], found: DeskEvent[]): DeskEvent[] => {
    const keys = new Set(told.map(({ dedupeKey }) => dedupeKey));
    const rest = found.filter(({ dedupeKey, signal }) => TOLD.has(signal.kind) && !keys.has(dedupeKey));
    return withoutHeard(
      rest,
      told.filter(({ dedupeKey }) => !found.some((one) => one.dedupeKey === dedupeKey)).map(({ signal }) => signal),
    );
  };

  describe('what it has, when it is asked', () => {
    it('what its webhooks have told is known', async () => {
      const { to, sinceMs, told } = await connected();
      const { deskConversationId: id } = to;
      await human().reply(id, 'Hello, <b>how</b> can I help?');
      await human().reply(id, 'ok');
      await human().reply(id, 'ok');
      await human().transfer(id, facts.colleague ?? '');
      await human().note(id, 'He is angry, be careful');
      await human().unknownPart(id);
      await human().close(id, { text: 'Bye' });
      expect(textsOf(told()).slice(-4)).toEqual(['Hello, <b>how</b> can I help?', 'ok', 'ok', 'Bye']);
      const found = await recent(to, sinceMs);
      expect(unknownTo(told(), found)).toEqual([]);
      expect(textsOf(found)).toEqual(textsOf(told()));
      expect(found.every(({ deskConversationId }) => deskConversationId === id)).toBe(true);
    });

    it('what no webhook told is found, in order, and the same at every look', async () => {
      const { to, sinceMs, told } = await connected();
      const { deskConversationId: id } = to;
      await human().reply(id, 'told');
      stage.inbound.sandbox.webhooks({ drop: true });
      await human().reply(id, 'lost');
      await human().reply(id, 'lost');
      await human().close(id, { text: 'lost as well' });
      const found = await recent(to, sinceMs);
      expect(textsOf(unknownTo(told(), found))).toEqual(['lost', 'lost', 'lost as well']);
      const keys = found.map(({ dedupeKey }) => dedupeKey);
      expect(new Set(keys).size).toBe(keys.length);
      expect((await recent(to, sinceMs)).map(({ dedupeKey }) => dedupeKey)).toEqual(keys);
      if (facts.hidesItsEnd === undefined) expect(kindsOf(found).at(-1)).toBe('close');
      else expect(kindsOf(found)).not.toContain('close');
    });

    it('what we said, notes and unknown parts are nothing', async () => {
      const { to, sinceMs } = await connected();
      if (mode === 'external') await desk.send(stage.context(), stage.message(to, 2, 'Of the user'));
      await human().note(to.deskConversationId, 'He is angry, be careful');
      await human().unknownPart(to.deskConversationId);
      const found = await recent(to, sinceMs);
      expect(kindsOf(found).filter((kind) => kind === 'agentReply' || kind === 'close')).toEqual([]);
      expect(textsOf(found).filter((text) => /Of the user|angry/.test(text))).toEqual([]);
    });

    it('what is older is left out', async () => {
      const { to, sinceMs } = await connected();
      await human().reply(to.deskConversationId, 'Of today');
      expect(textsOf(await recent(to, sinceMs + 3_600_000))).toEqual([]);
    });

    it('changes nothing at the desk', async () => {
      const { to, sinceMs } = await connected();
      await human().reply(to.deskConversationId, 'Hello');
      const before = structuredClone(stage.inbound.sandbox.conversation(to.deskConversationId));
      stage.inbound.receiver.clear();
      await recent(to, sinceMs);
      expect(stage.inbound.sandbox.conversation(to.deskConversationId)).toEqual(before);
      expect(stage.inbound.receiver.notices).toEqual([]);
    });

    it('a desk that is away is a failure, without a secret', async () => {
      const { to, sinceMs } = await connected();
      const failure = await recent(to, sinceMs, { config: stage.bench.nobody }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DeskError);
    });
  });
}
