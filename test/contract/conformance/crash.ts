import { describe, expect, it } from 'vitest';
import type { DeskMemory } from '../../../activities/desks/desk.ts';
import type { HttpClient } from '../../../activities/http/client.ts';
import type { SandboxFault } from '../../../api/sandbox/desk-sandbox.ts';
import { CONTEXT, QUESTION, type Stage } from './stage.ts';

/** More calls than any opening makes. */
const MOST_CALLS = 20;

const dead = (): Error => new Error('this process has been killed');

/**
 * A process that is killed at its call `nth`: before the call leaves, or when the desk has answered. From then on it can
 * neither call nor remember anything.
 */
function mortal(
  { http, memory }: { http: HttpClient; memory: DeskMemory },
  nth: number,
  when: 'before' | 'after',
): { http: HttpClient; memory: DeskMemory; isDead(): boolean } {
  let calls = 0;
  let killed = false;
  const alive = <T>(work: () => Promise<T>): Promise<T> => (killed ? Promise.reject(dead()) : work());
  return {
    isDead: () => killed,
    http: {
      close: () => Promise.resolve(),
      request: (request) =>
        alive(async () => {
          calls += 1;
          const isLast = calls === nth;
          killed ||= isLast && when === 'before';
          if (killed) throw dead();
          const response = await http.request(request);
          killed ||= isLast;
          if (killed) throw dead();
          return response;
        }),
    },
    memory: {
      get: (key) => alive(() => memory.get(key)),
      put: (key, value, options) => alive(() => memory.put(key, value, options)),
      forget: (key) => alive(() => memory.forget(key)),
      update: (key, change, options) =>
        alive(() =>
          memory.update(
            key,
            async (now) => {
              const next = await change(now);
              if (killed) throw dead();
              return next;
            },
            options,
          ),
        ),
    },
  };
}

const FAULTS: SandboxFault[] = [
  { kind: 'drop_after' },
  { kind: 'drop_before' },
  { kind: 'error_after' },
  { kind: 'garbage' },
  { kind: 'status', status: 500 },
];

/** An opening takes several calls at most desks; it may end in the middle of each of them. */
export function testCrash<C>(stage: Stage<C>): void {
  const { desk, mode, context } = stage;

  async function expectOne(deskConversationId: string, conversationsBefore: number, where: string): Promise<void> {
    const lines = stage.bench.everything(deskConversationId);
    expect(stage.bench.conversations().length, `conversations, ${where}`).toBe(
      conversationsBefore + (mode === 'external' ? 1 : 0),
    );
    expect(lines.filter((line) => line.includes(CONTEXT)).length, `context, ${where}`).toBe(1);
    if (mode === 'external') expect(lines.filter((line) => line === QUESTION).length, `question, ${where}`).toBe(1);
    expect(stage.bench.said(deskConversationId), where).toEqual([]);
  }

  describe('an opening that stops in the middle', () => {
    it.each(['before', 'after'] as const)(
      'is one conversation when the process is killed %s any of its calls [check 4]',
      async (when) => {
        for (let nth = 1; ; nth += 1) {
          expect(nth).toBeLessThan(MOST_CALLS);
          const request = await stage.opening();
          const before = stage.bench.conversations().length;
          const process = mortal(stage, nth, when);
          const first = await desk.open(context(process), request).catch(() => undefined);
          const { deskConversationId } = await stage.persist((ctx) => desk.open(ctx, request));
          await expectOne(deskConversationId, before, `killed ${when} call ${nth}`);
          if (first !== undefined && !process.isDead()) break;
        }
      },
    );

    it.each(FAULTS)('is one conversation when any of its calls ends with $kind', async (fault) => {
      // Some calls may fail without harm: only two openings that work mean that there is no call left to fail.
      for (let nth = 0, worked = 0; worked < 2; nth += 1) {
        expect(nth).toBeLessThan(MOST_CALLS);
        const request = await stage.opening();
        const before = stage.bench.conversations().length;
        if (nth > 0) stage.bench.fault('open', { kind: 'slow', ms: 0, times: nth });
        stage.bench.fault('open', { ...fault, times: 1 });
        const first = await desk.open(context(), request).catch(() => undefined);
        stage.bench.clearFaults();
        const { deskConversationId } = await stage.persist((ctx) => desk.open(ctx, request));
        await expectOne(deskConversationId, before, `${fault.kind} at call ${nth + 1}`);
        worked = first === undefined ? 0 : worked + 1;
      }
    });

    it('is one conversation when it stops twice, in different places', async () => {
      const request = await stage.opening();
      const before = stage.bench.conversations().length;
      for (const nth of [2, 3, 1]) {
        await desk.open(context(mortal(stage, nth, 'after')), request).catch(() => undefined);
      }
      const { deskConversationId } = await stage.persist((ctx) => desk.open(ctx, request));
      await expectOne(deskConversationId, before, 'killed three times');
    });
  });
}
