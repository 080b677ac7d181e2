import { translator } from '../../lib/i18n.ts';

/** What the lines between the messages say happened. */
export const te = translator({
  en: {
    'handoff.email_required': 'Asked for an email',
    'handoff.scheduled': 'Waits for the next opening: {until}',
    'handoff.connecting': 'The desk has it, waiting for an agent',
    'handoff.busy': 'The desk could not take it',
    'handoff.wait_timeout': 'Wait time over, asked whether to keep waiting',
    'handoff.active': '{agent} has answered',
    'handoff.agent_changed': '{agent} took over',
    'handoff.snoozed': 'Parked by the agent',
    'handoff.snoozed_until': 'Parked by the agent until {until}',
    'handoff.desk_changed': 'Moved from {from} to {to} ({reason})',
    'handoff.closed': 'Ended: {reason}',
    'message.read': 'The agent has read it',
    'message.failed': 'Not delivered ({reason}): {message}',
    'message.retried': 'Sent to the desk again: {message}',
    somebody: 'An agent',
  },
  fr: {
    'handoff.email_required': 'E-mail demandé',
    'handoff.scheduled': 'Attend la prochaine ouverture : {until}',
    'handoff.connecting': 'Le desk l’a reçu, en attente d’un agent',
    'handoff.busy': 'Le desk n’a pas pu le prendre',
    'handoff.wait_timeout': 'Délai écoulé, demandé s’il faut attendre encore',
    'handoff.active': '{agent} a répondu',
    'handoff.agent_changed': '{agent} a pris la suite',
    'handoff.snoozed': 'Mis en pause par l’agent',
    'handoff.snoozed_until': 'Mis en pause par l’agent jusqu’à {until}',
    'handoff.desk_changed': 'Passé de {from} à {to} ({reason})',
    'handoff.closed': 'Terminé : {reason}',
    'message.read': 'L’agent l’a lu',
    'message.failed': 'Non livré ({reason}) : {message}',
    'message.retried': 'Renvoyé au desk : {message}',
    somebody: 'Un agent',
  },
});
