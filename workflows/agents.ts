/** Who an agent is, as far as his desk says it. */
import type { Agent } from './contracts.ts';

/** All fields are optional: a desk may send an agent that nobody can tell from another. */
export const isNobody = (agent: Agent): boolean => (agent.id ?? agent.name) === undefined;

export const sameAgent = (a: Agent | undefined, b: Agent): boolean =>
  a !== undefined && (a.id ?? a.name) === (b.id ?? b.name);

/** Some of a desk's webhooks name an agent only by his id. */
export const known = (before: Agent | undefined, agent: Agent): Agent =>
  sameAgent(before, agent) ? { ...before, ...agent } : agent;
