import type { Mode } from '../workflows/contracts.ts';
import type { Desk } from './desks/desk.ts';

interface Wanted {
  leaveMessage: boolean;
  connectAtOpening: boolean;
}

/** Why the desk's users cannot be offered what these settings say. `config`: the desk's own, parsed. */
export function problemsOfOffers(desk: Desk, config: unknown, mode: Mode, wanted: Wanted) {
  const inMessenger = mode === 'native' || desk.messengerInExternal?.(config) === true;
  const issues = (['leaveMessage', 'connectAtOpening'] as const)
    .filter((path) => wanted[path] && inMessenger)
    .map((path) => ({ path, message: "not for users in the desk's own messenger" }));
  if (wanted.leaveMessage && !inMessenger && !desk.capabilities.keepsMessages) {
    issues.push({ path: 'leaveMessage', message: `${desk.title} keeps no message for later` });
  }
  return issues;
}
