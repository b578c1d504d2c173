// What the API refuses is told in words, and what was typed or chosen stays. What no page can provoke at will, such as
// a ticket that is gone between two clicks, is answered here in the API's place; the rest is real.
import { test } from 'node:test';
import { api, exactly, look, person, refused, sell, signUp, tab } from './harness.mjs';

/**
 * Presses the button when the API refuses what it sends with an error of that type, and waits for the words.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} mutation such as `createOrder`
 * @param {import('playwright-core').Locator} button
 * @param {string} type
 * @param {string} words
 * @param {object} [more] of the error
 */
async function presses(page, mutation, button, type, words, more) {
  const operation = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  await page.route('**/graphql', (route) =>
    route.request().postData()?.includes(`"operationName":"${operation}"`)
      ? route.fulfill({
          json: {
            data: {
              __typename: 'Mutation',
              [mutation]: {
                __typename: `${operation}Payload`,
                ticket: null,
                order: null,
                payment: null,
                errors: [{ __typename: type, code: 'CODE', message: 'Words of the API.', path: null, ...more }],
              },
            },
          },
        })
      : route.fallback(),
  );
  await button.click();
  await page.getByRole('alert').filter({ hasText: words }).waitFor();
  await page.unroute('**/graphql');
}

test('buying is refused', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.routeWebSocket('**/graphql', () => undefined); // this page hears of nothing
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for €64.00' });
  await presses(page, 'createOrder', buy, 'OwnTicketError', 'This ticket is yours: you cannot buy it.');
  await presses(page, 'createOrder', buy, 'TicketNotFoundError', 'There is no such ticket.');
  await presses(page, 'createOrder', buy, 'IdempotencyKeyReusedError', 'This was sent before, with something else in it.');
  await page.getByRole('link', { name: 'See your orders' }).waitFor();
  await look(page, 'buy-refused');

  await api(seller, 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { id } } }', {
    input: { ticketId: id },
  });
  await refused(page, id, 'TICKET_NOT_FOR_SALE');
  await buy.click();
  await page.getByText('It is not for sale any more.').waitFor();
  await exactly(buy, 0);
  await page.goto('/orders');
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('saving is refused', async () => {
  const { id, page } = await sell({ title: 'Fidelio – Row 3' });
  await page.routeWebSocket('**/graphql', () => undefined);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByLabel('Price').fill('59.50');
  const save = page.getByRole('button', { name: 'Save' });
  await presses(page, 'updateTicket', save, 'NotAuthorizedError', 'This ticket belongs to somebody else.');
  await presses(page, 'updateTicket', save, 'TicketNotFoundError', 'This ticket is not there any more.');
  await page.getByRole('link', { name: 'your listings', exact: true }).waitFor();
  await look(page, 'edit-refused');

  await api(page, 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { id } } }', {
    input: { ticketId: id },
  });
  await save.click();
  await page.getByText('You have withdrawn this ticket').waitFor();
  await page.locator('[name="price.minorUnits"][value="59.50"]:disabled').waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('paying is refused, then works, and the money comes back', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: 'Mastercard' }).check();
  const pay = page.getByRole('button', { name: 'Pay €64.00' });
  for (const [type, words, more] of /** @type {const} */ ([
    ['NotAuthorizedError', 'This belongs to somebody else.'],
    ['IdempotencyKeyReusedError', 'This was sent before, with something else in it.'],
    ['PaymentInProgressError', 'Another attempt to pay is still under way.'],
    ['OrderNotPayableError', 'This order has ended. Nothing was charged.'],
    ['OrderAlreadyPaidError', 'This order is paid already. Nothing was charged again.'],
    ['RateLimitedError', 'Too many attempts. Try again in 2 minutes.', { retryAfterSeconds: 100 }],
  ]))
    await presses(page, 'payOrder', pay, type, words, more);
  // They have the focus, and are not hidden below the header.
  await page.waitForFunction(() => {
    const [focused, header] = [document.activeElement, document.querySelector('header')].map((e) => e?.getBoundingClientRect());
    return document.activeElement?.hasAttribute('data-form-errors') && focused && header && focused.top >= header.bottom;
  });
  await look(page, 'pay-refused');
  await pay.click();
  await page.getByRole('heading', { name: 'It is yours' }).waitFor();
  await page.getByText('You paid €64.00 with Mastercard').waitFor();

  // The seller gives back some of it, then the rest; the buyer's page hears of both.
  const { orders } = await api(page, '{ orders { nodes { payments { id } } } }');
  const refund = (/** @type {object} */ amount) =>
    api(
      seller,
      'mutation($input: RefundPaymentInput!) { refundPayment(input: $input) { refund { id } errors { ... on UserError { code } } } }',
      {
        input: { paymentId: orders.nodes[0].payments[0].id, idempotencyKey: crypto.randomUUID(), ...amount },
      },
    );
  await refund({ amount: { minorUnits: 1400, currency: 'EUR' } });
  await page.getByText('The seller gave €14.00 of it back.').waitFor();
  await page.getByText('Money is on its way back').waitFor();
  await look(page, 'order-partly-refunded');
  await refund({});
  await page.getByRole('heading', { name: 'You got your money back' }).first().waitFor();
  await page.getByText('Money is on its way back').nth(1).waitFor();
  await look(page, 'order-refunded');
  await page.getByRole('link', { name: 'Your orders' }).first().click();
  await page.getByRole('article').getByText('Money returned').waitFor();
  page.assertNoFaults();
});
