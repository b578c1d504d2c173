// Failures of a whole request. Invalid input is part of the response's data: see words.ts.
import { CombinedGraphQLErrors, CombinedProtocolErrors, ServerError, ServerParseError } from '@apollo/client/errors';
import type { FormattedExecutionResult } from 'graphql';

type Errors = NonNullable<FormattedExecutionResult['errors']>;

const requestIds = new WeakMap<object, string>();

/** Remembers the request id of the response, for people to quote. */
export function noteRequestId(error: unknown, response?: Response) {
  const id = response?.headers.get('X-Request-Id') ?? (ServerError.is(error) ? error.response.headers.get('X-Request-Id') : null);
  if (id && typeof error === 'object' && error) requestIds.set(error, id);
}

function graphqlErrors(error: unknown): Errors {
  if (CombinedGraphQLErrors.is(error) || CombinedProtocolErrors.is(error)) return error.errors;
  if (ServerError.is(error)) {
    try {
      const { errors } = JSON.parse(error.bodyText) as { errors?: Errors };
      return errors ?? [];
    } catch {
      return []; // not a response of the router
    }
  }
  return [];
}

/** The codes of a GraphQL error; empty without a response. */
export function codes(error: unknown): string[] {
  return graphqlErrors(error).flatMap(({ extensions }) => (typeof extensions?.code === 'string' ? [extensions.code] : []));
}

/** For promises whose error is shown elsewhere, such as by `useQuery`. */
export const ignore = () => undefined;

export interface Failure {
  title: string;
  detail: string;
  /** For people to quote to support. */
  requestId?: string;
  /** Whether the same request may succeed later. */
  retry: boolean;
}

/** The message for an unexpected error. */
export function failure(error: unknown): Failure {
  const found = codes(error);
  const own = graphqlErrors(error).find(({ extensions }) => typeof extensions?.requestId === 'string')?.extensions?.requestId;
  const requestId = (own as string | undefined) ?? (typeof error === 'object' && error ? requestIds.get(error) : undefined);
  const has = (code: string) => found.includes(code);
  if (has('UNAUTHENTICATED')) return { title: 'You’re signed out', detail: 'Sign in to continue.', requestId, retry: false };
  if (has('NOT_FOUND'))
    return { title: 'Not found', detail: 'It may have been removed, or the address is wrong.', requestId, retry: false };
  if (has('BAD_USER_INPUT'))
    return {
      title: 'This address doesn’t work',
      detail: 'Part of this page’s address is not valid.',
      requestId,
      retry: false,
    };
  if (has('SUBGRAPH_UNAVAILABLE'))
    return {
      title: 'Something’s not working right now',
      detail: 'Nothing is lost. Try again in a few seconds.',
      requestId,
      retry: true,
    };
  if (!requestId && found.length === 0 && !ServerError.is(error) && !ServerParseError.is(error))
    return navigator.onLine
      ? { title: 'The shop isn’t responding', detail: 'Try again in a few seconds.', retry: true }
      : { title: 'You’re offline', detail: 'Try again when you’re back online.', retry: true };
  return {
    title: 'Something went wrong',
    detail: 'Try again. If it keeps happening, contact us and quote the number below.',
    requestId,
    retry: true,
  };
}
