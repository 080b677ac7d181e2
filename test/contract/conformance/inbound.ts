import { describe, expect, it } from 'vitest';
import type { DeskEvent } from '../../../activities/desks/desk.ts';
import type { SandboxFile } from '../../../api/sandbox/desk-sandbox.ts';
import type { Attachment, HandoffSignal } from '../../../workflows/contracts.ts';
import type { Notice } from './receiver.ts';
import type { Stage } from './stage.ts';

type Kind = HandoffSignal['kind'];

const FILES: SandboxFile[] = [
  { url: 'https://cdn.example.org/att/1/bill.pdf', name: 'bill.pdf', contentType: 'application/pdf' },
  { url: 'https://cdn.example.org/att/2/picture.png', name: 'picture.png', contentType: 'image/png' },
];

/** All orders of three things. */
export const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** The events that Baton would keep: the first of each key, in the order of arrival. */
export function keptOf(notices: readonly Notice[], mode: 'external' | 'native'): DeskEvent[] {
  const byKey = new Map<string, DeskEvent>();
  for (const event of notices.flatMap(({ events }) => events)) {
    // In external mode the desk's user is us.
    if (mode === 'external' && event.signal.kind === 'userMessage') continue;
    if (!byKey.has(event.dedupeKey)) byKey.set(event.dedupeKey, event);
  }
  return [...byKey.values()];
}

export const textsOf = (events: DeskEvent[]): string[] =>
  events.flatMap(({ signal }) => ('text' in signal ? [signal.text] : []));

export const kindsOf = (events: DeskEvent[]): Kind[] => events.map(({ signal }) => signal.kind);
const filesOf = (events: DeskEvent[]): Attachment[] =>
  events.flatMap(({ signal }) => ('attachments' in signal ? (signal.attachments ?? []) : []));

export function testInbound<C>(stage: Stage<C>): void {
  const { desk, mode, facts, context } = stage;

  /** What Baton keeps of all webhooks that come during `work`. */
  async function during(work: () => Promise<unknown>): Promise<DeskEvent[]> {
    const { receiver } = stage.inbound;
    receiver.clear();
    await work();
    expect(receiver.notices.filter(({ auth }) => !auth.ok)).toEqual([]);
    return keptOf(receiver.notices, mode);
  }
  /** With the humans, and everything that the opening caused has arrived. */
  async function withHumans(): Promise<string> {
    const { deskConversationId } = await stage.opened();
    await stage.inbound.sandbox.human.reply(deskConversationId, 'Hello, I am the agent.');
    return deskConversationId;
  }
  const human = () => stage.inbound.sandbox.human;

  describe('what agents do', () => {
    it('a reply is an event of its conversation, with its words and who said them', async () => {
      const { deskConversationId } = await stage.opened();
      const events = await during(() => human().reply(deskConversationId, 'Hello, how can I help?'));
      const replies = events.filter(({ signal }) => signal.kind === 'agentReply');
      expect(replies).toMatchObject([{ deskConversationId, signal: { text: 'Hello, how can I help?' } }]);
      const [{ signal }] = replies as [DeskEvent];
      expect('agent' in signal && (signal.agent?.id ?? signal.agent?.name)).toBeTruthy();
    });

    it('the same words said twice are two events', async () => {
      const id = await withHumans();
      const events = await during(async () => {
        await human().reply(id, 'ok');
        await human().reply(id, 'ok');
      });
      expect(textsOf(events)).toEqual(['ok', 'ok']);
    });

    it('several replies arrive in their order, also when one webhook tells all of them', async () => {
      const id = await withHumans();
      const said = ['one', 'two', 'three', 'four'];
      const events = await during(async () => {
        if (facts.several) await facts.several(stage.inbound.sandbox, id, said);
        else for (const text of said) await human().reply(id, text);
      });
      expect(textsOf(events)).toEqual(said);
    });

    it('words arrive as text, whatever is in them', async () => {
      const id = await withHumans();
      const said = ['1 < 2 & <b>not bold</b> &amp; “Zoë” 你好 🙂', 'first line\nsecond line', 'C:\\path "quoted"'];
      for (const html of facts.html ? [false, true] : [false]) {
        facts.html?.(stage.inbound.sandbox, html);
        const events = await during(async () => {
          for (const text of said) await human().reply(id, text);
        });
        facts.html?.(stage.inbound.sandbox, false);
        expect(textsOf(events), html ? 'from HTML' : 'from text').toEqual(said);
      }
    });

    it('a reply with files has them by reference [check 14]', async () => {
      const id = await withHumans();
      const events = await during(() => human().reply(id, 'Here they are', { files: FILES }));
      const { fileNotice } = facts;
      if (fileNotice !== undefined) {
        expect(textsOf(events)).toEqual(['Here they are', fileNotice, fileNotice]);
        return expect(filesOf(events)).toEqual([]);
      }
      expect(textsOf(events).filter(Boolean)).toEqual(['Here they are']);
      expect(filesOf(events)).toMatchObject(FILES.map(({ url, name }) => ({ url, name })));
    });

    it('files without words are an event as well', async () => {
      const id = await withHumans();
      const events = await during(() => human().reply(id, '', { files: FILES.slice(0, 1) }));
      if (facts.fileNotice !== undefined) return expect(textsOf(events)).toEqual([facts.fileNotice]);
      expect(filesOf(events).map(({ url }) => url)).toEqual([FILES[0]?.url]);
    });

    it('a close is one event, after the words that were said with it', async () => {
      const [id, other] = [await withHumans(), await withHumans()];
      const closed = await during(() => human().close(id));
      expect(closed).toMatchObject([{ deskConversationId: id, signal: { kind: 'close', by: 'agent' } }]);
      const withWords = await during(() => human().close(other, { text: 'Bye, and thank you' }));
      expect(kindsOf(withWords)).toEqual(['agentReply', 'close']);
      expect(textsOf(withWords)).toEqual(['Bye, and thank you']);
    });

    it('another agent takes over: told once, with who it is [check 8]', async () => {
      const id = await withHumans();
      const events = await during(() => human().transfer(id, facts.colleague ?? ''));
      expect(kindsOf(events).filter((kind) => kind === 'agentChanged')).toHaveLength(1);
      expect(kindsOf(events).filter((kind) => kind !== 'agentChanged' && kind !== 'agentJoined')).toEqual([]);
      const [{ signal }] = events as [DeskEvent];
      expect('agent' in signal && signal.agent?.id).toBeTruthy();
    });

    it('notes, notes with files, and parts that nobody knows are no events [check 12]', async () => {
      const id = await withHumans();
      stage.inbound.receiver.takeAll(true);
      const events = await during(async () => {
        await human().note(id, 'He is angry, be careful');
        await human().note(id, 'See the file', { files: FILES });
        await human().note(id, '', { files: FILES.slice(0, 1) });
        await human().unknownPart(id);
      });
      expect(stage.inbound.receiver.notices.length).toBeGreaterThanOrEqual(facts.keepsNotes ? 1 : 4);
      expect(events).toEqual([]);
    });

    it("what the desk itself says of a transfer and a close is no agent's reply [check 12]", async () => {
      const id = await withHumans();
      const events = await during(async () => {
        await human().transfer(id, facts.colleague ?? '');
        await human().close(id);
      });
      expect(textsOf(events)).toEqual([]);
      expect(kindsOf(events).at(-1)).toBe('close');
    });
  });

  describe('what comes twice, late, early or from elsewhere', () => {
    it('five times at once: one key [check 1]', async () => {
      const id = await withHumans();
      const { sandbox, receiver } = stage.inbound;
      for (const act of [
        () => human().reply(id, 'Said once'),
        () => human().transfer(id, facts.colleague ?? ''),
        () => human().close(id),
      ]) {
        sandbox.webhooks({ copies: 5 });
        const events = await during(act);
        sandbox.webhooks({});
        expect(receiver.notices.length).toBeGreaterThanOrEqual(5);
        const perKey = receiver.notices.flatMap((notice) => notice.events).map(({ dedupeKey }) => dedupeKey);
        const counts = [...new Set(perKey)].map((key) => perKey.filter((one) => one === key).length);
        expect(counts.length).toBeGreaterThan(0);
        for (const count of counts) expect(count % 5).toBe(0);
        expect(new Set(kindsOf(events)).size).toBe(events.length);
      }
    });

    it.each(ORDERS)('reply, close and reply in the order %i %i %i: nothing is lost [check 2]', async (...order) => {
      const id = await withHumans();
      const { receiver, sandbox } = stage.inbound;
      const steps: Notice[][] = [];
      for (const step of [
        () => human().reply(id, 'Before the close'),
        () => human().close(id),
        () => sandbox.human.reply(id, 'After the close'),
      ]) {
        receiver.clear();
        await step();
        steps.push([...receiver.notices]);
      }
      const again = order
        .flatMap((n) => steps[n] ?? [])
        .map(({ raw }) => {
          const auth = desk.webhook?.authenticate(raw, stage.bench.config) ?? { ok: false, reason: 'no webhook' };
          return { raw, auth, events: desk.webhook?.parse(raw, stage.bench.config) ?? [] };
        });
      const kept = keptOf(again, mode);
      expect(again.every(({ auth }) => auth.ok)).toBe(true);
      expect(kept.filter(({ signal }) => signal.kind === 'close')).toHaveLength(1);
      const said = textsOf(kept).toSorted();
      // A desk whose conversations are over when they are closed has no second reply.
      const all = steps[2]?.some(({ raw }) => raw.body.includes('After the close'))
        ? ['After the close', 'Before the close']
        : ['Before the close'];
      expect(said).toEqual(all);
      expect(new Set(kept.map(({ dedupeKey }) => dedupeKey)).size).toBe(all.length + 1);
    });

    it('a reply that comes before our opening has its answer belongs to it [check 5]', async () => {
      if (mode === 'native') return;
      const { sandbox, receiver } = stage.inbound;
      const request = await stage.opening();
      const known = new Set(sandbox.conversations().map(({ id }) => id));
      receiver.clear();
      sandbox.fault('open', { kind: 'slow', ms: 1_500 });
      const opening = desk.open(context(), request);
      const isNew = (): string | undefined => sandbox.conversations().find(({ id }) => !known.has(id))?.id;
      const early = await stage.eventually(isNew, 'the desk has no new conversation');
      await human().reply(early, 'I was quick');
      const events = keptOf(receiver.notices, mode);
      sandbox.clearFaults();
      const { deskConversationId } = await opening;
      expect(textsOf(events)).toEqual(['I was quick']);
      expect(new Set(events.map((event) => event.deskConversationId))).toEqual(new Set([deskConversationId]));
      expect(events.length === 1 || facts.tellsPickUp).toBe(true);
    });

    it('webhooks that arrive before the answer to the call that caused them are no events [check 5]', async () => {
      const { sandbox, receiver } = stage.inbound;
      const to = await stage.talk();
      sandbox.webhooks({ early: true });
      receiver.takeAll(true);
      const events = await during(() => desk.send(context(), stage.message(to, 2, 'Told early')));
      expect(events).toEqual([]);
      expect(receiver.notices.length > 0).toBe(desk.capabilities.echoesOwnMessages && !stage.asks);
    });

    it('two replies in the wrong order are both there', async () => {
      const id = await withHumans();
      const { sandbox } = stage.inbound;
      sandbox.webhooks({ reverse: 2 });
      const events = await during(() => Promise.all([human().reply(id, 'first'), human().reply(id, 'second')]));
      sandbox.webhooks({});
      expect(textsOf(events).toSorted()).toEqual(['first', 'second']);
    });

    it('a conversation that is not ours is read without harm, under its own id', async () => {
      const ours = await withHumans();
      const { sandbox, receiver } = stage.inbound;
      receiver.clear();
      const foreign = await sandbox.user.writes('I have nothing to do with any bot');
      await human().transfer(foreign, facts.colleague ?? '');
      await human().reply(foreign, 'Neither have I');
      await human().close(foreign);
      expect(receiver.notices.filter(({ auth }) => !auth.ok)).toEqual([]);
      const events = receiver.notices.flatMap((notice) => notice.events);
      expect(new Set(events.map(({ deskConversationId }) => deskConversationId))).toEqual(new Set([foreign]));
      expect(foreign).not.toBe(ours);
      expect(desk.capabilities.reportsForeign).toBe(true);
    });
  });
}
