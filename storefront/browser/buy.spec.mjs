import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, exactly, look, newcomer, person, refused, sell, signUp, tab } from './harness.mjs';

/** @param {import('playwright-core').Page} page */
const orders = async (page) => (await api(page, '{ orders { nodes { id status payments { id status } } } }')).orders.nodes;

test('buy, pay, and it is yours', async () => {
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
  await page.getByText('It is held for you').waitFor(); // the history, as it goes on
  const timer = page.getByRole('timer');
  const before = await timer.textContent();
  await page.waitForFunction((text) => document.querySelector('[role=timer]')?.textContent !== text, before);
  await look(page, 'order-pay');
  assert.equal((await orders(page)).length, 1, 'a double click made another order');

  // Going back and forth makes none either, and the ticket knows its order.
  await page.goBack();
  await page.getByRole('link', { name: 'Go on to pay' }).click();
  await page.waitForURL('**/orders/ord_*');
  assert.equal((await orders(page)).length, 1);

  await page.getByRole('button', { name: 'Pay £84.50' }).dblclick();
  await page.getByRole('heading', { name: 'It is yours' }).waitFor();
  await page.getByText('You paid £84.50 with Visa ending in 4242.').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'state');
  await look(page, 'order-complete');
  const [order] = await orders(page);
  assert.equal(order.status, 'COMPLETE');
  assert.equal(order.payments.length, 1, 'a double click paid twice');

  await page.getByRole('link', { name: 'Your orders' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Your orders' }).waitFor();
  await page.getByRole('link', { name: 'Swan Lake' }).waitFor();
  await page.getByText('Yours', { exact: true }).waitFor();
  page.assertNoFaults();
});

test('who is signed out signs up and goes on where they were', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.waitForURL('**/sign-in?*');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('heading', { name: 'Create an account' }).waitFor(); // the page before has such fields, too
  const { email, password } = newcomer();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.waitForURL('**/orders/ord_*');
  await page.getByRole('heading', { name: 'Held for you' }).waitFor();
  assert.equal((await orders(page)).length, 1);

  // The address alone buys nothing.
  const { id: other } = await sell();
  await page.goto(`/tickets/${other}?go=stolen`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).waitFor();
  assert.equal((await orders(page)).length, 1);
  page.assertNoFaults();
});

test('an answer that is lost, and the same button again', async () => {
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
    await route.fetch(); // it arrived
    await route.abort('connectionreset');
  });
  // No live update may give the order away.
  await page.routeWebSocket('**/graphql', () => undefined);
  await page.reload();
  await buy.click();
  await page.getByText('The shop does not answer').waitFor();
  await buy.click();
  await page.waitForURL('**/orders/ord_*');
  assert.equal((await orders(page)).length, 1, 'trying again made another order');
  page.assertNoFaults(/ERR_CONNECTION_RESET|WebSocket/);
});

test('the price changes in the last moment', async () => {
  const { id, page: seller } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.routeWebSocket('**/graphql', () => undefined); // this page hears of nothing
  await page.goto(`/tickets/${id}`);
  const buy = page.getByRole('button', { name: 'Buy for €64.00' });
  await buy.waitFor();
  await api(seller, 'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }', {
    input: { ticketId: id, price: { minorUnits: 7000, currency: 'EUR' } },
  });
  while ((await refused(page, id, 'PRICE_CHANGED')).currentPrice.minorUnits !== 7000);
  await buy.click();
  await page.getByRole('alert').filter({ hasText: 'It costs €70.00 now' }).waitFor();
  await look(page, 'price-changed');
  assert.equal((await orders(page)).length, 0);
  await page.getByRole('button', { name: 'Buy for €70.00' }).click();
  await page.getByRole('button', { name: 'Pay €70.00' }).waitFor();
  page.assertNoFaults(/WebSocket/);
});

test('somebody was faster', async () => {
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
  await slow.getByText('Somebody is about to pay for it').waitFor();
  await look(slow, 'ticket-reserved');
  slow.assertNoFaults(/WebSocket/);
});

test('one person holds only so many', async () => {
  const page = await tab(await person());
  await signUp(page);
  for (let i = 0; i < 5; i++) {
    const { id } = await sell({ title: `Cello Suite No. ${i + 1} – Thomaskirche – Row ${i + 3}`, minorUnits: 2000 + 350 * i });
    await api(page, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', { input: { ticketId: id } });
  }
  const { id } = await sell();
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('alert').filter({ hasText: 'You hold 5 tickets already' }).waitFor();
  await look(page, 'too-many-orders');
  await page.getByRole('link', { name: 'Pay for one or give one back' }).click();
  await page.waitForURL('**/orders?show=live');
  await exactly(page.getByRole('article'), 5);
  await look(page, 'orders');

  // Given back in another tab, it leaves what is to be paid by itself.
  const [first] = await orders(page);
  await page.getByRole('timer').nth(4).waitFor();
  await api(page, 'mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } } }', { input: { orderId: first.id } });
  await page.getByText('Given back').waitFor();
  await page.getByRole('button', { name: 'Past' }).click();
  await exactly(page.getByRole('article'), 1);
  await page.getByRole('article').filter({ hasText: 'Given back' }).waitFor();
  page.assertNoFaults();
});

test('give it back', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  const back = page.getByRole('button', { name: 'Give it back' });
  await back.click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'order-cancel');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.activeElement?.textContent === 'Give it back');
  await back.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Give it back' }).click();
  await page.getByRole('heading', { name: 'You gave it back' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'state');
  await page.getByText('The ticket is back on sale. Nothing was charged.').first().waitFor();
  await look(page, 'order-given-back');
  await page.getByRole('link', { name: 'Back to the ticket' }).click();
  await page.getByRole('button', { name: 'Buy for €64.00' }).waitFor();
  page.assertNoFaults();
});

test('a card is refused, and the order is over', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: 'Empty' }).check();
  await page.getByRole('button', { name: 'Pay €64.00' }).click();
  await page.getByRole('heading', { name: 'The payment did not go through' }).waitFor();
  await page.getByText('There is not enough money on the card.').waitFor();
  await page.getByRole('link', { name: 'Back to the ticket' }).waitFor();
  await look(page, 'order-declined');
  page.assertNoFaults();
});

test('the bank asks first', async () => {
  const { id } = await sell();
  const page = await tab(await person());
  let said = '';
  page.on('console', (message) => (said += message.text()));
  await signUp(page);
  await page.goto(`/tickets/${id}`);
  await page.getByRole('button', { name: 'Buy for €64.00' }).click();
  await page.getByRole('radio', { name: 'Careful bank' }).check();
  await page.getByRole('button', { name: 'Pay €64.00' }).click();
  await page.getByRole('heading', { name: 'Your bank has a question' }).waitFor();
  await look(page, 'order-bank');
  await page.getByRole('link', { name: 'Go to your bank' }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.waitForURL('**/orders/ord_*');
  await page.getByRole('heading', { name: 'It is yours' }).waitFor();
  assert.doesNotMatch(page.url() + said, /secret/, 'what the bank sends along is nowhere to be read');
  page.assertNoFaults();
});

test('an order that is none, and somebody else’s', async () => {
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
  await page.getByRole('heading', { name: 'This is somebody else’s order' }).waitFor();
  await look(page, 'order-foreign');
  await page.goto('/orders/ord_none');
  await page.getByRole('heading', { name: 'No such order' }).waitFor();
  await page.goto('/orders');
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  await look(page, 'orders-none');
  page.assertNoFaults();
});
