import type { FastifyRequest } from 'fastify';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import { createPayloadCodec } from '../../activities/platform/payload-codec.ts';
import { requireOperator } from '../auth.ts';
import { ApiError } from '../errors.ts';
import { errors } from '../schemas/common.ts';
import type { Routes } from './route.ts';

const BODY_LIMIT = 16 * 1024 * 1024;

const base64 = z.base64();

const payloads = z
  .object({
    payloads: z
      .array(z.object({ metadata: z.record(z.string(), base64).default({}), data: base64.default('') }))
      .max(10_000),
  })
  .meta({ id: 'Payloads', description: "Temporal's payloads as its UI sends them." });

type WirePayload = z.output<typeof payloads>['payloads'][number];

/**
 * Lets the Temporal UI and its CLI show encrypted payloads to the operator. The CLI sends the key; the UI has no place for
 * one, but its pages may send the cookie of a session that began in our console.
 */
export const codecRoutes: Routes = (app, context) => {
  const { payloadKeys } = context.config;
  const codec = payloadKeys === undefined ? undefined : createPayloadCodec(payloadKeys);
  const origin = context.temporalUiUrl === undefined ? undefined : new URL(context.temporalUiUrl).origin;

  app.addHook('onRequest', async (request, reply) => {
    if (origin === undefined || request.headers.origin !== origin) return;
    void reply.headers({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, x-namespace',
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'origin',
    });
  });

  for (const operation of ['encode', 'decode'] as const) {
    const url = `/codec/${operation}`;
    app.options(url, { schema: { hide: true }, config: { public: true } }, async (_request, reply) =>
      reply.code(204).send(),
    );
    app.post(
      url,
      {
        bodyLimit: BODY_LIMIT,
        config: origin === undefined ? {} : { trustedOrigin: origin },
        schema: {
          tags: ['operations'],
          summary: operation === 'encode' ? 'Encrypt payloads' : 'Decrypt payloads',
          description:
            'Codec server of the Temporal UI and CLI. 404 without `BATON_PAYLOAD_KEYS`. Operator only: by key, or by a session from a page of ours or of `BATON_TEMPORAL_UI_URL`. Each use is logged.',
          body: payloads,
          response: { 200: payloads, ...errors(400, 403, 404) },
        },
      },
      async (request) => {
        requireOperator(request);
        if (codec === undefined) throw new ApiError(404, 'not_found', 'No payload keys are set: nothing is encrypted.');
        logUse(request, operation, request.body.payloads.length);
        try {
          return { payloads: (await codec[operation](request.body.payloads.map(fromWire))).map(toWire) };
        } catch (error) {
          throw new ApiError(400, 'invalid_request', 'A payload cannot be read with the keys that are set.', {
            cause: error,
          });
        }
      },
    );
  }
};

const fromWire = ({ metadata, data }: WirePayload): Payload => ({
  metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')])),
  data: Buffer.from(data, 'base64'),
});

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const toWire = ({ metadata, data }: Payload): WirePayload => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, toBase64(value)])),
  data: toBase64(data ?? new Uint8Array()),
});

/** Who made what readable is worth a line; refused calls are in the log of requests. */
function logUse(request: FastifyRequest, operation: string, count: number): void {
  const by = request.headers.authorization === undefined ? 'session' : 'key';
  const { origin, 'x-namespace': namespace } = request.headers;
  request.log.info({ operation, count, by, origin, namespace, ip: request.ip }, 'codec used');
}
