import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../../../activities/desks/desk.ts';
import { testSeed } from '../../support/seed.ts';
import type { Signature } from './signature-forms.ts';
import type { Stage } from './stage.ts';

export function testSignatures<C>(stage: Stage<C>): void {
  const { desk, facts } = stage;

  const form = (): Signature => {
    if (facts.signature === undefined) throw new Error(`${desk.id} has no form of a signature in its facts`);
    return facts.signature;
  };
  const isTaken = (request: RawRequest, change: Record<string, unknown> = {}): boolean | undefined =>
    desk.webhook?.authenticate(request, { ...stage.bench.config, ...change }).ok;
  const secret = (): string => String((stage.bench.config as Record<string, unknown>)[form().secretField]);

  /** A webhook as the desk really sends it. */
  async function genuine(): Promise<RawRequest> {
    const { sandbox, receiver } = stage.inbound;
    const { deskConversationId } = await stage.opened();
    receiver.clear();
    await sandbox.human.reply(deskConversationId, 'Signed, the agent');
    const notice = receiver.notices.find(({ raw }) => raw.body.includes('Signed, the agent'));
    if (notice === undefined) throw new Error('the desk has sent nothing');
    return notice.raw;
  }

  const whereSigned = (tests: () => void): void => {
    if (facts.signature !== undefined) return void describe('who a webhook is from', tests);
    it('has no proof in its webhooks: the address alone is the check', () => {
      expect(desk.capabilities.signsWebhooks).toBe('none');
    });
  };

  whereSigned(() => {
    it("the desk's own are taken", async () => {
      const request = await genuine();
      expect(isTaken(request)).toBe(true);
      expect(form().sign(request.body, secret())).toBe(form().read(request));
    });

    it('a proof that is missing, wrong, shorter, longer or altered in one letter is refused [check 20]', async () => {
      const request = await genuine();
      const { read, write, sign } = form();
      const right = read(request);
      const flipped = (at: number): string =>
        right.slice(0, at) + (right.charAt(at) === 'a' ? 'b' : 'a') + right.slice(at + 1);
      const wrong: unknown[] = [
        undefined,
        '',
        right.slice(0, -1),
        right.slice(1),
        `${right}0`,
        ` ${right}x`,
        right.repeat(2),
        flipped(right.length - 1),
        flipped(Math.floor(right.length / 2)),
        sign(request.body, `${secret()}x`),
        sign(request.body, ''),
        [right, right],
        '0'.repeat(right.length),
        'é'.repeat(right.length),
      ];
      for (const proof of wrong) expect(isTaken(write(request, proof)), JSON.stringify(proof)).toBe(false);
      expect(isTaken(write(request, right))).toBe(true);
    });

    it('a body altered in one byte is refused, where the proof covers it [check 20]', async () => {
      const request = await genuine();
      if (!form().coversBody) return expect(desk.capabilities.signsWebhooks).toBe('shared-secret');
      for (const at of [0, Math.floor(request.body.length / 2), request.body.length - 1]) {
        const body = Buffer.from(request.body);
        body[at] = (body[at] ?? 0) ^ 1;
        expect(isTaken({ ...request, body })).toBe(false);
      }
      expect(isTaken({ ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) })).toBe(false);
    });

    it("the proof of another bot's desk is refused, in both directions [check 20]", async () => {
      const request = await genuine();
      const other = form().another?.() ?? `${secret().slice(0, -4)}beef`;
      const { secretField, sign, write } = form();
      expect(isTaken(request, { [secretField]: other })).toBe(false);
      expect(isTaken(write(request, sign(request.body, other)))).toBe(false);
      expect(isTaken(write(request, sign(request.body, other)), { [secretField]: other })).toBe(true);
    });

    it.each([undefined, ''])('nothing is taken while the secret is %j [check 20]', async (value) => {
      const request = await genuine();
      const { secretField, sign, write, optional } = form();
      const without = { [secretField]: value };
      if (optional && value === undefined) return expect(isTaken(request, without)).toBe(true);
      for (const proof of [undefined, '', sign(request.body, ''), sign(request.body, String(value))]) {
        expect(isTaken(write(request, proof), without), JSON.stringify(proof)).toBe(false);
      }
      expect(isTaken(request, without)).toBe(false);
    });

    it('what the desk signs with a wrong secret is refused when it comes [check 20]', async () => {
      const { sandbox, receiver } = stage.inbound;
      const { deskConversationId } = await stage.opened();
      // What the opening caused has arrived behind this one.
      await sandbox.human.reply(deskConversationId, 'Genuine');
      receiver.clear();
      sandbox.webhooks({ wrongSecret: true });
      expect(await sandbox.human.reply(deskConversationId, 'Forged')).toBe(401);
      sandbox.webhooks({});
      expect(receiver.notices.length).toBeGreaterThan(0);
      expect(receiver.notices.flatMap(({ events }) => events)).toEqual([]);
    });

    it('a webhook delivered again has the keys that it had [check 20]', async () => {
      const request = await genuine();
      const keys = () => desk.webhook?.parse(request, stage.bench.config).map(({ dedupeKey }) => dedupeKey);
      expect(keys()?.length).toBeGreaterThan(0);
      expect(keys()).toEqual(keys());
    });

    it('no bytes and no headers make the check throw or say yes', async () => {
      const right = await genuine();
      const request = form().inAddress ? form().write(right, undefined) : right;
      const seed = testSeed(`${desk.id} signatures`);
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200 }),
          fc.dictionary(fc.constantFrom(...Object.keys(request.headers)), fc.oneof(fc.string(), fc.array(fc.string()))),
          (bytes, headers) => isTaken({ ...request, headers, body: Buffer.from(bytes) }) === false,
        ),
        { seed, numRuns: 300 },
      );
    });
  });

  describe('what is in a webhook', () => {
    it('is read without an exception, however its JSON is changed', async () => {
      const { sandbox, receiver } = stage.inbound;
      const { deskConversationId: id } = await stage.opened();
      receiver.clear();
      const files = [{ url: 'https://cdn.example.org/1.pdf', name: '1.pdf' }];
      await sandbox.human.reply(id, 'A reply', { files });
      await sandbox.human.transfer(id, facts.colleague ?? '');
      await sandbox.user.writes('A user');
      await sandbox.human.close(id, { text: 'Bye' });
      const { notices } = receiver;
      const bodies = notices.map(({ raw }) => JSON.parse(raw.body.toString('utf8')) as unknown);
      const seed = testSeed(`${desk.id} parse`);
      fc.assert(
        fc.property(
          fc.nat(bodies.length - 1),
          fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 3 }),
          (which, changes) => {
            const body = changes.reduce<unknown>((now, [at, value]) => changed(now, at, value), bodies[which]);
            const raw = { ...(notices[which] as { raw: RawRequest }).raw, body: Buffer.from(JSON.stringify(body)) };
            for (const event of desk.webhook?.parse(raw, stage.bench.config) ?? []) {
              expect(typeof event.dedupeKey).toBe('string');
              expect(event.dedupeKey).not.toBe('');
              expect(typeof event.deskConversationId).toBe('string');
              expect(event.deskConversationId).not.toBe('');
              if ('text' in event.signal) expect(typeof event.signal.text).toBe('string');
              for (const file of 'attachments' in event.signal ? (event.signal.attachments ?? []) : []) {
                expect(typeof file.url).toBe('string');
              }
            }
          },
        ),
        { seed, numRuns: 1_500 },
      );
    });
  });
}

/** What a field must not be. `undefined`: the field is gone. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    0,
    -1,
    1e308,
    '',
    [],
    {},
    [null],
    '\u0000',
    '<script>alert(1)</script>',
  ),
  fc.string(),
  fc.jsonValue(),
);

/** Puts a value in the place of the field with this number. */
function changed(body: unknown, at: number, value: unknown): unknown {
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const copy: unknown = structuredClone(body);
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push({ holder: node as Record<string, unknown>, key });
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(copy);
  const place = places[at % Math.max(1, places.length)];
  if (place !== undefined) place.holder[place.key] = value;
  return copy;
}
