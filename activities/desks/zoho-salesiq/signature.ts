import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { AuthResult, RawRequest } from '../desk.ts';

const PEM = /-----BEGIN [A-Z ]*PUBLIC KEY-----[\s\S]*?-----END [A-Z ]*PUBLIC KEY-----/g;

/**
 * RSA public keys from a text: PEM blocks and bare Base64 (DER), the latter with an empty line or a comma between. SalesIQ
 * keeps two while keys are exchanged and signs with the older one (note, section 6.5). Throws when one is none.
 */
export function readKeys(text: string): KeyObject[] {
  const pems = text.match(PEM) ?? [];
  const bare = text.replace(PEM, '\n\n').split(/\n\s*\n|[,;]/);
  const ders = bare.map((one) => one.replaceAll(/\s+/g, '')).filter((one) => one !== '');
  const keys = [
    ...pems.map((pem) => createPublicKey(pem)),
    ...ders.map((der) => createPublicKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'spki' })),
  ];
  if (keys.some(({ asymmetricKeyType }) => asymmetricKeyType !== 'rsa')) throw new Error('the key is not RSA');
  return keys;
}

/**
 * RSA with SHA-256 (PKCS#1 v1.5) over the raw bytes, in `x-siqsignature`. Without a public key there is nothing to check
 * with: then only the token in our address, which nobody can guess, shows who calls.
 */
export function authenticate(request: RawRequest, config: { publicKey?: unknown }): AuthResult {
  if (config.publicKey === undefined) return { ok: true };
  const header = request.headers['x-siqsignature'];
  if (header === undefined || header === '') return { ok: false, reason: 'no signature' };
  if (typeof header !== 'string' || !isBase64(header)) return { ok: false, reason: 'the signature is not Base64' };
  const keys = keysOf(config.publicKey);
  if (keys.length === 0) return { ok: false, reason: 'the public key of the settings cannot be read' };
  const proof = Buffer.from(header, 'base64');
  return keys.some((key) => verify('RSA-SHA256', request.body, key, proof))
    ? { ok: true }
    : { ok: false, reason: 'wrong signature' };
}

/** Node decodes much that is no Base64: only the one right spelling counts. */
const isBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text;

let parsed: { text: unknown; keys: KeyObject[] } = { text: undefined, keys: [] };

/** The last one stays parsed: the same bot is called again and again. */
function keysOf(text: unknown): KeyObject[] {
  if (parsed.text !== text) parsed = { text, keys: parse(text) };
  return parsed.keys;
}

function parse(text: unknown): KeyObject[] {
  try {
    return typeof text === 'string' ? readKeys(text) : [];
  } catch {
    return [];
  }
}
