// Forms keep their input on errors and show each error at its field.
import { useRef, useState, type RefObject, type SubmitEvent } from 'react';
import { failure, type Failure } from '../app/failure';
import { fieldOf, wordsFor, type UserError } from '../app/words';

export interface Form {
  pending: boolean;
  /** The message of the field's error. */
  error: (field: string) => string | undefined;
  /** Errors that belong to no field of the form. */
  errors: readonly UserError[];
  /** The request itself failed. */
  failure: Failure | undefined;
  props: { ref: RefObject<HTMLFormElement | null>; onSubmit: (event: SubmitEvent<HTMLFormElement>) => void; noValidate: true };
}

/**
 * A form that calls `send`, once at a time, with a function that returns a field's value. `send` returns the `errors`
 * of a mutation's payload, or undefined on success.
 */
export function useForm(send: (value: (field: string) => string) => Promise<readonly UserError[] | undefined>): Form {
  const ref = useRef<HTMLFormElement>(null);
  const sending = useRef(false);
  const [state, setState] = useState<{ pending: boolean; fields: Record<string, UserError>; errors: UserError[]; failure?: Failure }>({
    pending: false,
    fields: {},
    errors: [],
  });

  async function submit(form: HTMLFormElement) {
    if (sending.current) return;
    sending.current = true;
    setState((s) => ({ ...s, pending: true }));
    try {
      const fieldsOf = new FormData(form);
      const found = (await send((field) => textOf(fieldsOf.get(field)))) ?? [];
      const fields: Record<string, UserError> = {};
      const errors: UserError[] = [];
      for (const error of found) {
        const field = fieldOf(error);
        const input = field && form.elements.namedItem(field);
        if (!input) errors.push(error);
        else
          fields[field] ??=
            input instanceof HTMLInputElement && !input.value.trim()
              ? { ...error, message: input.dataset.missing ?? error.message }
              : error;
      }
      setState({ pending: false, fields, errors });
      // Focuses the first invalid field, or else the errors of the whole form.
      const first = [...form.elements].find((e) => fields[(e as HTMLInputElement).name]) as HTMLElement | undefined;
      requestAnimationFrame(() => (first ?? form.querySelector<HTMLElement>('[data-form-errors]'))?.focus());
    } catch (error) {
      setState({ pending: false, fields: {}, errors: [], failure: failure(error) });
      requestAnimationFrame(() => form.querySelector<HTMLElement>('[data-form-errors]')?.focus());
    } finally {
      sending.current = false;
    }
  }

  return {
    pending: state.pending,
    error: (field) => (state.fields[field] ? wordsFor(state.fields[field]) : undefined),
    errors: state.errors,
    failure: state.failure,
    props: {
      ref,
      noValidate: true,
      onSubmit: (event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      },
    },
  };
}

const textOf = (value: FormDataEntryValue | null) => (typeof value === 'string' ? value : '');
