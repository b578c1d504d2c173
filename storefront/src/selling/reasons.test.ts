import { expect, test } from 'vitest';
import type { TicketCannotUpdateReason } from '../gql/graphql';
import { reasonOf } from './reasons';

test.each([
  [[], undefined],
  [['RESERVED'], 'Someone is buying this ticket right now'],
  [['NOT_OWNER', 'SOLD'], 'This ticket belongs to another account'],
  [['SOLD'], 'This ticket is sold'],
  [['WITHDRAWN'], 'You took this ticket off sale'],
  [['SIGNED_OUT', 'RESERVED'], 'You’re signed out'],
  [['FROZEN'], 'This ticket can’t be edited right now'],
  [['FROZEN', 'SOLD'], 'This ticket is sold'],
])('%j', (reasons, title) => {
  expect(reasonOf(reasons as TicketCannotUpdateReason[])?.title).toBe(title);
});
