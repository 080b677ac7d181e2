import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../../activities/desks/desk.ts';
import { keptOf } from './inbound.ts';
import { CONTEXT, type Stage } from './stage.ts';

/** What the desk makes of something, and what the user writes in its messenger. */
function ears<C>(stage: Stage<C>) {
  const sandbox = () => stage.inbound.sandbox;
  async function during(work: () => Promise<unknown>): Promise<DeskEvent[]> {
    const { receiver } = stage.inbound;
    receiver.clear();
    await work();
    return keptOf(receiver.notices, 'native');
  }
  const writes = (text: string, conversationId: string) =>
    during(async () => {
      await sandbox().user.writes(text, { conversationId });
      // A desk that waits for the bot tells it only when its last question is answered.
      await stage.inbound.receiver.heard(text);
    });
  return { sandbox, during, writes };
}

/** What the user says in the desk's own messenger. */
export function testMessenger<C>(stage: Stage<C>): void {
  const { sandbox, during, writes } = ears(stage);

  describe('the user in the messenger', () => {
    it('what he writes first and later are events, with who he is', async () => {
      let id = '';
      const first = await during(async () => {
        id = await sandbox().user.writes('Hello?', {
          files: [{ url: 'https://cdn.example.org/1.png', name: '1.png' }],
        });
        await stage.inbound.receiver.heard('Hello?');
      });
      const [begun] = first as [DeskEvent];
      expect(begun).toMatchObject({ deskConversationId: id, signal: { kind: 'userMessage', text: 'Hello?' } });
      expect(begun.signal).toMatchObject({ user: { id: expect.any(String) } });
      const user = begun.signal.kind === 'userMessage' ? begun.signal.user : undefined;
      expect(user?.name ?? user?.email).toBeTruthy();
      const files = first.flatMap(({ signal }) => ('attachments' in signal ? (signal.attachments ?? []) : []));
      expect(files).toMatchObject([{ url: 'https://cdn.example.org/1.png' }]);
      const later = await writes('Are you there?', id);
      expect(later).toMatchObject([
        { deskConversationId: id, signal: { text: 'Are you there?', user: { id: user?.id } } },
      ]);
      expect([...first, ...later].filter(({ signal }) => 'human' in signal && signal.human === true)).toEqual([]);
    });

    it('five times at once: one key [check 1]', async () => {
      const { deskConversationId } = await stage.talk();
      sandbox().webhooks({ copies: 5 });
      // Told apart over both: a copy of the first may come while the second is written.
      const events = await during(async () => {
        await sandbox().user.writes('Once', { conversationId: deskConversationId });
        await stage.inbound.receiver.heard('Once');
        await sandbox().user.writes('A new one');
        await stage.inbound.receiver.heard('A new one');
      });
      sandbox().webhooks({});
      expect(events.map(({ signal }) => ('text' in signal ? signal.text : signal.kind))).toEqual(['Once', 'A new one']);
    });

    it('two users are two conversations', async () => {
      const [one, two] = [await stage.talk(), await stage.talk()];
      expect(one.deskConversationId).not.toBe(two.deskConversationId);
    });
  });
}

/** The bot has a seat in the desk's own messenger. */
export function testNative<C>(stage: Stage<C>): void {
  const { desk, facts, context, message } = stage;
  const { sandbox, during, writes } = ears(stage);
  const linesFrom = (id: string, from: string): string[] =>
    (sandbox().conversation(id)?.messages ?? []).filter((line) => line.from === from).map(({ text }) => text);

  describe('the bot in the messenger', () => {
    it('answers as the bot, and its answer is no event', async () => {
      const to = await stage.talk();
      const events = await during(async () => {
        await desk.send(context(), message(to, 2, 'I am the bot'));
        await stage.inbound.receiver.heard('I am the bot');
      });
      expect(linesFrom(to.deskConversationId, 'bot')).toEqual(['I am the bot']);
      expect(events).toEqual([]);
    });

    it('talks with the user in turns', async () => {
      const to = await stage.talk();
      for (const n of [1, 2, 3]) {
        await desk.send(context(), message(to, n, `answer ${n}`));
        expect(await writes(`question ${n}`, to.deskConversationId)).toMatchObject([
          { signal: { kind: 'userMessage', text: `question ${n}` } },
        ]);
      }
      expect(linesFrom(to.deskConversationId, 'bot')).toEqual(['answer 1', 'answer 2', 'answer 3']);
    });
  });

  describe('the handoff in the messenger', () => {
    it('gives the conversation to the humans, with the context as an internal note', async () => {
      const request = await stage.opening();
      const id = request.deskConversationId ?? '';
      const before = sandbox().conversation(id)?.assignee;
      expect(await desk.open(context(), request)).toEqual({ deskConversationId: id });
      const talk = sandbox().conversation(id);
      expect(talk?.assignee).toBeTruthy();
      expect(talk?.assignee).not.toBe(before);
      expect(linesFrom(id, 'note').filter((text) => text.includes(CONTEXT))).toHaveLength(1);
      for (const from of ['user', 'bot', 'agent', 'system']) expect(linesFrom(id, from).join()).not.toContain(CONTEXT);
    });

    it('what the user writes to a human is an event too, which says so where the desk does', async () => {
      const { deskConversationId: id } = await stage.opened();
      await sandbox().human.transfer(id, facts.colleague ?? '');
      await sandbox().human.reply(id, 'I am human');
      const events = await writes('Good', id);
      expect(events).toMatchObject([{ signal: { kind: 'userMessage', text: 'Good' } }]);
      const isHuman = events.some(({ signal }) => signal.kind === 'userMessage' && signal.human === true);
      if (facts.tellsWhoHasIt) expect(isHuman).toBe(true);
    });

    it('gives the conversation back to the bot at the end, which can speak again', async () => {
      const to = await stage.opened();
      const { deskConversationId: id } = to;
      await sandbox().human.reply(id, 'I am human');
      const withHumans = sandbox().conversation(id)?.assignee;
      const events = await during(async () => {
        await desk.close(context(), stage.closing(to));
        await sandbox().human.note(id, 'Behind it');
      });
      expect(sandbox().conversation(id)).toMatchObject({ closed: false });
      expect(sandbox().conversation(id)?.assignee).not.toBe(withHumans);
      // The handoff is over when this comes, so it changes nothing.
      const isEcho = ({ signal }: DeskEvent) => facts.hidesWhoEnds === true && signal.kind === 'close';
      expect(events.filter((event) => !isEcho(event))).toEqual([]);
      await desk.send(context(), message(to, 50, 'I am the bot again'));
      expect(linesFrom(id, 'bot')).toEqual(['I am the bot again']);
      const [event] = (await writes('Hello bot', id)) as [DeskEvent];
      expect(event.signal).toMatchObject({ kind: 'userMessage', text: 'Hello bot' });
      expect('human' in event.signal && event.signal.human === true).toBe(false);
    });

    it('takes the bot out of a conversation that was its own', async () => {
      const request = await stage.opening();
      const id = request.deskConversationId ?? '';
      const seat = facts.seat?.(stage.bench.config as Record<string, unknown>) ?? '';
      // It may have it already.
      await sandbox()
        .human.transfer(id, seat)
        .catch(() => 0);
      const bots = sandbox().conversation(id)?.assignee;
      await desk.open(context(), request);
      expect(bots).toBeTruthy();
      expect(sandbox().conversation(id)?.assignee).not.toBe(bots);
    });

    it('leaves a conversation closed that a human has closed', async () => {
      const to = await stage.opened();
      await sandbox().human.close(to.deskConversationId);
      await desk.close(context(), stage.closing(to));
      expect(stage.bench.isClosed(to.deskConversationId)).toBe(true);
    });

    it('a human who gives it back to the bot ends the handoff', async () => {
      const { deskConversationId: id } = await stage.opened();
      await sandbox().human.reply(id, 'Let the bot do it');
      const seat = facts.seat?.(stage.bench.config as Record<string, unknown>) ?? '';
      const events = await during(() => sandbox().human.transfer(id, seat));
      expect(events.filter(({ signal }) => signal.kind === 'close')).toMatchObject([
        { deskConversationId: id, signal: { by: 'agent' } },
      ]);
      expect(events.filter(({ signal }) => signal.kind === 'agentChanged')).toEqual([]);
    });

    it('is opened again for the next handoff of the same conversation', async () => {
      const first = await stage.opened();
      await desk.close(context(), stage.closing(first));
      const next = await stage.opening();
      const again = { ...next, deskConversationId: first.deskConversationId, conversationId: first.deskConversationId };
      expect(await desk.open(context(), again)).toEqual({ deskConversationId: first.deskConversationId });
      const notes = linesFrom(first.deskConversationId, 'note').filter((text) => text.includes(CONTEXT));
      expect(notes).toHaveLength(2);
    });
  });
}
