import type { Faults } from './faults.ts';
import type { Outgoing } from './outgoing.ts';
import type { ScriptedAgent } from './scripted-agent.ts';
import type { Shell } from './shell.ts';

interface Parts {
  shell: Shell;
  faults: Faults;
  outgoing: Outgoing;
  agent: ScriptedAgent;
}

/** What every sandbox on a shell offers in the same way. */
export const offerParts = ({ shell, faults, outgoing, agent }: Parts) => ({
  plugin: shell.plugin,
  listen: shell.listen,
  arrivals: shell.arrivals,
  calls: shell.calls,
  deliveries: outgoing.deliveries,
  fault: faults.set,
  clearFaults: faults.clear,
  setScript: agent.set,
  state: () => ({ script: agent.script, faults: faults.list(), webhooks: outgoing.behaviour }),
  async stop(): Promise<void> {
    // First the webhooks, for which an agent may wait.
    await shell.stop();
    await agent.stop();
  },
});
