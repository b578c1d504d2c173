// What went wrong with a request as a whole. What is wrong with an input comes as data: see words.ts.
import { CombinedGraphQLErrors, CombinedProtocolErrors, ServerError, ServerParseError } from '@apollo/client/errors';
import type { FormattedExecutionResult } from 'graphql';

type Errors = NonNullable<FormattedExecutionResult['errors']>;

const requestIds = new WeakMap<object, string>();

/** Remembers the request whose answer the error is, so that a person can quote it. */
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
      return []; // something between here and the router has answered
    }
  }
  return [];
}

/** The machine codes in an error, none when no answer came. */
export function codes(error: unknown): string[] {
  return graphqlErrors(error).flatMap(({ extensions }) => (typeof extensions?.code === 'string' ? [extensions.code] : []));
}

/** For a promise whose error is shown elsewhere: `useQuery` has it. */
export const ignore = () => undefined;

export interface Failure {
  title: string;
  detail: string;
  /** To quote to support. */
  requestId?: string;
  /** Whether the same request may succeed later. */
  retry: boolean;
}

/** Words for an error that nobody expected. */
export function failure(error: unknown): Failure {
  const found = codes(error);
  const own = graphqlErrors(error).find(({ extensions }) => typeof extensions?.requestId === 'string')?.extensions?.requestId;
  const requestId = (own as string | undefined) ?? (typeof error === 'object' && error ? requestIds.get(error) : undefined);
  const has = (code: string) => found.includes(code);
  if (has('UNAUTHENTICATED')) return { title: 'You are signed out', detail: 'Sign in to go on where you were.', requestId, retry: false };
  if (has('FORBIDDEN'))
    return { title: 'This is somebody else’s', detail: 'You are signed in as a person who may not see it.', requestId, retry: false };
  if (has('NOT_FOUND'))
    return { title: 'It is not here', detail: 'There is nothing at this address, or not any more.', requestId, retry: false };
  if (has('BAD_USER_INPUT'))
    return {
      title: 'That cannot be looked up',
      detail: 'Something in the address of this page is out of bounds.',
      requestId,
      retry: false,
    };
  if (has('SUBGRAPH_UNAVAILABLE'))
    return {
      title: 'Part of the shop is closed for a moment',
      detail: 'Nothing of yours is lost. Try again in a few seconds.',
      requestId,
      retry: true,
    };
  if (!requestId && found.length === 0 && !ServerError.is(error) && !ServerParseError.is(error))
    return navigator.onLine
      ? { title: 'The shop does not answer', detail: 'It may be starting again. Try again in a few seconds.', retry: true }
      : { title: 'You are offline', detail: 'This needs the network. Try again when you are back.', retry: true };
  return {
    title: 'Something broke on our side',
    detail: 'It has been logged. If it stays, tell us the number below.',
    requestId,
    retry: true,
  };
}
