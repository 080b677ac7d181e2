import { sobot } from '../../activities/desks/sobot/index.ts';
import { createSobotSandbox } from '../../api/sandbox/sobot/index.ts';
import { openApiOf } from '../support/sobot-openapi.ts';
import { testDesk } from './desk-conformance.ts';

/** The open API is an external desk like others; the widget is in test/api/sobot-widget.test.ts. */
testDesk({
  desk: sobot,
  facts: {
    credential: { external: 'appKey', native: 'appKey' },
    // No limit is published; a Retry-After is obeyed all the same.
    tellsWhen: false,
    keepsNotes: true,
    colleague: 'Dana Reyes',
    hidesItsEnd: 'the fields of query_session_status are not published (sobot section 6.4)',
  },
  start: () => openApiOf(createSobotSandbox({ packMs: 30 })),
});
