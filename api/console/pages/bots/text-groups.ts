import { translator } from '../../lib/i18n.ts';

const titles = translator({
  en: {
    waiting: 'While the user waits',
    talk: 'During the talk',
    end: 'At the end',
    hours: 'Outside the hours',
    other: 'Others',
  },
  fr: {
    waiting: 'Pendant l’attente',
    talk: 'Pendant l’échange',
    end: 'À la fin',
    hours: 'En dehors des horaires',
    other: 'Autres',
  },
});

type Group = Parameters<typeof titles>[0];
export const groupTitle = (group: Group): string => titles(group);

const ORDER: Group[] = ['waiting', 'talk', 'end', 'hours', 'other'];
const WAITING = [
  'email_required',
  'connecting',
  'desk_changed',
  'busy',
  'wait_timeout',
  'wait_choice_wait',
  'wait_choice_end',
];
const HOURS = ['out_of_hours', 'offer_message', 'offer_next_opening', 'scheduled'];
const TALK = ['active', 'agent_changed', 'snoozed', 'message_failed'];

function groupOf(key: string): Group {
  if (WAITING.includes(key)) return 'waiting';
  if (TALK.includes(key)) return 'talk';
  if (key.startsWith('closed_')) return 'end';
  return HOURS.includes(key) ? 'hours' : 'other';
}

/** The keys in the order of a handoff; one that this page does not know comes last. */
export function groupsOf(keys: string[]): [Group, string[]][] {
  return ORDER.map((group): [Group, string[]] => [group, keys.filter((key) => groupOf(key) === group)]).filter(
    ([, members]) => members.length > 0,
  );
}

const names = {
  en: {
    email_required: 'An email is needed',
    connecting: 'Connecting',
    desk_changed: 'To the second desk',
    busy: 'Nobody can be reached',
    wait_timeout: 'Question after the wait time',
    wait_choice_wait: 'Button: keep waiting',
    wait_choice_end: 'Button: stop waiting',
    active: 'A human is there',
    agent_changed: 'Another human',
    snoozed: 'Set aside for later',
    message_failed: 'A message did not arrive',
    closed_by_user: 'Ended by the user',
    closed_by_agent: 'Ended by the agent',
    closed_by_bot: 'Ended by the bot',
    closed_wait_timeout: 'Ended: nobody answered',
    closed_inactivity: 'Ended: the user was silent',
    closed_email_not_given: 'Ended: no email given',
    closed_desk_unavailable: 'Ended: desk unavailable',
    closed_by_operator: 'Ended by the operator',
    closed_message_left: 'Ended: a message was left',
    out_of_hours: 'Out of hours',
    offer_message: 'Button: leave a message',
    offer_next_opening: 'Button: connect at the opening',
    scheduled: 'Connected at the opening',
  },
  fr: {
    email_required: 'Un e-mail est nécessaire',
    connecting: 'Mise en relation',
    desk_changed: 'Vers le second desk',
    busy: 'Personne n’est joignable',
    wait_timeout: 'Question après l’attente',
    wait_choice_wait: 'Bouton : patienter',
    wait_choice_end: 'Bouton : ne plus attendre',
    active: 'Un humain est là',
    agent_changed: 'Un autre humain',
    snoozed: 'Mis de côté',
    message_failed: 'Un message n’est pas arrivé',
    closed_by_user: 'Terminé par l’utilisateur',
    closed_by_agent: 'Terminé par l’agent',
    closed_by_bot: 'Terminé par le bot',
    closed_wait_timeout: 'Terminé : personne n’a répondu',
    closed_inactivity: 'Terminé : utilisateur silencieux',
    closed_email_not_given: 'Terminé : pas d’e-mail donné',
    closed_desk_unavailable: 'Terminé : desk indisponible',
    closed_by_operator: 'Terminé par l’opérateur',
    closed_message_left: 'Terminé : un message a été laissé',
    out_of_hours: 'Hors horaires',
    offer_message: 'Bouton : laisser un message',
    offer_next_opening: 'Bouton : mise en relation à l’ouverture',
    scheduled: 'Mise en relation à l’ouverture',
  },
};

const name = translator(names);
/** For people; undefined for a key that this page does not know. */
export const textName = (key: string): string | undefined =>
  key in names.en ? name(key as keyof typeof names.en) : undefined;
