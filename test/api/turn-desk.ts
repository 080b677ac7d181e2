import type { Desk, RawRequest, TurnItem } from '../../activities/desks/desk.ts';
import { handOver } from '../../activities/desks/mailbox.ts';
import { DeskError } from '../../activities/errors.ts';
import { fakeDesk, type FakeConfig, type FakeEvent } from './fake-desk.ts';

/** What the desk reads in the answer to its call. */
export interface TurnAnswer {
  said: string[];
  then: 'bot' | 'handoff' | 'end';
}

const eventsOf = ({ body }: RawRequest): FakeEvent[] => JSON.parse(body.toString()) as FakeEvent[];

/** A desk that calls for each message of its user and shows what the answer to that call says. */
export function turnDesk(id: string, waitMs: number): Desk<FakeConfig> {
  const base = fakeDesk();
  const give = async (ctx: Parameters<Desk<FakeConfig>['send']>[0], talk: string, item: TurnItem): Promise<void> => {
    if (await handOver(ctx, talk, item)) return;
    throw new DeskError({ desk: id, operation: item.kind, kind: 'unavailable', reason: 'no turn took it' });
  };
  return fakeDesk({
    id,
    capabilities: { ...base.capabilities, reportsForeign: true },
    async open(ctx, { key, deskConversationId = '' }) {
      await give(ctx, deskConversationId, { kind: 'handoff', key });
      return { deskConversationId };
    },
    async send(ctx, { from, key, deskConversationId, text, attachments }) {
      if (from === 'bot') await give(ctx, deskConversationId, { kind: 'message', key, text, attachments });
      return {};
    },
    webhook: {
      ...base.webhook!,
      answer: {
        waitMs,
        turn(request) {
          const last = eventsOf(request).at(-1);
          if (last?.text === 'a turn that cannot be read') throw new Error('not a turn');
          return last?.kind === 'userMessage' ? { deskConversationId: last.conversation, key: last.id } : undefined;
        },
        render(_request, { account }, items) {
          const said = items.flatMap((item) => (item.kind === 'message' ? [item.text] : []));
          const then = items.find((item) => item.kind !== 'message')?.kind ?? 'bot';
          return {
            status: 201,
            headers: { 'content-type': 'application/vnd.turn+json', 'x-account': account ?? 'none' },
            body: JSON.stringify({ said, then }),
          };
        },
      },
    },
  });
}
