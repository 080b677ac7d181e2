import { randomUUID } from 'node:crypto';
import type { CloseRequest, OpenRequest, OutboundMessage, RawRequest } from '../../activities/desks/desk.ts';
import { DeskError } from '../../activities/errors.ts';

interface Talk {
  handoffId: string;
  deskConversationId: string;
}

export function openRequest(more: Partial<OpenRequest> = {}): OpenRequest {
  const { handoffId = `ho_${randomUUID()}` } = more;
  return {
    key: `${handoffId}.d1`,
    handoffId,
    botId: 'bot-7',
    conversationId: `c-${randomUUID()}`,
    channel: 'whatsapp',
    mode: 'external',
    timestamp: 1_760_947_200_123,
    user: { id: 'cust-20871', name: 'Lee P.' },
    history: [
      { role: 'user', text: 'my order is late' },
      { role: 'bot', text: 'let me get a colleague' },
    ],
    question: 'I want to talk to a person',
    ...more,
  };
}

export const messageTo = (to: Talk, n = 2, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  key: `${to.handoffId}.d${n}`,
  handoffId: to.handoffId,
  from: 'user',
  deskConversationId: to.deskConversationId,
  timestamp: 1_760_947_261_990 + n,
  text: 'order 1234',
  attachments: [],
  maybeSent: false,
  ...more,
});

export const closeOf = (to: Talk, more: Partial<CloseRequest> = {}): CloseRequest => ({
  key: `${to.handoffId}.d9`,
  mode: 'external',
  handoffId: to.handoffId,
  deskConversationId: to.deskConversationId,
  timestamp: 1_760_947_300_000,
  reason: 'user_closed',
  ...more,
});

/** A webhook of the desk; texts and bytes go as they are. */
export const webhookOf = (desk: string, body: unknown, headers: RawRequest['headers'] = {}): RawRequest => ({
  method: 'POST',
  url: `/webhooks/${desk}/token`,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

/** The error of a call that has to fail. */
export async function failure(work: Promise<unknown>): Promise<DeskError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DeskError) return error;
  throw new Error('a DeskError was expected', { cause: error });
}
