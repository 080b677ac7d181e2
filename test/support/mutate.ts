import fc from 'fast-check';

/** What may happen to one field of a payload. */
export type Mutation =
  /** The field is gone. */
  | { op: 'gone' }
  /** It has this value. */
  | { op: 'value'; value: unknown }
  /** Its text is this many times as long. */
  | { op: 'longer'; times: number }
  /** A number is a text, a text is a number, everything else is a text of JSON. */
  | { op: 'retyped' }
  /** It is in so many lists. */
  | { op: 'nested'; depth: number }
  /** A list has its last entry once more, so many times. */
  | { op: 'repeated'; times: number }
  /** It changes places with another one. */
  | { op: 'swapped'; with: number }
  /** Its object has a key more. */
  | { op: 'key'; key: string; value: unknown };

export interface Change {
  /** Number of the field, in the order of the document; taken modulo their count. */
  at: number;
  mutation: Mutation;
}

/** Names that every object has already, and marks that a careless reader would take from there. */
const POLLUTION = { private: false, part_type: 'comment', visibility: 'all', type: 'admin', polluted: true };
const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', 'id', 'data', '0'];

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 2 ** 53, 1e308, -1e-7, '', ' ', [], {}, [null], [[]], '0', 'true'),
  fc.constantFrom<unknown>(
    '\u0000',
    '\ud800',
    '\udc00x',
    '\u202e',
    '\ufeff',
    '𝒳'.repeat(300),
    '../../etc',
    '%',
    '%E0%A4',
  ),
  fc.constantFrom<unknown>(
    'https://',
    'http://[',
    'javascript:alert(1)',
    'https://x.example/%ff.png',
    '{"msg":"x"}',
    '{',
  ),
  fc.constantFrom<unknown>(
    '0001-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    8.64e12,
    8.64e15,
    -62_167_219_200,
    '1e400',
  ),
  // As a text, or as a number, none of these is one: it throws.
  fc.constantFrom<unknown>({ toString: '' }, { valueOf: 1, toString: 1 }, [{ toString: null }], { toJSON: 1 }),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 3 }),
);

const swapping = fc.record({ op: fc.constant('swapped' as const), with: fc.nat() });
const harmless: fc.Arbitrary<Mutation>[] = [
  fc.constant({ op: 'gone' as const }),
  fc.record({ op: fc.constant('value' as const), value: odd }),
  fc.record({ op: fc.constant('longer' as const), times: fc.constantFrom(2, 30, 3_000) }),
  fc.constant({ op: 'retyped' as const }),
  fc.record({ op: fc.constant('nested' as const), depth: fc.constantFrom(1, 3, 300) }),
  fc.record({ op: fc.constant('repeated' as const), times: fc.constantFrom(1, 40) }),
  fc.record({
    op: fc.constant('key' as const),
    key: fc.constantFrom(...KEYS),
    value: fc.oneof(odd, fc.constant(POLLUTION)),
  }),
];

const changesOf = (mutation: fc.Arbitrary<Mutation>): fc.Arbitrary<Change[]> =>
  fc.array(fc.record({ at: fc.nat(), mutation }), { minLength: 1, maxLength: 4 });

/** Changes of any field. */
export const changes = changesOf(fc.oneof(...harmless, swapping));
/** The same without fields that change places. */
export const changesInPlace = changesOf(fc.oneof(...harmless));

interface Place {
  holder: Record<string, unknown>;
  key: string;
}

/** All fields but those with these names and what is in them. */
function placesOf(body: unknown, spared: ReadonlySet<string>): Place[] {
  const places: Place[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      if (spared.has(key)) continue;
      places.push({ holder: node as Record<string, unknown>, key });
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(body);
  return places;
}

const NONE: ReadonlySet<string> = new Set();

/** A copy of the JSON value with these changes, one after the other. Fields named in `spared` stay as they are. */
export function mutated(body: unknown, list: readonly Change[], spared: ReadonlySet<string> = NONE): unknown {
  const copy: { body: unknown } = { body: structuredClone(body) };
  for (const { at, mutation } of list) {
    const places = placesOf(copy.body, spared);
    const place = places[at % Math.max(1, places.length)];
    if (place !== undefined) change(place, mutation, places);
  }
  return copy.body;
}

function change({ holder, key }: Place, mutation: Mutation, places: Place[]): void {
  const now = holder[key];
  switch (mutation.op) {
    case 'gone':
      return void delete holder[key];
    case 'value':
      // What is given is one object for all runs: changed in one, it would grow from each to the next.
      return set(holder, key, structuredClone(mutation.value));
    case 'longer':
      return typeof now === 'string' ? set(holder, key, longer(now, mutation.times)) : undefined;
    case 'retyped':
      return set(holder, key, retyped(now));
    case 'nested':
      return set(holder, key, nested(now, mutation.depth));
    case 'repeated': {
      const more = Array.isArray(now) ? now.slice(-1) : [];
      return more.length > 0
        ? set(holder, key, [...(now as unknown[]), ...Array<unknown>(mutation.times).fill(more[0])])
        : undefined;
    }
    case 'key':
      return Array.isArray(holder) ? undefined : set(holder, mutation.key, structuredClone(mutation.value));
    case 'swapped': {
      const other = places[mutation.with % places.length];
      if (other === undefined) return;
      const [one, two] = [structuredClone(now), structuredClone(other.holder[other.key])];
      set(holder, key, two);
      set(other.holder, other.key, one);
    }
  }
}

/** Also `__proto__` is only a key. */
const set = (holder: Record<string, unknown>, key: string, value: unknown): void =>
  void Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });

const LONGEST = 200_000;

/** Cut only at the end, a text that is long already would fill half a gigabyte on the way. */
const longer = (text: string, times: number): string =>
  text.repeat(Math.min(times, Math.ceil(LONGEST / Math.max(1, text.length)))).slice(0, LONGEST);

function retyped(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return JSON.stringify(value ?? null);
  return Number.isNaN(Number(value)) ? { [value]: value } : Number(value);
}

function nested(value: unknown, depth: number): unknown {
  let all = value;
  for (let n = 0; n < depth; n += 1) all = [all];
  return all;
}
