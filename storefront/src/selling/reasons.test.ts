import { expect, test } from 'vitest';
import type { TicketCannotUpdateReason } from '../gql/graphql';
import { reasonOf } from './reasons';

test.each([
  [[], undefined],
  [['RESERVED'], 'Somebody is buying this ticket right now'],
  [['NOT_OWNER', 'SOLD'], 'This ticket belongs to somebody else'],
  [['SOLD'], 'This ticket is sold'],
  [['WITHDRAWN'], 'You have withdrawn this ticket'],
  [['SIGNED_OUT', 'RESERVED'], 'You are signed out'],
  [['FROZEN'], 'This ticket cannot be changed'],
  [['FROZEN', 'SOLD'], 'This ticket is sold'],
])('%j', (reasons, title) => {
  expect(reasonOf(reasons as TicketCannotUpdateReason[])?.title).toBe(title);
});
