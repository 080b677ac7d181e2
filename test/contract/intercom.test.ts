import { intercom } from '../../activities/desks/intercom/index.ts';
import { createIntercomSandbox, type IntercomSandbox } from '../../api/sandbox/intercom/index.ts';
import { hmacHeader } from './conformance/signature-forms.ts';
import { testDesk } from './desk-conformance.ts';

testDesk({
  desk: intercom,
  facts: {
    credential: { external: 'accessToken', native: 'accessToken' },
    signature: hmacHeader({
      header: 'x-hub-signature',
      prefix: 'sha1=',
      algorithm: 'sha1',
      secretField: 'clientSecret',
    }),
    topicOf: (body) => (body as { topic: string }).topic,
    tellsWhen: true,
    tellsWhoHasIt: true,
    statuses: [
      { status: 408, is: 'timeout', why: 'a request that timed out at Intercom may have been done (note, section 7)' },
    ],
    colleague: 'Sam Okoye',
    seat: ({ adminId }) => String(adminId),
    several: (sandbox, id, texts) => (sandbox as IntercomSandbox).several(id, texts),
    html: (sandbox, on) => (sandbox as IntercomSandbox).switch({ htmlBodies: on }),
  },
  start: () => createIntercomSandbox({ retryAfterMs: 10 }),
});
