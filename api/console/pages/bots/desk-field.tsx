import { useState } from 'preact/hooks';
import { translator } from '../../lib/i18n.ts';
import { Button } from '../../ui/button.tsx';
import { CheckField, NumberField, SelectField, TextField } from '../../ui/field.tsx';
import { SET } from './edits.ts';
import { English } from './form.tsx';
import type { ConfigField, DeskPlace } from './types.ts';

const t = translator({
  en: {
    unset: 'not set',
    default: 'default',
    is_set: 'set',
    keeps: 'Set. Leave it empty to keep it.',
    replaces: 'The stored one is replaced when you save.',
    goes: 'The stored one is removed when you save.',
    remove: 'Remove',
    keep: 'Keep it',
  },
  fr: {
    unset: 'non défini',
    default: 'par défaut',
    is_set: 'défini',
    keeps: 'Défini. Laissez vide pour le garder.',
    replaces: 'L’actuel sera remplacé à l’enregistrement.',
    goes: 'L’actuel sera retiré à l’enregistrement.',
    remove: 'Retirer',
    keep: 'Le garder',
  },
});

interface DeskFieldProps {
  place: DeskPlace;
  field: ConfigField;
  required: boolean;
  value: unknown;
  /** A secret that the API has and does not show. */
  isStored: boolean;
  /** undefined: without it. */
  onChange(value: unknown): void;
  error: string | undefined;
}

/** One field of a desk's form, drawn from its schema. */
export function DeskField(props: DeskFieldProps) {
  const { field, value, onChange } = props;
  const common = {
    name: `${props.place}.${field.name}`,
    label: <English>{field.title || field.name}</English>,
    hint: field.description ? <English>{field.description}</English> : undefined,
    required: props.required,
    error: props.error,
  };
  if (field.secret) {
    const { placeholder } = field;
    return <SecretField {...common} {...props} title={field.title} {...(placeholder ? { placeholder } : {})} />;
  }
  if (field.choices) {
    const none = { value: '', text: props.required ? '' : t('default') };
    const choices = field.choices.map((one) => ({ value: one, text: one }));
    return (
      <SelectField
        {...common}
        value={value === undefined ? '' : String(value)}
        choices={value === undefined || !props.required ? [none, ...choices] : choices}
        onChange={(next) => onChange(next === '' ? undefined : next)}
      />
    );
  }
  if (field.type === 'boolean') return <CheckField {...common} value={value === true} onChange={onChange} />;
  if (field.type === 'number')
    return <NumberField {...common} value={value as number | undefined} onChange={onChange} />;
  return (
    <TextField
      {...common}
      value={value === undefined ? '' : String(value)}
      onChange={(next) => onChange(emptied(field, next))}
      placeholder={field.placeholder}
      {...(isLong(field) ? { lines: 4 } : {})}
    />
  );
}

/** An optional field that is emptied goes, unless empty means something; a required one is for the API to refuse. */
const emptied = ({ required, mayBeEmpty }: ConfigField, text: string): string | undefined =>
  text === '' && !required && mayBeEmpty !== true ? undefined : text;

/** Keys in PEM have lines. */
const isLong = ({ placeholder }: ConfigField): boolean => placeholder?.startsWith('-----BEGIN') === true;

interface SecretFieldProps {
  name: string;
  label: preact.ComponentChildren;
  /** The label as text. */
  title: string;
  hint: preact.ComponentChildren;
  required: boolean;
  error: string | undefined;
  value: unknown;
  isStored: boolean;
  onChange(value: unknown): void;
  placeholder?: string;
}

/** Write-only: shows that there is one, takes another, or removes it. */
export function SecretField({ isStored, value, onChange, required, title, placeholder, ...common }: SecretFieldProps) {
  const [typed, setTyped] = useState(typeof value === 'string' && value !== SET ? value : '');
  const isRemoved = isStored && value === undefined;
  const shown = value === SET || value === undefined ? '' : typed;
  const type = (text: string): void => {
    setTyped(text);
    onChange(text === '' ? (isStored ? SET : undefined) : text);
  };
  const note = isRemoved ? t('goes') : shown !== '' ? t('replaces') : t('keeps');
  return (
    <div class="secret">
      <TextField
        {...common}
        required={required && !isStored}
        type="password"
        autocomplete="new-password"
        hint={
          <>
            {common.hint} {isStored ? <strong>{note}</strong> : null}
          </>
        }
        placeholder={isStored && !isRemoved ? t('is_set') : placeholder}
        value={shown}
        onChange={type}
      />
      {isStored && !required ? (
        <Button
          label={`${isRemoved ? t('keep') : t('remove')}: ${title}`}
          onPress={() => onChange(isRemoved ? SET : undefined)}
        >
          {isRemoved ? t('keep') : t('remove')}
        </Button>
      ) : null}
    </div>
  );
}
