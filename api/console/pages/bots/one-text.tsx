import { translator } from '../../lib/i18n.ts';
import { CheckField, TextField } from '../../ui/field.tsx';
import { English } from './form.tsx';
import { resolveText } from './resolve-text.ts';
import { textName } from './text-groups.ts';
import type { BuiltInTexts, OwnTexts } from './types.ts';

const t = translator({
  en: { nothing: 'Say nothing' },
  fr: { nothing: 'Ne rien dire' },
});

interface OneTextProps {
  textKey: string;
  language: string;
  built: BuiltInTexts;
  own: OwnTexts;
  /** null says nothing, undefined takes the built-in sentence. */
  onChange(text: string | null | undefined): void;
  error: string | undefined;
}

/** One sentence: the one that is said otherwise stands in the empty field. */
export function OneText({ textKey, language, built, own, onChange, error }: OneTextProps) {
  const { [language]: ownOfLanguage = {}, ...others } = own;
  const value = ownOfLanguage[textKey];
  const { [textKey]: _, ...rest } = ownOfLanguage;
  const otherwise = resolveText(textKey, language, { ...others, [language]: rest }, built);
  const name = textName(textKey);
  const description = built.keys.find(({ key }) => key === textKey)?.description ?? textKey;
  return (
    <div class="one-text">
      <TextField
        name={`texts.${language}.${textKey}`}
        label={name ?? <English>{description}</English>}
        lines={2}
        disabled={value === null}
        placeholder={value === null ? '' : (otherwise ?? '')}
        value={value ?? ''}
        onChange={(text) => onChange(text === '' ? undefined : text)}
        error={error}
      />
      <CheckField
        label={
          <>
            {t('nothing')}
            <span class="hidden">: {name ?? description}</span>
          </>
        }
        value={value === null}
        onChange={(isSilent) => onChange(isSilent ? null : undefined)}
      />
    </div>
  );
}
