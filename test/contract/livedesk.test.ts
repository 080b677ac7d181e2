import { describe } from 'vitest';
import type { RawRequest } from '../../activities/desks/desk.ts';
import { livedesk } from '../../activities/desks/livedesk/index.ts';
import { createLivedeskSandbox } from '../../api/sandbox/livedesk/index.ts';
import type { DeskFacts } from './conformance/bench.ts';
import type { Signature } from './conformance/signature-forms.ts';
import { testDesk } from './desk-conformance.ts';

/** LiveDesk documents no signature: a secret in our address is the proof. */
const tokenInAddress: Signature = {
  secretField: 'webhookToken',
  coversBody: false,
  inAddress: true,
  read: ({ url }) => new URL(url, 'http://localhost').searchParams.get('token') ?? '',
  write(request: RawRequest, proof) {
    const [path = ''] = request.url.split('?');
    const query = new URLSearchParams();
    for (const one of proof === undefined ? [] : [proof].flat()) query.append('token', String(one));
    return { ...request, url: query.size === 0 ? path : `${path}?${query}` };
  },
  sign: (_body, secret) => secret,
};

const facts: DeskFacts = {
  credential: { external: 'apiKey', native: 'apiKey' },
  signature: tokenInAddress,
  topicOf: (body) => (body as { event: string }).event,
  // No rate limit is published; a Retry-After is obeyed all the same.
  tellsWhen: false,
  hidesWhoEnds: true,
  tellsWhoHasIt: true,
  colleague: 'Dana Reyes',
  seat: () => 'Handoff Bot',
};

testDesk({ desk: livedesk, facts, start: () => createLivedeskSandbox() });

describe('in the other forms that it may have', () => {
  testDesk({
    desk: livedesk,
    facts,
    start() {
      const sandbox = createLivedeskSandbox();
      sandbox.switch({
        webhookTypes: 'number',
        statusEvents: 'both',
        apiSender: 'user',
        echoIds: 'answer',
        errors: 'fields',
        survey: true,
        signs: true,
      });
      return sandbox;
    },
  });
});
