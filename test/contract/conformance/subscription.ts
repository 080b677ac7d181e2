import { describe, expect, it } from 'vitest';
import { createReceiver, type Receiver } from './receiver.ts';
import type { Stage } from './stage.ts';

/** Webhooks that we make for the operator, where the desk's API can. */
export function testSubscription<C>(stage: Stage<C>): void {
  const { desk, mode, context } = stage;

  describe('webhooks made for the operator', () => {
    it('are made once, however often it is asked, and removed again', async () => {
      const { sandbox } = stage.inbound;
      const receiver = await createReceiver(desk, { config: () => stage.bench.config, mode });
      const { deskConversationId: id } = await stage.opened();
      const told = async (text: string): Promise<number> => {
        await sandbox.human.reply(id, text);
        return timesHeard(receiver, text);
      };
      const results = [];
      for (let n = 0; n < 3; n += 1) results.push(await desk.subscribe?.(context(), { url: receiver.url, mode }));
      const [first] = results;
      expect(first?.detail).toBeTruthy();
      expect(results.map((result) => result?.done)).toEqual(results.map(() => first?.done));
      expect(await told('Subscribed')).toBe(first?.done ? 1 : 0);
      await desk.unsubscribe?.(context(), { url: receiver.url });
      await desk.unsubscribe?.(context(), { url: receiver.url });
      expect(await told('Unsubscribed')).toBe(0);
      await receiver.stop();
    });

    it('are not made where the credentials cannot, and the answer says why', async () => {
      const result = await desk.subscribe?.(context({ config: stage.bench.refused }), {
        url: 'https://b.example.org/w',
        mode,
      });
      expect(result).toMatchObject({ done: false, detail: expect.any(String) });
    });
  });
}

const timesHeard = ({ notices }: Receiver, text: string): number =>
  notices.filter(({ raw, auth }) => auth.ok && raw.body.includes(text)).length;
