// Messages for typed errors, with which forms keep their input. Errors that a page cannot cause on purpose are mocked;
// the others are real.
import { test } from 'node:test';
import { api, exactly, look, person, refused, sell, signUp, tab } from './harness.mjs';

/**
 * Clicks the button while the API's response is an error of the type, and waits for the message.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} mutation such as `createOrder`
 * @param {import('playwright-core').Locator} button
 * @param {string} type
 * @param {string} text
 * @param {object} [more] fields of the error
 */
async function clickWithError(page, mutation, button, type, text, more) {
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
                errors: [{ __typename: type, code: 'CODE', message: 'The API’s message.', path: null, ...more }],
              },
            },
          },
        })
      : route.fallback(),
  );
  await button.click();
  await page.getByRole('alert').filter({ hasText: text }).waitFor();
  await page.unroute('**/graphql');
}

test('errors of a purchase', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.routeWebSocket('**/graphql', () => undefined); // no live updates
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for €64.00' });
  await clickWithError(page, 'createOrder', buy, 'OwnTicketError', 'You can’t buy your own ticket.');
  await clickWithError(page, 'createOrder', buy, 'TicketNotFoundError', 'Ticket not found.');
  await clickWithError(page, 'createOrder', buy, 'IdempotencyKeyReusedError', 'This was already sent with different details.');
  await page.getByRole('link', { name: 'View your orders' }).waitFor();
  await look(page, 'buy-refused');

  await api(seller, 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { id } } }', {
    input: { ticketId: id },
  });
  await refused(page, id, 'TICKET_NOT_FOR_SALE');
  await buy.click();
  await page.getByText('No longer for sale.').waitFor();
  await exactly(buy, 0);
  await page.goto('/orders');
  await page.getByRole('heading', { name: 'No orders yet' }).waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('errors of an edit', async () => {
  const { id, page } = await sell({ title: 'Fidelio – Row 3' });
  await page.routeWebSocket('**/graphql', () => undefined);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByLabel('Price').fill('59.50');
  const save = page.getByRole('button', { name: 'Save' });
  await clickWithError(page, 'updateTicket', save, 'NotAuthorizedError', 'This ticket belongs to another account.');
  await clickWithError(page, 'updateTicket', save, 'TicketNotFoundError', 'This ticket no longer exists.');
  await page.getByRole('link', { name: 'your listings', exact: true }).waitFor();
  await look(page, 'edit-refused');

  await api(page, 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { id } } }', {
    input: { ticketId: id },
  });
  await save.click();
  await page.getByText('You took this ticket off sale').waitFor();
  await page.locator('[name="price.minorUnits"][value="59.50"]:disabled').waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('errors of a payment, then success and refunds', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: 'Mastercard' }).check();
  const pay = page.getByRole('button', { name: 'Pay €64.00' });
  for (const [type, text, more] of /** @type {const} */ ([
    ['NotAuthorizedError', 'This belongs to another account.'],
    ['IdempotencyKeyReusedError', 'This was already sent with different details.'],
    ['PaymentInProgressError', 'A payment is already in progress.'],
    ['OrderNotPayableError', 'This order can no longer be paid. Nothing was charged.'],
    ['OrderAlreadyPaidError', 'This order is already paid. You were not charged again.'],
    ['RateLimitedError', 'Too many attempts. Try again in 2 minutes.', { retryAfterSeconds: 100 }],
  ]))
    await clickWithError(page, 'payOrder', pay, type, text, more);
  // The errors have the focus and are not covered by the header.
  await page.waitForFunction(() => {
    const [focused, header] = [document.activeElement, document.querySelector('header')].map((e) => e?.getBoundingClientRect());
    return document.activeElement?.hasAttribute('data-form-errors') && focused && header && focused.top >= header.bottom;
  });
  await look(page, 'pay-refused');
  await pay.click();
  await page.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  await page.getByText('You paid €64.00 with Mastercard').waitFor();

  // The seller refunds a part, then the rest. The buyer's page shows both.
  const { orders } = await api(page, '{ orders { nodes { payments { nodes { id } } } } }');
  const refund = (/** @type {object} */ amount) =>
    api(
      seller,
      'mutation($input: RefundPaymentInput!) { refundPayment(input: $input) { refund { id } errors { ... on UserError { code } } } }',
      {
        input: { paymentId: orders.nodes[0].payments.nodes[0].id, idempotencyKey: crypto.randomUUID(), ...amount },
      },
    );
  await refund({ amount: { minorUnits: 1400, currency: 'EUR' } });
  await page.getByText('€14.00 refunded by the seller.').waitFor();
  await page.getByRole('listitem').filter({ hasText: 'Refunded' }).waitFor();
  await look(page, 'order-partly-refunded');
  await refund({});
  await page.getByRole('heading', { name: 'Refunded' }).first().waitFor();
  await page.getByRole('listitem').filter({ hasText: 'Refunded' }).nth(1).waitFor();
  await look(page, 'order-refunded');
  await page.getByRole('link', { name: 'Your orders' }).first().click();
  await page.getByRole('article').getByText('Refunded').waitFor();
  page.assertNoFaults();
});
