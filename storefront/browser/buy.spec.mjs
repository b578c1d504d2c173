import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, exactly, look, newcomer, person, refused, sell, signUp, tab } from './harness.mjs';

/** @param {import('playwright-core').Page} page */
const orders = async (page) => (await api(page, '{ orders { nodes { id status payments { nodes { id status } } } } }')).orders.nodes;

test('buy and pay', async () => {
  const { id } = await sell({ title: 'Swan Lake – Royal Opera House – Amphitheatre, seat 12', minorUnits: 8450, currency: 'GBP' });
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for £84.50' });
  await buy.waitFor();
  await look(page, 'ticket-buy');
  await buy.dblclick();
  await page.waitForURL('**/orders/ord_*');
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  await page.getByText('Ticket held for you').waitFor(); // in the history
  const timer = page.getByRole('timer');
  const before = await timer.textContent();
  await page.waitForFunction((text) => document.querySelector('[role=timer]')?.textContent !== text, before);
  await look(page, 'order-pay');
  assert.equal((await orders(page)).length, 1, 'a double click created two orders');

  // The ticket's page leads back to its order.
  await page.goBack();
  await page.getByRole('link', { name: 'Continue to payment' }).click();
  await page.waitForURL('**/orders/ord_*');
  assert.equal((await orders(page)).length, 1);

  await page.getByRole('button', { name: 'Pay £84.50' }).dblclick();
  await page.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  await page.getByText('You paid £84.50 with Visa ending in 4242.').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'state');
  await look(page, 'order-complete');
  const [order] = await orders(page);
  assert.equal(order.status, 'COMPLETE');
  assert.equal(order.payments.nodes.length, 1, 'a double click paid twice');

  await page.getByRole('link', { name: 'Your orders' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Your orders' }).waitFor();
  await page.getByRole('link', { name: 'Swan Lake' }).waitFor();
  await page.getByText('Bought', { exact: true }).waitFor();
  page.assertNoFaults();
});

test('a purchase continues after sign-up', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.waitForURL('**/sign-in?*');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('heading', { name: 'Create an account' }).waitFor(); // the previous page has such fields, too
  const { email, password } = newcomer();
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/orders/ord_*');
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  assert.equal((await orders(page)).length, 1);

  // An address from elsewhere buys nothing.
  const { id: other } = await sell();
  await page.goto(`/tickets/${other}?go=stolen`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).waitFor();
  assert.equal((await orders(page)).length, 1);
  page.assertNoFaults();
});

test('a lost response and a retry', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for €64.00' });
  await buy.waitFor();
  let lost = false;
  await page.route('**/graphql', async (route) => {
    if (lost || !route.request().postData()?.includes('CreateOrder')) return route.fallback();
    lost = true;
    await route.fetch(); // the API handles it
    await route.abort('connectionreset');
  });
  // Without live updates, which would show the order.
  await page.routeWebSocket('**/graphql', () => undefined);
  await page.reload();
  await buy.click();
  await page.getByText('The shop isn’t responding').waitFor();
  await buy.click();
  await page.waitForURL('**/orders/ord_*');
  assert.equal((await orders(page)).length, 1, 'the retry created another order');
  page.assertNoFaults(/ERR_CONNECTION_RESET|WebSocket/);
});

test('the price changes just before the purchase', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.routeWebSocket('**/graphql', () => undefined); // no live updates
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for €64.00' });
  await buy.waitFor();
  await api(seller, 'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }', {
    input: { ticketId: id, price: { minorUnits: 7000, currency: 'EUR' } },
  });
  while ((await refused(page, id, 'PRICE_CHANGED')).currentPrice.minorUnits !== 7000);
  await buy.click();
  await page.getByRole('alert').filter({ hasText: 'The price is now €70.00' }).waitFor();
  await look(page, 'price-changed');
  assert.equal((await orders(page)).length, 0);
  await page.getByRole('button', { name: 'Buy for €70.00' }).click();
  await page.getByRole('button', { name: 'Pay €70.00' }).waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('another buyer reserves the ticket first', async () => {
  const { id } = await sell();
  const [fast, slow] = [await tab(await person()), await tab(await person())];
  await signUp(fast, 'Clara');
  await signUp(slow);
  await slow.routeWebSocket('**/graphql', () => undefined);
  await slow.goto(`/tickets/${id}`);
  const buy = slow.getByRole('button', { name: 'Buy for €64.00' });
  await buy.waitFor();
  await fast.goto(`/tickets/${id}`);
  await fast.getByRole('button', { name: 'Buy for €64.00' }).click();
  await fast.waitForURL('**/orders/ord_*');
  await buy.click();
  await slow.getByText('Someone is paying for it right now').waitFor();
  await look(slow, 'ticket-reserved');
  slow.assertNoFaults(/WebSocket/);
});

test('the limit of unpaid orders', async () => {
  const page = await tab(await person());
  await signUp(page);
  for (let i = 0; i < 5; i++) {
    const { id } = await sell({ title: `Cello Suite No. ${i + 1} – Thomaskirche – Row ${i + 3}`, minorUnits: 2000 + 350 * i });
    await api(page, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', { input: { ticketId: id } });
  }
  const { id } = await sell();
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('alert').filter({ hasText: 'You’re holding 5 tickets, the maximum' }).waitFor();
  await look(page, 'too-many-orders');
  await page.getByRole('link', { name: 'Pay for or cancel one first' }).click();
  await page.waitForURL('**/orders?show=live');
  await exactly(page.getByRole('article'), 5);
  await look(page, 'orders');

  // An order that is cancelled in another tab leaves the list of unpaid ones.
  const [first] = await orders(page);
  await page.getByRole('timer').nth(4).waitFor();
  await api(page, 'mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } } }', { input: { orderId: first.id } });
  await page.getByText('Cancelled').waitFor();
  await page.getByRole('button', { name: 'Past' }).click();
  await exactly(page.getByRole('article'), 1);
  await page.getByRole('article').filter({ hasText: 'Cancelled' }).waitFor();
  page.assertNoFaults();
});

test('cancel an order', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  const back = page.getByRole('button', { name: 'Cancel order' });
  await back.click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'order-cancel');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.activeElement?.textContent === 'Cancel order');
  await back.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel order' }).click();
  await page.getByRole('heading', { name: 'Order cancelled' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'state');
  await page.getByText('Order cancelled. Nothing was charged.').first().waitFor();
  await look(page, 'order-given-back');
  await page.getByRole('link', { name: 'Back to the ticket' }).click();
  await page.getByRole('button', { name: 'Buy for €64.00' }).waitFor();
  page.assertNoFaults();
});

test('a declined card ends the order', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: 'Insufficient funds' }).check();
  await page.getByRole('button', { name: 'Pay €64.00' }).click();
  await page.getByRole('heading', { name: 'Payment failed' }).waitFor();
  await page.getByText('The card has insufficient funds.').waitFor();
  await page.getByRole('link', { name: 'Back to the ticket' }).waitFor();
  await look(page, 'order-declined');
  page.assertNoFaults();
});

test('confirmation at the bank', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  let said = '';
  page.on('console', (message) => (said += message.text()));
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: '3-D Secure' }).check();
  await page.getByRole('button', { name: 'Pay €64.00' }).click();
  await page.getByRole('heading', { name: 'Confirm with your bank' }).waitFor();
  await look(page, 'order-bank');
  await page.getByRole('link', { name: 'Continue to your bank' }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.waitForURL('**/orders/ord_*');
  await page.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  assert.doesNotMatch(page.url() + said, /secret/, 'the secrets of the bank’s address are removed');
  page.assertNoFaults();
});

test('missing and foreign orders', async () => {
  const { id } = await sell();
  const [clara, page] = [await tab(await person()), await tab(await person())];
  await signUp(clara, 'Clara');
  await clara.goto(`/tickets/${id}`);
  await clara.getByRole('button', { name: 'Buy for €64.00' }).click();
  await clara.waitForURL('**/orders/ord_*');
  await page.goto(new URL(clara.url()).pathname);
  await page.waitForURL('**/sign-in?*');
  await signUp(page);
  await page.goto(new URL(clara.url()).pathname);
  await page.getByRole('heading', { name: 'Order not found' }).waitFor();
  await page.getByText('It may belong to another account.').waitFor();
  await look(page, 'order-foreign');
  await page.goto('/orders/ord_none');
  await page.getByRole('heading', { name: 'Order not found' }).waitFor();
  await page.goto('/orders');
  await page.getByRole('heading', { name: 'No orders yet' }).waitFor();
  await look(page, 'orders-none');
  page.assertNoFaults();
});
