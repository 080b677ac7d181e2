import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { DeskContext, RawRequest } from '../../activities/desks/desk.ts';
import type { ZohoConfig } from '../../activities/desks/zoho-salesiq/config.ts';
import { zohoSalesiq } from '../../activities/desks/zoho-salesiq/index.ts';
import { createZohoSalesiqSandbox } from '../../api/sandbox/zoho-salesiq/index.ts';
import type { Signature } from './conformance/signature-forms.ts';
import { testDesk } from './desk-conformance.ts';

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' }).toString().trim();

// What a bot says here is nobody's to wait for: `writes` need not stay until it could have come.
const create = () => createZohoSalesiqSandbox({ retryScale: 0.001, refreshes: 1_000, patienceMs: 20 });
let sandbox = create();
const other = pair();

/** What is checked is a public key, so the other half of each has to be known here. */
function privateOf(publicKey: string): KeyObject {
  if (publicKey === pemOf(other.publicKey)) return other.privateKey;
  const known = sandbox.registered().flatMap(({ keys }) => keys);
  return known.find((key) => key.publicKey.trim() === publicKey)?.privateKey ?? pair().privateKey;
}

const rsaHeader: Signature = {
  secretField: 'publicKey',
  coversBody: true,
  optional: true,
  another: () => pemOf(other.publicKey),
  read: ({ headers }) => String(headers['x-siqsignature']),
  write(request, proof) {
    const { 'x-siqsignature': _, ...headers } = request.headers;
    return {
      ...request,
      headers: { ...headers, ...(proof !== undefined && { 'x-siqsignature': proof }) },
    } as RawRequest;
  },
  sign: (body, secret) => sign('RSA-SHA256', body, createPrivateKey(pkcs8(privateOf(secret)))).toString('base64'),
};
const pkcs8 = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();

testDesk({
  desk: zohoSalesiq,
  asksIn: 'native',
  facts: {
    credential: { external: 'clientSecret', native: 'clientSecret' },
    signature: rsaHeader,
    topicOf: (body) => (body as { event: string }).event,
    tellsWhen: false,
    lockedMs: 60_000,
    fileNotice: '[The agent has sent a file that cannot be shown here.]',
    hidesWhoEnds: true,
    tellsPickUp: true,
    colleague: 'Ben',
    statuses: [
      {
        status: 403,
        operation: 'close',
        is: 'fine',
        why: 'note, 5.4: where closing is refused, agents read a last text',
      },
      { status: 422, is: 'rejected', why: 'error 1011' },
    ],
    async connect(ctx, _sandbox, mode) {
      const redirectUri = `https://baton.example.org${zohoSalesiq.consent?.path(mode) ?? ''}`;
      const query = { code: sandbox.grantCode(mode as 'external'), location: 'eu' };
      const context = ctx as unknown as DeskContext<ZohoConfig>;
      await zohoSalesiq.consent?.finish(context, { query, redirectUri, mode });
    },
  },
  start: () => (sandbox = create()),
});
