// Forms: inputs keep what was typed, whatever comes of it; what is wrong stands at the field.
import { useRef, useState, type FormEvent } from 'react';
import { failure, type Failure } from '../app/failure';
import { fieldOf, wordsFor, type UserError } from '../app/words';

export interface Form {
  pending: boolean;
  /** Words for what is wrong with the field. */
  error: (field: string) => string | undefined;
  /** Errors about no field that the form has. */
  errors: readonly UserError[];
  /** The request itself failed. */
  failure: Failure | undefined;
  props: { ref: React.RefObject<HTMLFormElement | null>; onSubmit: (event: FormEvent<HTMLFormElement>) => void; noValidate: true };
}

/**
 * A form that calls `send` with its fields, once at a time. What `send` returns is wrong with them: the
 * `errors` of a mutation's payload; nothing when all is well.
 */
export function useForm(send: (fields: FormData) => Promise<readonly UserError[] | null | undefined | void>): Form {
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
      const found = (await send(new FormData(form))) ?? [];
      const fields: Record<string, UserError> = {};
      const errors: UserError[] = [];
      for (const error of found) {
        const field = fieldOf(error);
        if (field && form.elements.namedItem(field)) fields[field] ??= error;
        else errors.push(error);
      }
      setState({ pending: false, fields, errors });
      // The first field that is wrong, in the order of the form, or what is wrong with all of it.
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
