// System: router.PAGES_SOURCES=https://js.stripe.com orders.PAYMENT_FAILURE=retry
// Payments with other settings: Stripe's card form, and another card after a failed payment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, look, person, sell, signUp, tab } from './harness.mjs';

// A replacement for Stripe.js with the calls that the shop makes. The card simulator accepts its tokens.
const sdk = `
  window.Stripe = (key) => {
    let cards = 0;
    return {
      elements: (options) => {
        document.documentElement.dataset.asked = JSON.stringify({ key, mode: options.mode, amount: options.amount, currency: options.currency });
        const listeners = {};
        return {
          create: () => ({
            on: (event, listener) => (listeners[event] = listener),
            mount: (place) => {
              place.innerHTML = '<label>Card number <input autocomplete="off"></label>';
              place.querySelector('input').addEventListener('input', () => listeners.change());
              setTimeout(() => listeners.ready());
            },
            destroy: () => {},
          }),
          submit: async () => (document.querySelector('main form input').value ? {} : { error: { message: 'Your card number is incomplete.' } }),
        };
      },
      createPaymentMethod: async () => ({ paymentMethod: { id: document.querySelector('main form input').value } }),
      handleNextAction: async ({ clientSecret }) => (document.documentElement.dataset.handled = clientSecret, { error: { message: 'You closed the window.' } }),
    };
  };
  window.Stripe.version = 3;
`;

/** A buyer on the page of an unpaid order, where the API names Stripe as the card processor. */
async function buyer() {
  const { id } = await sell();
  const page = await tab(await person());
  /** @type {string[]} */
  const sent = [];
  await page.route('https://js.stripe.com/**', (route) => route.fulfill({ contentType: 'text/javascript', body: sdk }));
  await page.route('**/graphql', async (route) => {
    const body = route.request().postData() ?? '';
    sent.push(body);
    if (!body.includes('"CardProcessor"')) return route.fallback();
    await route.fulfill({
      json: {
        data: { __typename: 'Query', cardProcessor: { __typename: 'CardProcessor', kind: 'STRIPE', publishableKey: 'pk_test_shop' } },
      },
    });
  });
  await signUp(page);
  const { createOrder } = await api(page, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', {
    input: { ticketId: id },
  });
  assert.equal(await page.evaluate(() => 'Stripe' in window), false, 'Stripe.js is loaded on a page without a card form');
  await page.goto(`/orders/${createOrder.order.id}`);
  await page.getByLabel('Card number').waitFor();
  return { page, sent };
}

test('only the token of Stripe’s form is sent', async () => {
  const { page, sent } = await buyer();
  assert.deepEqual(JSON.parse((await page.getAttribute('html', 'data-asked')) ?? ''), {
    key: 'pk_test_shop',
    mode: 'payment',
    amount: 6400,
    currency: 'eur',
  });
  const pay = page.getByRole('button', { name: 'Pay €64.00' });
  await pay.click();
  await page.getByRole('alert').filter({ hasText: 'Your card number is incomplete.' }).waitFor();
  await look(page, 'order-stripe');
  await page.getByLabel('Card number').fill('pm_card_visa');
  await pay.dblclick();
  await page.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  assert.equal(sent.filter((body) => body.includes('"PayOrder"')).length, 1);
  assert.ok(sent.some((body) => body.includes('"paymentMethodToken":"pm_card_visa"')));
  page.assertNoFaults();
});

test('confirmation in Stripe’s frame', async () => {
  const { page } = await buyer();
  await page.getByLabel('Card number').fill('pm_card_threeDSecure2Required');
  await page.getByRole('button', { name: 'Pay €64.00' }).click();
  await page.getByRole('button', { name: 'Confirm with your bank' }).click();
  await page.getByRole('alert').filter({ hasText: 'You closed the window.' }).waitFor();
  assert.match((await page.getAttribute('html', 'data-handled')) ?? '', /_secret_/);
  page.assertNoFaults();
});

test('a second card pays after a declined one', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  const declined = page.getByRole('radio', { name: 'Insufficient funds' });
  await declined.check();
  const pay = page.getByRole('button', { name: 'Pay €64.00' });
  await pay.click();
  await page.getByRole('alert').filter({ hasText: 'The card has insufficient funds. Nothing was charged.' }).waitFor();
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  if (!(await declined.isChecked())) throw new Error('the choice was lost');
  await page.getByRole('radio', { name: 'Visa', exact: false }).first().check();
  await pay.click();
  await page.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  await page.getByText('Payment attempted').waitFor();
  await look(page, 'order-second-card');
  page.assertNoFaults();
});
