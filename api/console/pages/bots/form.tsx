import { createContext, type ComponentChildren } from 'preact';
import { useContext } from 'preact/hooks';
import { duration, locale } from '../../lib/i18n.ts';
import { NumberField } from '../../ui/field.tsx';
import type { Bot, Desk, DeskPlace, Settings, Verified } from './types.ts';

/** What the tabs of one bot work with. */
export interface Form {
  /** As stored, with its service state. */
  bot: Bot;
  /** With what was typed. */
  settings: Settings;
  desks: Desk[];
  set<K extends keyof Settings>(field: K, value: Settings[K]): void;
  /** What the API says of the field, dotted as `desk.url`. */
  error(path: string): string | undefined;
  dirty: boolean;
  isChanged(field: keyof Settings): boolean;
  saving: boolean;
  /** Whether it worked; what is wrong is shown at the fields. */
  save(): Promise<boolean>;
  /** Asks the desk, with the stored credentials. */
  verify(place: DeskPlace): Promise<void>;
  isVerifying(place: DeskPlace): boolean;
  verified(place: DeskPlace): Verified | undefined;
  /** Reads the stored settings and the service state again. */
  reload(): Promise<void>;
}

const FormContext = createContext<Form | undefined>(undefined);
export const FormProvider = FormContext.Provider;

export function useForm(): Form {
  const form = useContext(FormContext);
  if (!form) throw new Error('A field of a bot stands outside its form.');
  return form;
}

/** What the API has in English only. */
export const English = ({ children }: { children: ComponentChildren }) =>
  locale.value === 'en' ? <>{children}</> : <span lang="en">{children}</span>;

type NumberName =
  | 'waitTimeoutSeconds'
  | 'inactivityTimeoutSeconds'
  | 'agentSilenceTimeoutSeconds'
  | 'emailTimeoutSeconds'
  | 'conversationIdleSeconds';

/** Seconds, with the same in minutes and hours below; without `off` it cannot be empty. */
export function SecondsField(props: { field: NumberName; label: string; hint: string; off?: string }) {
  const { settings, set, error } = useForm();
  const value = settings[props.field];
  const inWords = typeof value === 'number' ? (value < 60 ? '' : ` = ${duration(value)}.`) : ` ${props.off ?? ''}`;
  return (
    <NumberField
      name={props.field}
      label={props.label}
      hint={props.hint + inWords}
      value={value ?? undefined}
      onChange={(next) => set(props.field, next ?? (props.off === undefined ? undefined : null))}
      error={error(props.field)}
    />
  );
}

export function Card({ title, hint, children }: { title: string; hint?: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      {hint === undefined ? null : <p class="hint">{hint}</p>}
      {children}
    </section>
  );
}
