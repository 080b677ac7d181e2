import { createHash, randomUUID } from 'node:crypto';
import type { DeskSandbox } from '../../api/sandbox/desk-sandbox.ts';
import type { SobotSandbox } from '../../api/sandbox/sobot/index.ts';

/**
 * Sobot by its open API, as a desk like others: Baton carries the messages. Who writes without Baton is the user of
 * another program of the same company.
 */
export function openApiOf(sandbox: SobotSandbox): DeskSandbox {
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

async function asAnotherProgram(
  base: string,
  settings: Record<string, unknown>,
  partnerid: string,
  content: string,
): Promise<void> {
  const appid = String(settings['appId']);
  const create_time = String(Math.floor(Date.now() / 1000));
  const sign = createHash('md5')
    .update(`${appid}${create_time}${String(settings['appKey'])}`)
    .digest('hex');
  const query = new URLSearchParams({ appid, create_time, sign }).toString();
  const granted = (await (await fetch(`${base}/api/get_token?${query}`)).json()) as { item: { token: string } };
  const headers = { 'content-type': 'application/json', token: granted.item.token };
  for (const [operation, body] of [
    ['chat_connect', { partnerid }],
    ['chat_send', { partnerid, content }],
  ] as const) {
    await fetch(`${base}/api/5/user/${operation}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}
