/** Which desk may be a bot's second one. */
import type { DeskRegistry } from './desks/registry.ts';
import { type DeskSetting, isPlainObject } from './settings-secrets.ts';

type Config = Record<string, unknown> & { kind: string };

const PATH = 'secondDesk.kind';

/** What is wrong with the two desks together, as they were sent and as they were understood. */
export function problemsOfSecond(
  { desk: first, secondDesk: second, mode }: Record<string, unknown>,
  understood: Record<DeskSetting, Config | null>,
  desks: DeskRegistry,
): { path: string; message: string }[] {
  if (!isPlainObject(second)) return [];
  if (mode === 'native') return [{ path: 'secondDesk', message: 'not in native mode: its users are at one desk' }];
  if (!isPlainObject(first)) return [{ path: 'secondDesk', message: 'needs a first desk' }];
  if (first['kind'] === second['kind']) return [{ path: PATH, message: 'must be another kind than the first desk' }];
  return Object.values(understood).flatMap((config) => {
    const desk = config === null ? undefined : desks.get(config.kind);
    if (desk?.messengerInExternal?.(config) !== true) return [];
    return [{ path: PATH, message: `not together with ${desk.title}: its users are in its own messenger` }];
  });
}
