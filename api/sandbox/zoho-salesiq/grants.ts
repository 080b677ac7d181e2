import { newHexId } from './model.ts';
import type { World } from './world.ts';

/** `org`: the only ones that the Visitor API takes. */
export type ClientKind = 'org' | 'user';

export interface Grant {
  kind: ClientKind;
  /** In lower case. */
  scopes: Set<string>;
}

interface Code extends Grant {
  /** Any, when it was not made by the consent page. */
  redirectUri: string | undefined;
  offline: boolean;
  expiresAt: number;
}

interface RefreshToken extends Grant {
  /** Access tokens that live, oldest first. */
  active: string[];
  /** When access tokens were made of it. */
  madeAt: number[];
}

/** What a token endpoint says of a call that it refuses. */
export class OauthRefusal extends Error {
  readonly error: string;
  readonly throttled: boolean;

  constructor(error: string, throttled = false) {
    super(error);
    this.error = error;
    this.throttled = throttled;
  }
}

export interface GrantLimits {
  /** Life of an access token in seconds. Zoho: 3600. */
  tokenSeconds: number;
  /** New access tokens of one refresh token in ten minutes. Zoho: 10. */
  refreshes: number;
  /** Codes of one client in ten minutes. Zoho: 10. */
  codes: number;
}

export interface Issued {
  accessToken: string;
  refreshToken?: string;
}

export interface Grants {
  /** undefined: too many in too short a time. */
  newCode(request: Grant & { redirectUri?: string; offline: boolean }): string | undefined;
  exchange(code: string, redirectUri: string): Issued;
  refresh(refreshToken: string): Issued;
  /** Of a token that is good now. */
  find(accessToken: string): Grant | undefined;
  revoke(token: string): boolean;
  expireAccess(): void;
  revokeRefresh(): void;
  /** How often an access token was made of a refresh token. */
  readonly refreshes: number;
}

const WINDOW_MS = 600_000;
const CODE_MS = 120_000;
const ACTIVE_PER_REFRESH_TOKEN = 15;
const REFRESH_TOKENS = 20;

/** Codes and tokens of the portal's OAuth client, with the limits of Zoho's accounts server. */
export function createGrants(world: World, limits: GrantLimits): Grants {
  const codes = new Map<string, Code>();
  const access = new Map<string, Grant & { expiresAt: number }>();
  // A map keeps the order: the first is the oldest.
  const refresh = new Map<string, RefreshToken>();
  let codesAt: number[] = [];
  let refreshes = 0;

  const recent = (times: number[]): number[] => times.filter((at) => at > world.now() - WINDOW_MS);
  const token = (kind: ClientKind): string => `${kind === 'org' ? '1005' : '1000'}.${newHexId(16)}.${newHexId(16)}`;

  function newAccess({ kind, scopes }: Grant, of?: RefreshToken): string {
    const made = token(kind);
    access.set(made, { kind, scopes, expiresAt: world.now() + limits.tokenSeconds * 1000 });
    of?.active.push(made);
    if (of !== undefined && of.active.length > ACTIVE_PER_REFRESH_TOKEN) access.delete(of.active.shift() ?? '');
    return made;
  }

  return {
    newCode({ redirectUri, offline, kind, scopes }) {
      codesAt = recent(codesAt);
      if (codesAt.length >= limits.codes) return undefined;
      codesAt.push(world.now());
      const code = token(kind);
      codes.set(code, { kind, scopes, redirectUri, offline, expiresAt: world.now() + CODE_MS });
      return code;
    },
    exchange(given, redirectUri) {
      const code = codes.get(given);
      if (code === undefined || code.expiresAt <= world.now()) throw new OauthRefusal('invalid_code');
      if (code.redirectUri !== undefined && code.redirectUri !== redirectUri) {
        throw new OauthRefusal('invalid_redirect_uri');
      }
      codes.delete(given);
      const { kind, scopes } = code;
      if (!code.offline) return { accessToken: newAccess(code) };
      const made = token(kind);
      const kept: RefreshToken = { kind, scopes, active: [], madeAt: [] };
      refresh.set(made, kept);
      const [oldest] = refresh.keys();
      if (refresh.size > REFRESH_TOKENS && oldest !== undefined) refresh.delete(oldest);
      return { accessToken: newAccess(kept, kept), refreshToken: made };
    },
    refresh(given) {
      const kept = refresh.get(given);
      if (kept === undefined) throw new OauthRefusal('invalid_code');
      kept.madeAt = recent(kept.madeAt);
      if (kept.madeAt.length >= limits.refreshes) throw new OauthRefusal('Access Denied', true);
      kept.madeAt.push(world.now());
      refreshes += 1;
      return { accessToken: newAccess(kept, kept) };
    },
    find(given) {
      const found = access.get(given);
      return found !== undefined && found.expiresAt > world.now() ? found : undefined;
    },
    revoke(given) {
      const kept = refresh.get(given);
      for (const one of kept?.active ?? []) access.delete(one);
      return refresh.delete(given) || access.delete(given);
    },
    expireAccess: () => access.clear(),
    revokeRefresh() {
      refresh.clear();
      access.clear();
    },
    get refreshes() {
      return refreshes;
    },
  };
}

const OPERATIONS = ['create', 'read', 'update', 'delete', 'all'];

/** `SalesIQ.conversations.READ,SalesIQ.apps.ALL`, in lower case; undefined: there is something else in it. */
export function readScopes(text: string): Set<string> | undefined {
  const scopes = text
    .split(',')
    .map((scope) => scope.trim().toLowerCase())
    .filter(Boolean);
  const isScope = (scope: string): boolean => {
    const [service, name, operation = '', ...rest] = scope.split('.');
    return service === 'salesiq' && Boolean(name) && OPERATIONS.includes(operation) && rest.length === 0;
  };
  return scopes.length > 0 && scopes.every(isScope) ? new Set(scopes) : undefined;
}

/** `needed`: for example `conversations.CREATE`. */
export function covers({ scopes }: Grant, needed: string): boolean {
  const [name] = needed.split('.');
  return scopes.has(`salesiq.${needed}`.toLowerCase()) || scopes.has(`salesiq.${name}.all`.toLowerCase());
}

export const ALL_SCOPES =
  'SalesIQ.conversations.ALL,SalesIQ.departments.ALL,SalesIQ.apps.ALL,SalesIQ.operators.ALL,SalesIQ.webhooks.ALL,SalesIQ.callbacks.ALL';
