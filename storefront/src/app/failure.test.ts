import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { afterEach, expect, test, vi } from 'vitest';
import { codes, failure, noteRequestId } from './failure';

afterEach(() => vi.restoreAllMocks());

const graphql = (code: string, more = {}) => new CombinedGraphQLErrors({ errors: [{ message: 'x', extensions: { code, ...more } }] });
const server = (status: number, body: string, header: HeadersInit = {}) =>
  new ServerError('x', { response: new Response(body, { status, headers: header }), bodyText: body });

test('codes are found in an answer, whatever its status', () => {
  expect(codes(graphql('FORBIDDEN'))).toEqual(['FORBIDDEN']);
  expect(codes(server(503, '{"errors":[{"message":"x","extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}]}'))).toEqual(['SUBGRAPH_UNAVAILABLE']);
  expect(codes(server(502, '<html>'))).toEqual([]);
  expect(codes(new TypeError('Failed to fetch'))).toEqual([]);
});

test('an unknown error has the number of its request: the one inside, or that of the answer', () => {
  expect(failure(graphql('INTERNAL', { requestId: 'req-1' }))).toMatchObject({ title: 'Something broke on our side', requestId: 'req-1' });
  const error = graphql('SOMETHING_NEW');
  noteRequestId(error, new Response('', { headers: { 'X-Request-Id': 'req-2' } }));
  expect(failure(error)).toMatchObject({ title: 'Something broke on our side', requestId: 'req-2' });
  const gateway = server(502, '<html>', { 'X-Request-Id': 'req-3' });
  noteRequestId(gateway);
  expect(failure(gateway)).toMatchObject({ title: 'Something broke on our side', requestId: 'req-3' });
});

test('no answer is the network, or the shop', () => {
  const online = vi.spyOn(navigator, 'onLine', 'get');
  online.mockReturnValue(false);
  expect(failure(new TypeError('Failed to fetch'))).toMatchObject({ title: 'You are offline', retry: true });
  online.mockReturnValue(true);
  expect(failure(new TypeError('Failed to fetch'))).toMatchObject({ title: 'The shop does not answer', retry: true });
});

test.each([
  ['UNAUTHENTICATED', 'You are signed out', false],
  ['FORBIDDEN', 'This is somebody else’s', false],
  ['NOT_FOUND', 'It is not here', false],
  ['SUBGRAPH_UNAVAILABLE', 'Part of the shop is closed for a moment', true],
])('%s', (code, title, retry) => {
  expect(failure(graphql(code))).toMatchObject({ title, retry });
});
