import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { tc } from '../lib/texts.ts';

interface ButtonProps {
  children: ComponentChildren;
  /** While its promise is open the button is busy and a second press does nothing. */
  onPress?: () => unknown;
  kind?: 'main' | 'plain' | 'danger';
  type?: 'button' | 'submit';
  disabled?: boolean;
  /** For a switch that stays pressed. */
  pressed?: boolean;
  /** When the visible text alone does not say what it acts on. */
  label?: string;
}

export function Button({ children, onPress, kind = 'plain', type = 'button', disabled, pressed, label }: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const press = async (): Promise<void> => {
    if (busy || !onPress) return;
    setBusy(true);
    try {
      await onPress();
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type={type}
      class={`button ${kind}`}
      disabled={disabled}
      aria-busy={busy || undefined}
      aria-pressed={pressed}
      aria-label={label}
      onClick={() => void press()}
    >
      {children}
    </button>
  );
}

/** A value to take elsewhere: shown whole, copied with one press. */
export function Copyable({ value, label }: { value: string; label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <span class="copyable">
      <code>{value}</code>
      <Button
        label={`${tc('copy')}: ${label}`}
        onPress={async () => {
          await navigator.clipboard.writeText(value);
          setCopied(true);
          setTimeout(() => setCopied(false), 2_000);
        }}
      >
        {copied ? tc('copied') : tc('copy')}
      </Button>
    </span>
  );
}

/** A link to another service. */
export function Outside({ href, children }: { href: string; children: ComponentChildren }) {
  return (
    <a href={href} target="_blank" rel="noreferrer" class="outside">
      {children}
      <span class="hidden"> ({tc('new_tab')})</span>
    </a>
  );
}
