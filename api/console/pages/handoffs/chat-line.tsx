import { time } from '../../lib/i18n.ts';
import { Outside } from '../../ui/button.tsx';
import type { Line } from './lines.ts';
import { t } from './texts.ts';

export function ChatLine({ line, who }: { line: Line; who: string }) {
  const { kind, at, what, text, attachments, failed } = line;
  return (
    <li class={`line ${kind}${failed ? ' failed' : ''}`}>
      <span class="who">
        {what ?? who}
        {at === undefined ? null : (
          <>
            {' · '}
            <time dateTime={at}>{time(at)}</time>
          </>
        )}
        {failed ? ` · ${t('failed')}` : ''}
      </span>
      {kind === 'system' ? <SystemText text={text} /> : text}
      {attachments.map(({ url, name }) => (
        <Outside key={url} href={url}>
          {t('file', { name: name ?? url })}
        </Outside>
      ))}
    </li>
  );
}

const SystemText = ({ text }: { text: string | null }) =>
  text === null || text === '' ? null : <q class="told">{text}</q>;
