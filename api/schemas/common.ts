import { z } from 'zod';
import { CLOSE_REASONS, HANDOFF_STATUSES, MODES } from '../../workflows/contracts.ts';

export const MAX_TEXT_BYTES = 16 * 1024;
const MAX_PAGE = 200;

const bytes = (value: unknown): number => Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));

/** A text of at most `max` UTF-8 bytes. */
export const boundedText = (max: number) =>
  z
    .string()
    .refine((text) => bytes(text) <= max, `must be at most ${max} bytes of UTF-8`)
    .meta({ maxLength: max });

export const boundedJson = (max: number) =>
  z.record(z.string(), z.unknown()).refine((value) => bytes(value) <= max, `must be at most ${max} bytes of JSON`);

/** Ids that a client gives us: opaque, printable, short. */
export const clientId = (max = 200) =>
  z
    .string()
    .min(1)
    .max(max)
    // oxlint-disable-next-line no-control-regex -- what it refuses
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not contain control characters');

export const timestamp = z.string().meta({ format: 'date-time', examples: ['2026-01-30T09:15:00.000Z'] });

export const status = z.enum(HANDOFF_STATUSES).meta({ id: 'HandoffStatus' });
export const closeReason = z.enum(CLOSE_REASONS).meta({ id: 'CloseReason' });
export const mode = z.enum(MODES).meta({ id: 'Mode' });

export const agent = z
  .object({ id: z.string().exactOptional(), name: z.string().exactOptional(), avatar: z.string().exactOptional() })
  .meta({ id: 'Agent', description: 'The human at the desk.' });

export const attachment = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .describe('Where the file can be fetched; the bytes never travel through Baton.'),
    name: z.string().max(255).exactOptional(),
    contentType: z.string().max(255).exactOptional(),
  })
  .meta({ id: 'Attachment' });

export const attachments = z.array(attachment).max(20);

/** In answers: what was kept is told, whatever the bounds were when it came. */
export const keptAttachment = z
  .object({ url: z.string(), name: z.string().exactOptional(), contentType: z.string().exactOptional() })
  .meta({ id: 'KeptAttachment' });

export const limitQuery = z.coerce.number().int().min(1).max(MAX_PAGE).default(50);
const MAX_EVENTS = 500;
export const eventLimitQuery = z.coerce.number().int().min(1).max(MAX_EVENTS).default(MAX_EVENTS);
/** As PostgreSQL keeps it. */
export const MAX_SEQ = 2 ** 31 - 1;
export const afterSeqQuery = z.coerce.number().int().min(0).max(MAX_SEQ).default(0);
/** What a query may ask for: PostgreSQL knows no year 0, and ISO 8601 has four digits. */
const LAST_MS = Date.UTC(9999, 0, 1);

export const timeQuery = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-30T09:15:00Z', abort: true })
  .refine((text) => Date.parse(text) >= 0 && Date.parse(text) < LAST_MS, 'must be a time from 1970 on');

export const cursorQuery = z.string().max(500).optional().describe('`nextCursor` of the page before.');
export const nextCursor = z.string().nullable().describe('For the next page; null on the last one.');

export const errorBody = z
  .object({
    error: z.object({
      code: z.string().describe('Stable, for programs.'),
      message: z.string().describe('For people.'),
      details: z
        .array(z.object({ path: z.string(), message: z.string() }))
        .optional()
        .describe('Every field that is wrong.'),
      requestId: z.string(),
    }),
  })
  .meta({
    id: 'Error',
    examples: [
      {
        error: {
          code: 'invalid_request',
          message: 'One field is wrong.',
          details: [{ path: 'user.email', message: 'Invalid email address' }],
          requestId: '5a0e3a8c-6d0b-4f4c-9d8e-0f2f6d6f9c11',
        },
      },
    ],
  });

const MEANINGS = {
  400: 'A field is wrong; `details` names every one.',
  401: 'No key, or an unknown one.',
  403: 'This key may not do that.',
  404: 'Unknown, or not yours.',
  409: 'Not in this state.',
  413: 'The body is too large.',
  415: 'The body is not JSON, or compressed.',
  429: 'Too many requests; see `Retry-After`.',
  503: 'Temporal or PostgreSQL cannot be reached; see `Retry-After`.',
} as const;

type ErrorStatus = keyof typeof MEANINGS;

/** The same as OpenAPI has it, for what is added to the document and not to each route. */
export const ERROR_ANSWERS = Object.fromEntries(
  Object.entries(MEANINGS).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
  ]),
) as Record<ErrorStatus, unknown>;

/** Error answers of a route; 401, 429 and 503 are everywhere, and the document adds what comes with parameters and bodies. */
export function errors<S extends ErrorStatus>(...statuses: S[]) {
  const all: ErrorStatus[] = [...new Set<ErrorStatus>([...statuses, 401, 429, 503])];
  const entries = all.map((s) => [
    s,
    { description: MEANINGS[s], content: { 'application/json': { schema: errorBody } } },
  ]);
  return Object.fromEntries(entries) as Record<
    ErrorStatus,
    { description: string; content: Record<string, { schema: typeof errorBody }> }
  >;
}
