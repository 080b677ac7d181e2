import { createHmac } from 'node:crypto';
import type { RawRequest } from '../../../activities/desks/desk.ts';

/** Where a desk puts the proof that a webhook is its own. */
export interface Signature {
  /** The field of the config with which it is checked. */
  secretField: string;
  /** Whether the proof covers the body. */
  coversBody: boolean;
  /** It is in the address, so neither headers nor body have it. */
  inAddress?: true;
  /** Without that field nothing is checked but the address: the desk does not sign until it is told to. */
  optional?: true;
  /** A secret of the same form that is not the desk's; without it the desk's own with another end. */
  another?(): string;
  read(request: RawRequest): string;
  /** The same request with another proof; `undefined`: with none. */
  write(request: RawRequest, proof: unknown): RawRequest;
  /** The proof for these bytes. */
  sign(body: Buffer, secret: string): string;
}

/** A header with a prefix and the HMAC of the raw bytes, in hex. */
export const hmacHeader = (form: {
  header: string;
  prefix: string;
  algorithm: string;
  secretField: string;
}): Signature => ({
  secretField: form.secretField,
  coversBody: true,
  read: ({ headers }) => String(headers[form.header]),
  write: (request, proof) => ({
    ...request,
    headers: replaced(request.headers, form.header, proof) as RawRequest['headers'],
  }),
  sign: (body, secret) => `${form.prefix}${createHmac(form.algorithm, secret).update(body).digest('hex')}`,
});

/** A field of the JSON body that holds the secret itself. */
export const secretInBody = (form: { field: string; secretField: string }): Signature => ({
  secretField: form.secretField,
  coversBody: false,
  read: ({ body }) => String((JSON.parse(body.toString('utf8')) as Record<string, unknown>)[form.field]),
  write(request, proof) {
    const body = replaced(JSON.parse(request.body.toString('utf8')) as Record<string, unknown>, form.field, proof);
    return { ...request, body: Buffer.from(JSON.stringify(body)) };
  },
  sign: (_body, secret) => secret,
});

/** `undefined`: without it. */
function replaced(fields: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const rest = Object.entries(fields).filter(([key]) => key !== name);
  return Object.fromEntries(value === undefined ? rest : [...rest, [name, value]]);
}
