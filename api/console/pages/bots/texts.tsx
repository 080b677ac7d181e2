import { useState } from 'preact/hooks';
import { locale, translator } from '../../lib/i18n.ts';
import { useResource } from '../../lib/resource.ts';
import { Button } from '../../ui/button.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { Card, useForm } from './form.tsx';
import { groupsOf, groupTitle } from './text-groups.ts';
import { OneText } from './one-text.tsx';
import { TextsPreview } from './texts-preview.tsx';
import type { BuiltInTexts, OwnTexts } from './types.ts';

const t = translator({
  en: {
    title: 'What users read',
    hint: 'A sentence of your own goes before the built-in one. A region falls back to its language, a language to English.',
    language: 'Language',
    changed: '{name}: {n} of your own',
    other: 'Another language',
    other_hint: 'A tag such as pt-BR, nl or zh-TW.',
    add: 'Add',
  },
  fr: {
    title: 'Ce que lisent les utilisateurs',
    hint: 'Votre phrase passe avant celle d’origine. Une région se replie sur sa langue, une langue sur l’anglais.',
    language: 'Langue',
    changed: '{name} : {n} de vous',
    other: 'Une autre langue',
    other_hint: 'Un code comme pt-BR, nl ou zh-TW.',
    add: 'Ajouter',
  },
});

export function TextsTab() {
  const { settings } = useForm();
  const built = useResource<BuiltInTexts>('/v1/texts');
  const [language, setLanguage] = useState<string>(locale.value);
  if (built.error) return <ErrorNote error={built.error} onRetry={built.reload} />;
  if (!built.data) return <Loading />;
  const languages = [...new Set([...built.data.languages, ...Object.keys(settings.texts), language])];
  return (
    <>
      <LanguageCard languages={languages} language={language} onChange={setLanguage} />
      <div class="texts-columns">
        <div class="stack">
          <Sentences key={language} language={language} built={built.data} />
        </div>
        <TextsPreview language={language} built={built.data} />
      </div>
    </>
  );
}

export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(locale.value, { type: 'language' }).of(tag.replaceAll('_', '-')) ?? tag;
  } catch {
    return tag;
  }
}

function LanguageCard(props: { languages: string[]; language: string; onChange(language: string): void }) {
  const { settings } = useForm();
  const [other, setOther] = useState('');
  const add = (): void => {
    if (other.trim() === '') return;
    props.onChange(other.trim());
    setOther('');
  };
  const textOf = (tag: string): string => {
    const n = Object.keys(settings.texts[tag] ?? {}).length;
    const name = languageName(tag);
    return n === 0 ? name : t('changed', { name, n });
  };
  return (
    <Card title={t('title')} hint={t('hint')}>
      <div class="languages">
        <SelectField
          label={t('language')}
          value={props.language}
          choices={props.languages.map((tag) => ({ value: tag, text: textOf(tag) }))}
          onChange={props.onChange}
        />
        <div
          class="with-button"
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
            event.preventDefault(); // Not the save.
            add();
          }}
        >
          <TextField label={t('other')} hint={t('other_hint')} value={other} onChange={setOther} />
          <Button onPress={add} label={`${t('add')}: ${t('other')}`}>
            {t('add')}
          </Button>
        </div>
      </div>
    </Card>
  );
}

function Sentences({ language, built }: { language: string; built: BuiltInTexts }) {
  const { settings, set, error } = useForm();
  const change = (key: string, text: string | null | undefined): void =>
    set('texts', changedTexts(settings.texts, language, key, text));
  return (
    <>
      {groupsOf(built.keys.map(({ key }) => key)).map(([group, keys]) => (
        <Card key={group} title={groupTitle(group)}>
          {keys.map((key) => (
            <OneText
              key={key}
              textKey={key}
              language={language}
              built={built}
              own={settings.texts}
              onChange={(text) => change(key, text)}
              error={error(`texts.${language}.${key}`) ?? error(`texts.${language}`)}
            />
          ))}
        </Card>
      ))}
    </>
  );
}

/** undefined takes the own sentence away; a language without any goes with its last one. */
function changedTexts(texts: OwnTexts, language: string, key: string, text: string | null | undefined): OwnTexts {
  const { [language]: own = {}, ...others } = texts;
  const { [key]: _, ...rest } = own;
  const next = text === undefined ? rest : { ...rest, [key]: text };
  return Object.keys(next).length === 0 ? others : { ...others, [language]: next };
}
