// Forms: inputs keep what was typed, whatever comes of it; what is wrong stands at the field.
import { useRef, useState, type RefObject, type SubmitEvent } from 'react';
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
  props: { ref: RefObject<HTMLFormElement | null>; onSubmit: (event: SubmitEvent<HTMLFormElement>) => void; noValidate: true };
}

/**
 * A form that calls `send`, once at a time, with a function that tells what stands in a field. What `send`
 * returns is wrong with them: the `errors` of a mutation's payload; nothing when all is well.
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

const textOf = (value: FormDataEntryValue | null) => (typeof value === 'string' ? value : '');
