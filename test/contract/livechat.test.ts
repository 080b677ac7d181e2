import { livechat } from '../../activities/desks/livechat/index.ts';
import { createLivechatSandbox } from '../../api/sandbox/livechat/index.ts';
import { secretInBody } from './conformance/signature-forms.ts';
import { testDesk } from './desk-conformance.ts';

testDesk({
  desk: livechat,
  facts: {
    credential: { external: 'clientId', native: 'token' },
    signature: secretInBody({ field: 'secret_key', secretField: 'secretKey' }),
    topicOf: (body) => (body as { action: string }).action,
    // No numbers and no header are published (note, section 11).
    tellsWhen: false,
    colleague: 'Ben',
    seat: ({ agentEmail }) => String(agentEmail),
  },
  start: () => createLivechatSandbox({ retryScale: 0.001 }),
});
