import { z } from 'zod';
import type { Desk, OpenRequest } from '../../activities/desks/desk.ts';
import { DeskError, type DeskErrorKind } from '../../activities/errors.ts';

/** A desk with a messenger of its own, as small as the contract lets one be; it writes down what it is told, in order. */
export interface NativeDesk extends Desk<Record<string, never>> {
  /** `open ID`, `bot TEXT`, `back ID`, in the order of arrival. */
  readonly told: string[];
  /** The same, of what it has refused because it fails. */
  readonly refused: string[];
  readonly opened: OpenRequest[];
  /** From now on its calls fail, or work again; `true`: as `unavailable`. */
  fails(fails: boolean | DeskErrorKind): void;
}

export function createNativeDesk(): NativeDesk {
  const told: string[] = [];
  const refused: string[] = [];
  const opened: OpenRequest[] = [];
  const seen = new Set<string>();
  let down: boolean | DeskErrorKind = false;
  const call = (operation: string, key: string, line: string): void => {
    const kind = typeof down === 'string' ? down : 'unavailable';
    if (down !== false) {
      refused.push(line);
      throw new DeskError({ desk: 'messenger', operation, kind, reason: 'down' });
    }
    if (!seen.has(key)) told.push(line);
    seen.add(key);
  };
  return {
    id: 'messenger',
    wireName: 'Messenger',
    title: 'Messenger',
    docs: 'https://example.org',
    capabilities: {
      modes: ['external', 'native'],
      files: true,
      closeFromOurSide: true,
      keepsMessages: true,
      echoesOwnMessages: true,
      lookup: false,
      signsWebhooks: 'none',
      reportsForeign: true,
    },
    limits: { textMax: 10_000, requestsPerSecond: 100 },
    config: z.strictObject({}),
    ownChannels: ['messenger'],
    told,
    refused,
    opened,
    fails(fails) {
      down = fails;
    },
    verify: async () => ({ detail: 'fine' }),
    async open(_ctx, request) {
      call('open', request.key, `open ${request.deskConversationId ?? request.handoffId}`);
      opened.push(request);
      return { deskConversationId: request.deskConversationId ?? `desk-${request.handoffId}` };
    },
    async send(_ctx, message) {
      call('send', message.key, `${message.from} ${message.text}`);
      return {};
    },
    async close(_ctx, request) {
      call('close', request.key, `${request.mode === 'native' ? 'back' : 'close'} ${request.deskConversationId}`);
    },
  };
}
