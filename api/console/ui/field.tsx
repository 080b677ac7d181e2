import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { tc } from '../lib/texts.ts';

interface Common {
  label: ComponentChildren;
  /** One or two sentences below the label. */
  hint?: ComponentChildren;
  /** What is wrong, from the API. */
  error?: string | undefined;
  required?: boolean | undefined;
  disabled?: boolean | undefined;
  name?: string;
}

/** What ties label, hint and error to their control for people who do not see them side by side. */
export interface Tied {
  id: string;
  'aria-describedby'?: string;
  'aria-invalid'?: 'true';
  required?: boolean;
  disabled?: boolean;
  name?: string;
}

const Hint = ({ id, text }: { id: string; text: ComponentChildren }) =>
  text ? (
    <p class="hint" id={`${id}-hint`}>
      {text}
    </p>
  ) : null;

const Wrong = ({ id, text }: { id: string; text: string | undefined }) =>
  text ? (
    <p class="error" id={`${id}-error`}>
      {text}
    </p>
  ) : null;

const describing = (id: string, hint: ComponentChildren, error: string | undefined): string =>
  [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');

export function Field({
  label,
  hint,
  error,
  required,
  disabled,
  name,
  children,
}: Common & { children: (tied: Tied) => ComponentChildren }) {
  const id = useId();
  const described = describing(id, hint, error);
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={id}>
        {label}
        {required ? <span class="mark"> ({tc('required')})</span> : null}
      </label>
      <Hint id={id} text={hint} />
      {children({
        id,
        ...(described ? { 'aria-describedby': described } : {}),
        ...(error ? { 'aria-invalid': 'true' as const } : {}),
        ...(required ? { required } : {}),
        ...(disabled ? { disabled } : {}),
        ...(name ? { name } : {}),
      })}
      <Wrong id={id} text={error} />
    </div>
  );
}

interface Valued<T> extends Common {
  value: T;
  onChange(value: T): void;
}

export function TextField({
  value,
  onChange,
  type = 'text',
  placeholder,
  autocomplete = 'off',
  lines,
  ...common
}: Valued<string> & {
  type?: 'text' | 'password' | 'email' | 'url' | 'date' | 'time' | 'datetime-local';
  placeholder?: string | undefined;
  /** `new-password`: for secrets, where browsers must not put the key they keep for this page. */
  autocomplete?: 'off' | 'email' | 'current-password' | 'new-password';
  /** More than one: a text area. */
  lines?: number;
}) {
  return (
    <Field {...common}>
      {(tied) =>
        lines === undefined ? (
          <input
            {...tied}
            // Preact types each kind of input apart; these have the same attributes.
            {...({ type } as { type: 'text' })}
            value={value}
            {...(placeholder === undefined ? {} : { placeholder })}
            autocomplete={autocomplete}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        ) : (
          <textarea
            {...tied}
            rows={lines}
            {...(placeholder === undefined ? {} : { placeholder })}
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

/** Empty is `undefined`. */
export function NumberField({
  value,
  onChange,
  min,
  max,
  placeholder,
  ...common
}: Valued<number | undefined> & { min?: number; max?: number; placeholder?: string }) {
  return (
    <Field {...common}>
      {(tied) => (
        <input
          {...tied}
          type="number"
          inputMode="numeric"
          value={value ?? ''}
          min={min}
          max={max}
          placeholder={placeholder}
          onInput={({ currentTarget }) =>
            onChange(currentTarget.value === '' ? undefined : currentTarget.valueAsNumber)
          }
        />
      )}
    </Field>
  );
}

export interface Choice {
  value: string;
  text: string;
}

export function SelectField({ value, onChange, choices, ...common }: Valued<string> & { choices: readonly Choice[] }) {
  return (
    <Field {...common}>
      {(tied) => (
        <select {...tied} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value} selected={choice.value === value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ value, onChange, label, hint, disabled, error, name }: Valued<boolean>) {
  const id = useId();
  const described = describing(id, hint, error);
  return (
    <div class="field check">
      <input
        id={id}
        type="checkbox"
        {...(name ? { name } : {})}
        aria-invalid={error ? 'true' : undefined}
        checked={value}
        disabled={disabled}
        aria-describedby={described || undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      <Hint id={id} text={hint} />
      <Wrong id={id} text={error} />
    </div>
  );
}
