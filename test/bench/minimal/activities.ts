import { postMessage } from '../post.ts';

export type RelayActivities = typeof relayActivities;

export const relayActivities = { post: postMessage };
