/** Everything exported here is a workflow type. */
export { callbackTail } from './callback-tail.ts';
export { handoff } from './handoff.ts';
export { maintenance } from './maintenance.ts';
export { conversation } from './conversation.ts';
export { recovery } from './recovery.ts';
