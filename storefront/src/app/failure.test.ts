import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { afterEach, expect, test, vi } from 'vitest';
import { codes, failure, noteRequestId } from './failure';

afterEach(() => vi.restoreAllMocks());

const graphql = (code: string, more = {}) => new CombinedGraphQLErrors({ errors: [{ message: 'x', extensions: { code, ...more } }] });
const server = (status: number, body: string, header: HeadersInit = {}) =>
  new ServerError('x', { response: new Response(body, { status, headers: header }), bodyText: body });

test('codes of a response with any status', () => {
  expect(codes(graphql('NOT_FOUND'))).toEqual(['NOT_FOUND']);
  expect(codes(server(503, '{"errors":[{"message":"x","extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}]}'))).toEqual(['SUBGRAPH_UNAVAILABLE']);
  expect(codes(server(502, '<html>'))).toEqual([]);
  expect(codes(new TypeError('Failed to fetch'))).toEqual([]);
});

test('an unknown error has the request id of its extensions or else of the response', () => {
  expect(failure(graphql('INTERNAL', { requestId: 'req-1' }))).toMatchObject({ title: 'Something went wrong', requestId: 'req-1' });
  const error = graphql('SOMETHING_NEW');
  noteRequestId(error, new Response('', { headers: { 'X-Request-Id': 'req-2' } }));
  expect(failure(error)).toMatchObject({ title: 'Something went wrong', requestId: 'req-2' });
  const gateway = server(502, '<html>', { 'X-Request-Id': 'req-3' });
  noteRequestId(gateway);
  expect(failure(gateway)).toMatchObject({ title: 'Something went wrong', requestId: 'req-3' });
});

test('no response: offline, or the shop', () => {
  const online = vi.spyOn(navigator, 'onLine', 'get');
  online.mockReturnValue(false);
  expect(failure(new TypeError('Failed to fetch'))).toMatchObject({ title: 'You’re offline', retry: true });
  online.mockReturnValue(true);
  expect(failure(new TypeError('Failed to fetch'))).toMatchObject({ title: 'The shop isn’t responding', retry: true });
});

test.each([
  ['UNAUTHENTICATED', 'You’re signed out', false],
  ['NOT_FOUND', 'Not found', false],
  ['SUBGRAPH_UNAVAILABLE', 'Something’s not working right now', true],
])('%s', (code, title, retry) => {
  expect(failure(graphql(code))).toMatchObject({ title, retry });
});
