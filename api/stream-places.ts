import type { Limits } from '../activities/platform/limits.ts';
import type { Principal } from './auth.ts';
import { ApiError } from './errors.ts';

/** Live streams are few enough that one client's leak leaves room for the others. */
export interface StreamPlaces {
  /** Takes a place and gives what frees it again. Throws 429 when the key has too many, 503 when the process has. */
  take(principal: Principal): () => void;
}

export function createStreamPlaces({
  streams,
  streamsPerKey,
}: Pick<Limits, 'streams' | 'streamsPerKey'>): StreamPlaces {
  const byKey = new Map<string, number>();
  let all = 0;
  return {
    take(principal) {
      const key = principal.kind === 'bot' ? principal.keyId : 'operator';
      const own = byKey.get(key) ?? 0;
      if (own >= streamsPerKey)
        throw tooMany(429, 'rate_limited', `This key has ${streamsPerKey} live streams already.`);
      if (all >= streams) throw tooMany(503, 'overloaded', 'There are too many live streams here. Try again.');
      byKey.set(key, own + 1);
      all += 1;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        all -= 1;
        const left = (byKey.get(key) ?? 1) - 1;
        if (left > 0) byKey.set(key, left);
        else byKey.delete(key);
      };
    },
  };
}

const tooMany = (status: 429 | 503, code: string, message: string): ApiError =>
  new ApiError(status, code, message, { headers: { 'retry-after': '5' } });
