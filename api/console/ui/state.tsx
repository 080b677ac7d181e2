import { useEffect, useState } from 'preact/hooks';
import { duration, word } from '../lib/i18n.ts';
import { tc, words } from '../lib/texts.ts';

const KINDS: Record<string, 'good' | 'warn' | 'bad' | 'plain'> = {
  active: 'good',
  available: 'good',
  agent_closed: 'good',
  sent: 'good',
  read: 'good',
  delivered: 'good',
  message_left: 'good',
  scheduled: 'warn',
  connecting: 'warn',
  opening: 'warn',
  asking: 'warn',
  unclear: 'warn',
  awaiting_email: 'warn',
  not_configured: 'warn',
  unavailable: 'bad',
  desk_unavailable: 'bad',
  failed: 'bad',
};

/** A state or a reason in words; the colour only repeats what the word says. */
export function Chip({ value, text }: { value: string; text?: string }) {
  return <span class={`chip ${KINDS[value] ?? 'plain'}`}>{text ?? word(words, value)}</span>;
}

/** The time left until `at` (ISO 8601), counted by the second. */
export function Countdown({ at, label }: { at: string; label?: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const seconds = (Date.parse(at) - now) / 1_000;
  return (
    <span class={seconds < 10 ? 'countdown soon' : 'countdown'} role="timer">
      {label ? `${label}: ` : ''}
      <time dateTime={at}>{duration(seconds)}</time>
    </span>
  );
}

export const Live = ({ live }: { live: boolean }) => (
  <span class={live ? 'live on' : 'live'} role="status">
    {live ? tc('live') : tc('reconnecting')}
  </span>
);
