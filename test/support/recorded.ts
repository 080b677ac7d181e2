import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { Desk, RawRequest } from '../../activities/desks/desk.ts';
import { desks } from '../../activities/desks/registry.ts';
import type { Mode } from '../../workflows/contracts.ts';
import webhooks from '../contract/recorded/webhooks.json' with { type: 'json' };

/** Words that agents see and users never may. */
export const SECRET_WORDS = 'only-for-agents';
/** Words of ours, which come back as an echo. */
export const OWN_WORDS = 'our-own-words';

/** As it is kept in `webhooks.json`. */
export interface RecordedDesk {
  name: string;
  kind: string;
  mode: Mode;
  /** Of the bot, secrets of the simulator included. */
  settings: Record<string, unknown>;
  requests: { url: string; headers: RawRequest['headers']; body: string }[];
}

/** The webhooks of one desk in one mode, as its simulator has sent them while somebody talked. */
export interface Recorded {
  name: string;
  desk: Desk;
  mode: Mode;
  settings: Record<string, unknown>;
  /** Checked and parsed, with which the webhooks are read. */
  config: unknown;
  requests: RawRequest[];
  /** This request with another body, and with the proof of the desk over it. */
  proved(request: RawRequest, body: Buffer): RawRequest;
}

/** Its body as JSON. */
export const jsonOf = ({ body }: RawRequest): unknown => JSON.parse(body.toString('utf8')) as unknown;

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = keys.publicKey.export({ format: 'pem', type: 'spki' }).toString();

const text = (value: unknown): string => String(value);

/** How each desk proves that a body is its own. */
const PROOFS: Record<string, (request: RawRequest, body: Buffer, config: Record<string, unknown>) => RawRequest> = {
  intercom(request, body, config) {
    const hex = createHmac('sha1', text(config['clientSecret'])).update(body).digest('hex');
    return { ...request, body, headers: { ...request.headers, 'x-hub-signature': `sha1=${hex}` } };
  },
  livechat: (request, body, config) => ({
    ...request,
    body: withFields(body, { secret_key: config['secretKey'], organization_id: config['organizationId'] }),
  }),
  livedesk: (request, body, config) => ({
    ...request,
    body,
    url: `${request.url.split('?')[0]}?token=${encodeURIComponent(text(config['webhookToken']))}`,
  }),
  sobot(request, body, config) {
    const [time, code] = ['1700000000000', 'a1b2c3'];
    const proof = createHash('md5').update(`${text(config['companyId'])}${time}${code}${text(config['forwardKey'])}`);
    const headers = { 'x-log-timestamp': time, 'x-log-randomcode': code, 'x-log-sign': proof.digest('hex') };
    return { ...request, body, headers: { ...request.headers, ...headers } };
  },
  'zoho-salesiq': (request, body) => ({
    ...request,
    body,
    headers: { ...request.headers, 'x-siqsignature': sign('RSA-SHA256', body, keys.privateKey).toString('base64') },
  }),
};

/** Only an object has fields; another body stays as it is. */
function withFields(body: Buffer, more: Record<string, unknown>): Buffer {
  try {
    const value = JSON.parse(body.toString('utf8')) as unknown;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Buffer.from(JSON.stringify({ ...value, ...more })) : body;
  } catch {
    return body;
  }
}

function recordedOf({ name, kind, mode, settings: given, requests }: RecordedDesk): Recorded {
  const desk = desks.get(kind);
  const proof = PROOFS[kind];
  if (desk === undefined || proof === undefined) throw new Error(`no desk ${kind}`);
  // Whose private key is here.
  const settings = { ...given, ...(kind === 'zoho-salesiq' && { publicKey: PEM }) };
  const config = desk.config.parse(settings);
  return {
    name,
    desk,
    mode,
    settings,
    config,
    requests: requests.map((request) => ({ ...request, method: 'POST', body: Buffer.from(request.body) })),
    proved: (request, body) => proof(request, body, config as Record<string, unknown>),
  };
}

/** Of all desks in all their modes. */
export const recorded: readonly Recorded[] = (webhooks as unknown as RecordedDesk[]).map(recordedOf);
