import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ApiFailure } from '../lib/api.ts';
import { tc } from '../lib/texts.ts';
import { Button } from './button.tsx';

/** An error in the API's words, with the id under which the service logged it. */
export function ErrorNote({
  error,
  onRetry,
  fields = false,
}: {
  error: unknown;
  onRetry?: () => void;
  /** Names the wrong fields, where no form does. */
  fields?: boolean;
}) {
  if (error === undefined || error === null) return null;
  const failure = error instanceof ApiFailure ? error : undefined;
  return (
    <div class="note bad" role="alert">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {fields && failure && failure.details.length > 0 ? (
        <ul>
          {failure.details.map(({ path, message }) => (
            <li key={path}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      ) : null}
      {failure?.requestId ? <p class="hint">{tc('request_id', { id: failure.requestId })}</p> : null}
      {onRetry ? <Button onPress={onRetry}>{tc('retry')}</Button> : null}
    </div>
  );
}

export function Note({
  kind = 'plain',
  children,
}: {
  kind?: 'plain' | 'good' | 'warn' | 'bad';
  children: ComponentChildren;
}) {
  return <div class={`note ${kind}`}>{children}</div>;
}

export const Loading = () => (
  <p class="loading" role="status">
    {tc('loading')}
  </p>
);

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

const said = signal('');

/** Says that something was done, to eyes and to screen readers. */
export function say(text: string): void {
  said.value = '';
  setTimeout(() => (said.value = text));
  setTimeout(() => said.value === text && (said.value = ''), 6_000);
}

export const Said = () => (
  <div class="said" role="status" aria-live="polite">
    {said.value === '' ? null : <p>{said.value}</p>}
  </div>
);
