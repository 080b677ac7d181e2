import { useState } from 'preact/hooks';
import { translator } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { tc } from '../../lib/texts.ts';
import { botPath } from '../../lib/paths.ts';
import { Button } from '../../ui/button.tsx';
import { SelectField } from '../../ui/field.tsx';
import { ErrorNote, Loading, Note } from '../../ui/notes.tsx';
import { Card, useForm } from './form.tsx';
import type { Tool } from './types.ts';

const t = translator({
  en: {
    title: 'The tool for the model',
    hint: 'Give it to your model, so that it can ask for a human. It says when, in the words of the bot’s trigger.',
    form: 'Form',
    openai: 'OpenAI: function calling',
    anthropic: 'Anthropic: tool use',
    mcp: 'MCP: tool',
    json: 'Definition as JSON',
    unsaved: 'The changed trigger is in it after saving.',
  },
  fr: {
    title: 'L’outil pour le modèle',
    hint: 'Donnez-le à votre modèle pour qu’il puisse demander un humain. Il dit quand, selon les mots du bot.',
    form: 'Forme',
    openai: 'OpenAI : function calling',
    anthropic: 'Anthropic : tool use',
    mcp: 'MCP : tool',
    json: 'Définition en JSON',
    unsaved: 'Le texte modifié y sera après l’enregistrement.',
  },
});

const FORMS = ['openai', 'anthropic', 'mcp'] as const;
type FormName = (typeof FORMS)[number];
const COPIED_MS = 2_000;

export function ToolTab() {
  const { bot, isChanged } = useForm();
  const [form, setForm] = useState<FormName>('openai');
  // Another address after each save, as the trigger may be another one.
  const tool = useResource<Tool>(`${botPath(bot.id)}/tool#${bot.updatedAt}`);
  return (
    <Card title={t('title')} hint={t('hint')}>
      <SelectField
        label={t('form')}
        value={form}
        choices={FORMS.map((name) => ({ value: name, text: t(name) }))}
        onChange={(value) => setForm(value as FormName)}
      />
      {isChanged('trigger') ? <Note kind="warn">{t('unsaved')}</Note> : null}
      <ErrorNote error={tool.error} onRetry={tool.reload} />
      {tool.data ? <Json text={JSON.stringify(tool.data[form], null, 2)} /> : null}
      {!tool.data && !tool.error ? <Loading /> : null}
    </Card>
  );
}

function Json({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <>
      <pre class="json" tabIndex={0} aria-label={t('json')} role="region">
        {text}
      </pre>
      <div class="row">
        <Button onPress={copy}>{copied ? tc('copied') : tc('copy')}</Button>
      </div>
    </>
  );
}
