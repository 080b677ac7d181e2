import type { DeskErrorKind } from '../../errors.ts';
import type { HttpResponse } from '../../http/client.ts';
import { kindOfStatus, type VendorDetails, VendorError } from '../../http/desk-errors.ts';
import { retryAfterMs } from '../../http/retry-after.ts';

/** What a failed call says, in one form for all APIs of the vendor. */
export interface ErrorBody {
  /** `error.type` of the chat APIs, `oauth_exception` of the accounts. */
  type: string;
  message: string;
  region?: string;
}

/** Its code is the desk's own type of the error. */
export class LivechatError extends VendorError<string> {
  constructor(details: VendorDetails<string>) {
    super('livechat', details);
  }
}

export const isLivechat = (error: unknown, ...types: string[]): error is LivechatError & { code: string } =>
  error instanceof LivechatError && error.code !== undefined && types.includes(error.code);

/** Types by kind (section 10, and section 2 for the accounts API); what is not listed follows the HTTP status. */
const TYPES: Partial<Record<DeskErrorKind, string>> = {
  auth:
    'authentication authorization missing_access requester_suspended license_expired license_not_found ' +
    'wrong_product_version unauthorized unauthorized_client invalid_client invalid_grant invalid_request access_denied ' +
    'forbidden unsupported_grant_type',
  rejected:
    'validation chat_anonymized groups_offline group_not_found customer_banned entity_too_large unsupported_version ' +
    'not_allowed agent_offline limit_reached bad_request',
  not_found: 'chat_inactive not_found resource_not_found',
  conflict: 'chat_limit_reached chat_already_active already_exists',
  rate_limited: 'too_many_requests',
  // Only this one says that nobody knows: the others are failures, and a repeat looks first in any case.
  timeout: 'request_timeout',
  unavailable: 'service_unavailable internal misdirected_request server_error temporarily_unavailable',
};
const KINDS = new Map(
  Object.entries(TYPES).flatMap(([kind, types]) => types.split(' ').map((type) => [type, kind as DeskErrorKind])),
);

/** A customer has one chat: a second start is refused in one of three ways (section 10). */
const TAKEN = /customer chats limit reached/i;
/** Of the agent API, about a chat that our seat has left: nothing is wrong with the credentials. */
const NOT_IN_CHAT = /requester|not (a )?(user|member|present)/i;

const WORDS: Partial<Record<DeskErrorKind, string>> = {
  auth: 'LiveChat refused the credentials',
  not_found: 'LiveChat has no such open chat',
  conflict: 'LiveChat has this already',
  rate_limited: 'LiveChat asks us to wait',
  unavailable: 'LiveChat has failed',
  timeout: 'LiveChat took too long, the call may have worked',
};

export function failureOf(
  operation: string,
  { status, headers }: HttpResponse,
  error: ErrorBody | undefined,
  nowMs: number,
): LivechatError {
  const wait = retryAfterMs(headers, nowMs);
  const kind = kindOf(error, status, wait !== undefined);
  const words = WORDS[kind] ?? 'LiveChat refused the call';
  return new LivechatError({
    operation,
    kind,
    reason: error === undefined ? words : `${words} (${printable(error.type)})`,
    status,
    ...(kind === 'rate_limited' && wait !== undefined && { retryAfterMs: wait }),
    ...(error !== undefined
      ? { code: error.type, detail: error.message }
      : status === 401 && { code: 'authentication' }),
  });
}

function kindOf(error: ErrorBody | undefined, status: number, saysWhen: boolean): DeskErrorKind {
  // A type that says no more than "refused" leaves the word to a status that says more.
  const isVague = error?.type === 'validation' && [404, 409, 410, 425, 429].includes(status);
  const known = error && !isVague && KINDS.get(error.type);
  if (error && known) {
    const refused = error.type === 'validation' || error.type === 'limit_reached';
    if (refused && TAKEN.test(error.message)) return 'conflict';
    if (error.type === 'authorization' && NOT_IN_CHAT.test(error.message)) return 'rejected';
    return known === 'unavailable' && status === 503 && saysWhen ? 'rate_limited' : known;
  }
  return kindOfStatus(status, saysWhen);
}

/** Both forms of the accounts API and the one of the chat APIs (sections 2 and 10). */
export function errorBodyOf(body: unknown): ErrorBody | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, error_description, oauth_exception, identity_exception, exception_description, exception_details } =
    body as Record<string, unknown>;
  const type = [oauth_exception, identity_exception, error].find((value) => typeof value === 'string');
  if (type !== undefined) {
    const words = [exception_details, exception_description, error_description];
    return { type, message: words.filter((word) => typeof word === 'string').join(': ') };
  }
  if (typeof error !== 'object' || error === null) return undefined;
  const { type: named, message, data } = error as { type?: unknown; message?: unknown; data?: { region?: unknown } };
  if (typeof named !== 'string') return undefined;
  const region = data?.region;
  return {
    type: named,
    message: typeof message === 'string' ? message : '',
    ...(typeof region === 'string' && /^[a-z0-9-]{1,20}$/.test(region) && { region }),
  };
}

const printable = (text: string): string => text.replace(/[^\w.-]/g, '').slice(0, 60);
