import type { RawRequest } from '../../activities/desks/desk.ts';
import { livedesk } from '../../activities/desks/livedesk/index.ts';
import { createLivedeskSandbox } from '../../api/sandbox/livedesk/index.ts';
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

testDesk({
  desk: livedesk,
  facts: {
    credential: { external: 'apiKey', native: 'apiKey' },
    signature: tokenInAddress,
    topicOf: (body) => (body as { event: string }).event,
    // No rate limit is published; a Retry-After is obeyed all the same.
    tellsWhen: false,
    hidesWhoEnds: true,
    tellsWhoHasIt: true,
    colleague: 'Dana Reyes',
    seat: () => 'Handoff Bot',
  },
  start: () => createLivedeskSandbox(),
});
