import { useId, useState, type ComponentProps, type ReactNode } from 'react';
import { Icon } from './Icon';
import { Notice } from './Notice';
import { wordsFor, type Words } from '../app/words';
import type { Form } from './form';
import css from './Field.module.css';

type Props = Omit<ComponentProps<'input'>, 'form'> & {
  form?: Form;
  name: string;
  label: string;
  hint?: ReactNode;
  error?: string;
  /** The message for an error when the field is empty. */
  missing?: string;
};

/**
 * A labelled input, or a select with options as `children`. With a `form`, it shows the form's error for its name.
 */
export function Field({ form, name, label, hint, error = form?.error(name), missing, className, type, children, ...rest }: Props) {
  const id = useId();
  const [shown, setShown] = useState(false);
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(' ');
  const common = { id, name, 'aria-invalid': error ? true : undefined, 'aria-describedby': described || undefined };
  return (
    <div className={[css.field, className].filter(Boolean).join(' ')} data-invalid={error ? true : undefined}>
      <label htmlFor={id}>{label}</label>
      <div className={css.box}>
        {children ? (
          <select {...(rest as ComponentProps<'select'>)} {...common}>
            {children}
          </select>
        ) : (
          <input {...rest} {...common} data-missing={missing} type={type === 'password' && shown ? 'text' : type} />
        )}
        {type === 'password' && (
          <button type="button" className={css.show} aria-pressed={shown} aria-label="Show password" onClick={() => setShown(!shown)}>
            <Icon name="eye" />
          </button>
        )}
      </div>
      {error && (
        <p className={css.error} id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint && (
        <p className={css.hint} id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Errors of the whole form, with messages from `words` if there; `children` follow them. */
export function FormErrors({ form, words, children }: { form: Form; words?: Record<string, Words>; children?: ReactNode }) {
  if (!form.failure && form.errors.length === 0) return null;
  return (
    <div data-form-errors tabIndex={-1} className={css.errors}>
      {form.failure ? (
        <Notice tone="bad" title={form.failure.title} requestId={form.failure.requestId}>
          {form.failure.detail}
        </Notice>
      ) : (
        <Notice tone="bad">
          {form.errors.map((error) => (
            <p key={error.__typename}>{wordsFor(error, words)}</p>
          ))}
          {children}
        </Notice>
      )}
    </div>
  );
}
