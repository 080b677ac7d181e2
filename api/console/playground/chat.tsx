import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Attachment } from '../../../workflows/contracts.ts';
import { word } from '../lib/i18n.ts';
import { words } from '../lib/texts.ts';
import { Button, Outside } from '../ui/button.tsx';
import type { ChatLine } from './lines.ts';
import { t } from './texts.ts';

/** Stands for what a user or an agent may send; it is only a link. */
export const SAMPLE_FILE: Attachment & { name: string } = {
  url: 'https://files.example.org/receipt.pdf',
  name: 'receipt.pdf',
  contentType: 'application/pdf',
};

const WHO = { user: 'you', bot: 'bot', agent: 'agent', notice: 'notice', note: 'note', system: 'system' } as const;
/** So far from its end a reader is reading something else. */
const NEAR_PX = 80;

/** A chat that grows at its end; a screen reader says what is new. */
export function Chat({
  label,
  lines,
  onRetry,
}: {
  label: string;
  lines: readonly ChatLine[];
  onRetry?: (line: ChatLine) => unknown;
}) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    const shown = box.current!;
    if (isAtEnd.current) shown.scrollTop = shown.scrollHeight;
  });
  return (
    <div
      class="log"
      role="log"
      aria-label={label}
      tabIndex={0}
      ref={box}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      }}
    >
      {lines.length === 0 ? <p class="empty">{t('nothing_yet')}</p> : null}
      <ol class="chat">
        {lines.map((line) => (
          <Line key={line.id} line={line} onRetry={onRetry} />
        ))}
      </ol>
    </div>
  );
}

function Line({ line, onRetry }: { line: ChatLine; onRetry: ((line: ChatLine) => unknown) | undefined }) {
  const { from, text, name, files = [], call } = line;
  const kind = from === 'notice' ? 'system' : from;
  return (
    <li class={line.state === 'failed' || line.state === 'unsent' ? `line ${kind} failed` : `line ${kind}`}>
      <span class="who">{name ?? t(WHO[from])}</span>
      {text === '' ? null : <span>{text}</span>}
      {files.map(({ url, name: file }) => (
        <Outside key={url} href={url}>
          {file ?? url}
        </Outside>
      ))}
      {call ? (
        <details>
          <summary>{t('calls_tool', { name: call.function.name })}</summary>
          <pre>{JSON.stringify(call, null, 2)}</pre>
        </details>
      ) : null}
      <Mark line={line} onRetry={onRetry} />
    </li>
  );
}

function Mark({ line, onRetry }: { line: ChatLine; onRetry: ((line: ChatLine) => unknown) | undefined }) {
  const { state, reason, text } = line;
  if (state === undefined) return null;
  const mayRetry = onRetry && (state === 'unsent' || (state === 'failed' && reason !== 'handoff_closed'));
  return (
    <span class="mark">
      {state === 'failed' ? t('failed', { reason: word(words, reason ?? '') }) : t(state)}
      {mayRetry ? (
        <Button label={`${t('retry')}: ${text}`} onPress={() => onRetry(line)}>
          {t('retry')}
        </Button>
      ) : null}
    </span>
  );
}

/** One line to write, and whether the sample file goes with it. */
export function Composer(props: {
  label: string;
  send: string;
  disabled?: boolean;
  files?: boolean;
  onSend(text: string, files: Attachment[]): Promise<void>;
}) {
  const [text, setText] = useState('');
  const [withFile, setWithFile] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const words = text.trim();
    if (props.disabled || (words === '' && !withFile)) return;
    setText('');
    setWithFile(false);
    void props.onSend(words, withFile ? [SAMPLE_FILE] : []);
  };
  return (
    <form class="composer" onSubmit={submit}>
      <input
        type="text"
        aria-label={props.label}
        placeholder={props.label}
        value={text}
        autocomplete="off"
        maxLength={4000}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {props.files === false ? null : (
        <Button pressed={withFile} label={t('sample_file')} onPress={() => setWithFile(!withFile)}>
          {t('file')}
        </Button>
      )}
      <Button kind="main" type="submit" disabled={props.disabled ?? false}>
        {props.send}
      </Button>
    </form>
  );
}
