import { describe, expect, it } from 'vitest';
import { DeskError } from '../../../activities/errors.ts';
import type { Attachment } from '../../../workflows/contracts.ts';
import { failure } from '../../support/desk-requests.ts';
import { CONTEXT, QUESTION, type Stage } from './stage.ts';

/** The longest text that our API takes. */
const API_TEXT_MAX = 100_000;

const FILES: Attachment[] = [
  { url: 'https://files.example.org/a/picture.png', name: 'picture.png', contentType: 'image/png' },
  { url: 'https://files.example.org/b/bill.pdf', name: 'bill.pdf', contentType: 'application/pdf' },
];

const times = (lines: string[], part: string): number => lines.filter((line) => line.includes(part)).length;

/** Together the pieces are the text; white space at a seam is where one message ends and the next begins. */
function expectWhole(pieces: string[], text: string): void {
  let rest = text;
  for (const piece of pieces) {
    rest = rest.trimStart();
    expect(rest.slice(0, piece.trim().length) === piece.trim()).toBe(true);
    rest = rest.slice(piece.trim().length);
  }
  expect(rest.trim()).toBe('');
}

export function testOutbound<C>(stage: Stage<C>): void {
  const { desk, mode, context, message } = stage;
  const texts = (id: string): string[] => stage.bench.said(id).map(({ text }) => text);

  describe('open', () => {
    it('makes one conversation, also when it is repeated with the same key', async () => {
      const request = await stage.opening();
      const before = stage.bench.conversations().length;
      const first = await desk.open(context(), request);
      const lines = stage.bench.everything(first.deskConversationId);
      const second = await desk.open(context(), request);
      expect(first.deskConversationId).toBeTruthy();
      expect(second).toEqual(first);
      expect(stage.bench.conversations().length).toBe(before + (mode === 'external' ? 1 : 0));
      expect(stage.bench.everything(first.deskConversationId)).toEqual(lines);
    });

    it('gives agents the question and the talk before it, each once, and the user none of it', async () => {
      const request = { ...(await stage.opening()), question: 'Where is my parcel?' };
      const { deskConversationId } = await desk.open(context(), request);
      const lines = stage.bench.everything(deskConversationId);
      expect(times(lines, request.question)).toBeGreaterThan(0);
      expect(times(lines, CONTEXT)).toBe(1);
      if (mode === 'native') expect(times(texts(deskConversationId), CONTEXT)).toBe(0);
      else expect(lines.filter((line) => line === request.question)).toHaveLength(1);
    });

    it('makes one conversation when the answer to the first try is lost', async () => {
      const request = await stage.opening();
      const before = stage.bench.conversations().length;
      stage.bench.fault('open', { kind: 'drop_after', times: 1 });
      const error = await failure(desk.open(context(), request));
      expect(error).toMatchObject({ kind: 'timeout', unclear: true, desk: desk.id, operation: 'open' });
      const { deskConversationId } = await stage.persist((ctx) => desk.open(ctx, request));
      expect(stage.bench.conversations().length).toBe(before + (mode === 'external' ? 1 : 0));
      expect(times(stage.bench.everything(deskConversationId), CONTEXT)).toBe(1);
    });

    it('makes another conversation for another handoff', async () => {
      const [one, two] = [await stage.opened(), await stage.opened()];
      expect(one.deskConversationId).not.toBe(two.deskConversationId);
      const before = stage.bench.conversations().length;
      const three = await stage.opened();
      expect([one.deskConversationId, two.deskConversationId]).not.toContain(three.deskConversationId);
      expect(stage.bench.conversations().length).toBe(before + 1);
    });

    it('makes another conversation when the same user asks the same again, also when its call is lost', async () => {
      const first = await stage.opening();
      const ids = [(await desk.open(context(), first)).deskConversationId];
      for (const kind of [undefined, 'drop_after', 'drop_before'] as const) {
        const { user, question } = first;
        const request = { ...(await stage.opening()), user, question };
        if (kind !== undefined) {
          stage.bench.fault('open', { kind, times: 1 });
          await failure(desk.open(context(), request));
        }
        const { deskConversationId } = await stage.persist((ctx) => desk.open(ctx, request));
        expect(ids).not.toContain(deskConversationId);
        expect(times(stage.bench.everything(deskConversationId), CONTEXT)).toBe(1);
        ids.push(deskConversationId);
      }
    });

    it('tells agents of a message that its user has gone and how to answer him, and keeps it open', async () => {
      if (mode === 'native' || !desk.capabilities.keepsMessages) return;
      const request = { ...(await stage.opening()), email: 'mia@example.org', leftMessage: { emailIsDefault: false } };
      const { deskConversationId } = await desk.open(context(), request);
      expect(await desk.open(context(), request)).toEqual({ deskConversationId });
      const lines = stage.bench.everything(deskConversationId);
      expect(times(lines, 'The user has left a message and is gone.')).toBe(1);
      expect(times(lines, 'Please answer by e-mail: mia@example.org')).toBe(1);
      expect(times(lines, request.question)).toBeGreaterThan(0);
      expect(stage.bench.isClosed(deskConversationId)).toBe(false);
    });

    it('works for a user of whom nothing is known, and without a talk before', async () => {
      const { email: _, ...request } = await stage.opening();
      const { deskConversationId } = await desk.open(context(), { ...request, user: {}, history: [] });
      expect(times(stage.bench.everything(deskConversationId), QUESTION)).toBeGreaterThan(0);
    });

    it('opens for several users at once without mixing them', async () => {
      const requests = await Promise.all([1, 2, 3].map(() => stage.opening()));
      const opened = await Promise.all(
        requests.map((request, n) => desk.open(context(), { ...request, user: { id: `at-once-${n}` } })),
      );
      expect(new Set(opened.map(({ deskConversationId }) => deskConversationId)).size).toBe(3);
      for (const { deskConversationId } of opened) {
        expect(times(stage.bench.everything(deskConversationId), CONTEXT)).toBe(1);
      }
    });
  });

  describe('send', () => {
    it('brings messages in their order, unchanged', async () => {
      const to = await stage.talk();
      const said = Array.from({ length: 12 }, (_, index) => `${index}: “Zoë” 你好 🙂 <b>&amp;</b>\nline "two" \\`);
      for (const [index, text] of said.entries()) await desk.send(context(), message(to, index + 2, text));
      expect(texts(to.deskConversationId)).toEqual(said);
      const arrived = stage.bench.said(to.deskConversationId);
      const stamps = arrived.flatMap(({ timestamp }) => (timestamp === undefined ? [] : [timestamp]));
      expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b));
    });

    it('brings a message once when it is repeated with the same key', async () => {
      const to = await stage.talk();
      const once = message(to, 2);
      stage.bench.fault('send', { kind: 'drop_after', times: 1 });
      expect(await failure(desk.send(context(), once))).toMatchObject({ kind: 'timeout', operation: 'send' });
      await desk.send(context(), { ...once, maybeSent: true });
      await desk.send(context(), { ...once, maybeSent: true });
      expect(texts(to.deskConversationId)).toHaveLength(1);
    });

    it('brings the same text twice when it was said twice', async () => {
      const to = await stage.talk();
      await desk.send(context(), message(to, 2, 'ok'));
      await desk.send(context(), message(to, 3, 'ok'));
      expect(texts(to.deskConversationId)).toEqual(['ok', 'ok']);
    });

    it.each(['drop_after', 'drop_before', 'garbage'] as const)(
      'looks for an unclear message before it repeats it, among equal ones: %s',
      async (kind) => {
        const to = await stage.talk();
        await desk.send(context(), message(to, 2, 'ok'));
        stage.bench.fault('send', { kind, times: 1 });
        const again = message(to, 3, 'ok');
        const first = desk.send(context(), again);
        // Where status 200 alone is a yes, a broken body changes nothing.
        if (kind === 'garbage') await first.catch((error: unknown) => expect(error).toMatchObject({ unclear: true }));
        else expect(await failure(first)).toMatchObject({ unclear: true });
        await desk.send(context(), { ...again, maybeSent: true });
        await desk.send(context(), message(to, 4, 'bye'));
        expect(texts(to.deskConversationId)).toEqual(['ok', 'ok', 'bye']);
      },
    );

    it('brings a message once that the desk took and then failed', async () => {
      const to = await stage.talk();
      stage.bench.fault('send', { kind: 'error_after', times: 1 });
      const once = message(to, 2);
      expect(await failure(desk.send(context(), once))).toMatchObject({ kind: 'unavailable', status: 500 });
      await desk.send(context(), { ...once, maybeSent: true });
      expect(texts(to.deskConversationId)).toHaveLength(1);
    });

    it('brings a long text whole, in as many pieces as the desk needs', async () => {
      const to = await stage.talk();
      const line = 'Ein längerer Satz über 漢字 und 🙂, mit “Anführung”.\n';
      const longest = Math.min(API_TEXT_MAX, 3 * desk.limits.textMax);
      const text = line.repeat(Math.floor(longest / Buffer.byteLength(line))).trimEnd();
      await desk.send(context(), message(to, 2, text));
      const pieces = texts(to.deskConversationId);
      expect(pieces.length).toBeGreaterThanOrEqual(Math.ceil(Buffer.byteLength(text) / desk.limits.textMax));
      expect(pieces.length).toBeLessThanOrEqual(1 + Math.ceil(Buffer.byteLength(text) / desk.limits.textMax));
      expectWhole(pieces, text);
    });

    it('goes on in the middle of a long text', async () => {
      const to = await stage.talk();
      if (3 * desk.limits.textMax > API_TEXT_MAX) return;
      const text = 'word '.repeat(Math.floor((2.5 * desk.limits.textMax) / 5)).trimEnd();
      let done = 0;
      const parts = () => ({ done, mark: async (n: number) => void (done = n) });
      const long = message(to, 2, text);
      stage.bench.fault('send', { kind: 'slow', ms: 0, times: 1 });
      stage.bench.fault('send', { kind: 'drop_after', times: 1 });
      await failure(desk.send(context(), { ...long, parts: parts() }));
      expect(done).toBe(1);
      await desk.send(context(), { ...long, parts: parts(), maybeSent: true });
      expectWhole(texts(to.deskConversationId), text);
    });

    it('brings attachments by reference, and tells which it could not carry [check 14]', async () => {
      const to = await stage.talk();
      const sent = await desk.send(context(), { ...message(to, 2), attachments: FILES });
      const arrived = JSON.stringify(stage.bench.said(to.deskConversationId));
      const dropped = (sent.dropped ?? []).map(({ url }) => url);
      for (const { url } of FILES) expect(dropped.includes(url) || arrived.includes(url), url).toBe(true);
      await desk.send(context(), { ...message(to, 3, ''), attachments: FILES.slice(0, 1) });
      expect(stage.bench.said(to.deskConversationId).length).toBeGreaterThan(1);
    });

    it.each([0, 1])('loses no word when the desk refuses call %i of a message with files [check 14]', async (nth) => {
      const to = await stage.talk();
      if (nth > 0) stage.bench.fault('send', { kind: 'slow', ms: 0, times: nth });
      stage.bench.fault('send', { kind: 'status', status: 422, times: 1 });
      const whole = { ...message(to, 2, 'Look at these'), attachments: FILES };
      const sent = await desk.send(context(), whole).catch((error: unknown) => error as DeskError);
      const arrived = JSON.stringify(stage.bench.said(to.deskConversationId));
      if (sent instanceof DeskError) {
        // All of it is refused, and its sender is told that.
        expect(sent).toMatchObject({ kind: 'rejected' });
        expect(stage.bench.said(to.deskConversationId)).toEqual([]);
        return;
      }
      expect(arrived).toContain('Look at these');
      const dropped = (sent.dropped ?? []).map(({ url }) => url);
      for (const { url } of FILES) expect(dropped.includes(url) !== arrived.includes(url), url).toBe(true);
    });
  });

  describe('close', () => {
    it('ends the conversation as far as the desk lets us, and may be repeated', async () => {
      const to = await stage.opened();
      expect(stage.bench.isClosed(to.deskConversationId)).toBe(false);
      await desk.close(context(), stage.closing(to));
      await desk.close(context(), stage.closing(to));
      // A native conversation goes on: it is given back to the bot.
      const ends = mode === 'external' && desk.capabilities.closeFromOurSide;
      expect(stage.bench.isClosed(to.deskConversationId)).toBe(ends);
    });

    it('does nothing when the opening has left nothing', async () => {
      const { handoffId } = await stage.opening();
      const before = stage.bench.conversations().length;
      const closing = stage.closing({ handoffId, deskConversationId: handoffId });
      // A desk that is told of every end answers that it does not know it.
      await desk
        .close(context(), closing)
        .catch((error: unknown) => expect(error).toMatchObject({ kind: 'not_found' }));
      expect(stage.bench.conversations().length).toBe(before);
    });

    it('ends what an opening without a clear answer has left', async () => {
      if (mode === 'native' || !desk.capabilities.closeFromOurSide) return;
      const request = await stage.opening();
      const before = new Set(stage.bench.conversations());
      stage.bench.fault('open', { kind: 'drop_after', times: 1 });
      await failure(desk.open(context(), request));
      const { handoffId } = request;
      await stage.persist((ctx) => desk.close(ctx, stage.closing({ handoffId, deskConversationId: handoffId })));
      const left = stage.bench.conversations().filter((id) => !before.has(id));
      expect(left.map((id) => stage.bench.isClosed(id))).toEqual([true]);
    });
  });

  describe('verify', () => {
    it('says what answered, and changes nothing at the desk', async () => {
      const before = stage.bench.conversations().length;
      expect((await desk.verify(context(), mode)).detail).toBeTruthy();
      expect(stage.bench.conversations().length).toBe(before);
    });

    it('fails with refused credentials, and where nobody listens', async () => {
      const { refused, nobody } = stage.bench;
      const error = await failure(desk.verify(context({ config: refused }), mode));
      expect(error).toMatchObject({ kind: 'auth', operation: 'verify' });
      // The one to blame, where there is more than one way to prove who we are.
      expect([undefined, stage.facts.credential[mode]]).toContain(error.field);
      expect(await failure(desk.verify(context({ config: nobody }), mode))).toMatchObject({ kind: 'unavailable' });
    });
  });
}
