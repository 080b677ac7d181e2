import { createHash, randomUUID } from 'node:crypto';
import { sobot } from '../../activities/desks/sobot/index.ts';
import { createSobotSandbox, type SobotSandbox } from '../../api/sandbox/sobot/index.ts';
import type { DeskSandbox } from '../../api/sandbox/desk-sandbox.ts';
import { testDesk } from './desk-conformance.ts';

/** The open API is an external desk like others; the widget is in test/api/sobot-widget.test.ts. */
function openapi(sandbox: SobotSandbox): DeskSandbox {
  let base = '';
  return {
    ...sandbox,
    settings: (baseUrl) => sandbox.openapiSettings(baseUrl),
    async listen(options) {
      base = await sandbox.listen(options);
      return base;
    },
    user: {
      async writes(text) {
        const partnerid = `of-another-program-${randomUUID()}`;
        await asAnotherProgram(base, sandbox.openapiSettings(base), partnerid, text);
        return partnerid;
      },
    },
  };
}

/** All programs of a company have the same pushes. */
async function asAnotherProgram(base: string, settings: Record<string, unknown>, partnerid: string, content: string) {
  const appid = String(settings['appId']);
  const create_time = String(Math.floor(Date.now() / 1000));
  const sign = createHash('md5')
    .update(`${appid}${create_time}${String(settings['appKey'])}`)
    .digest('hex');
  const query = new URLSearchParams({ appid, create_time, sign }).toString();
  const granted = (await (await fetch(`${base}/api/get_token?${query}`)).json()) as { item: { token: string } };
  for (const [operation, body] of [
    ['chat_connect', { partnerid }],
    ['chat_send', { partnerid, content }],
  ] as const) {
    await fetch(`${base}/api/5/user/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', token: granted.item.token },
      body: JSON.stringify(body),
    });
  }
}

testDesk({
  desk: sobot,
  facts: {
    credential: { external: 'appKey', native: 'appKey' },
    // No limit is published; a Retry-After is obeyed all the same.
    tellsWhen: false,
    keepsNotes: true,
    colleague: 'Dana Reyes',
  },
  start: () => openapi(createSobotSandbox({ packMs: 30 })),
});
