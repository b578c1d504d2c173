import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, look, newcomer, person, sell, shop, signUp, slow, tab } from './harness.mjs';

test('open the list, sign up, open a ticket', async () => {
  const mark = crypto.randomUUID().slice(0, 8);
  const sold = await sell({ title: `Cello Suites ${mark} – Thomaskirche Leipzig – Row 3` });
  const page = await tab(await person());

  await page.goto('/');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByRole('article').first().waitFor();
  await look(page, 'tickets');

  await signUp(page);
  await page.getByRole('article').first().waitFor();

  await page.getByLabel('Search tickets').fill(mark);
  await page.waitForURL(`**/?q=${mark}`);
  await page.getByRole('link', { name: `Cello Suites ${mark}` }).click();
  await page.waitForURL('**/tickets/tkt_*');
  await page.getByRole('heading', { level: 1, name: `Cello Suites ${mark}` }).waitFor();
  await page.getByText('€64.00', { exact: true }).waitFor();
  await look(page, 'ticket');

  // A change of the price shows on the open page.
  await api(sold.page, 'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }', {
    input: { ticketId: sold.id, price: { minorUnits: 5900, currency: 'EUR' } },
  });
  await page.getByText('€59.00', { exact: true }).waitFor();

  await page.getByRole('link', { name: 'All tickets' }).click();
  await page.waitForURL(`**/?q=${mark}`);
  await page.getByRole('heading', { level: 1, name: `Tickets for “${mark}”` }).waitFor();
  assert.equal(await page.getByLabel('Search tickets').inputValue(), mark);
  page.assertNoFaults();
});

test('going back from a search leads to the list', async () => {
  const page = await tab(await person());
  await page.goto('/sign-in');
  await page.getByRole('link', { name: 'Boxoffice' }).click();
  await page.getByRole('heading', { level: 1, name: 'They can’t go' }).waitFor();
  const search = page.getByLabel('Search tickets');
  await slow(page); // the next key comes before the results of the last one are drawn
  for (const text of ['t', 'to', 'tos', 'tosc', 'tosca']) {
    await search.fill(text);
    await page.waitForURL(`**/?q=${text}`);
  }
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'They can’t go' }).waitFor();
  assert.equal(page.url(), new URL('/', shop).href);
  assert.equal(await search.inputValue(), '');
  page.assertNoFaults();
});

/**
 * @param {import('playwright-core').Page} page
 * @param {import('playwright-core').Locator} there
 */
async function fits(page, there) {
  await there.waitFor();
  await page.evaluate(() => document.documentElement.style.setProperty('scrollbar-gutter', 'auto')); // as on a phone
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, page.url());
  for (const icon of await page.getByRole('banner').locator('svg:visible').all())
    assert.ok(((await icon.boundingBox())?.width ?? 0) >= 20, `a header icon is too small on ${page.url()}`);
}

test('pages fit a window of 320 pixels', async () => {
  const mark = crypto.randomUUID().slice(0, 8);
  const { id, page: seller } = await sell({
    title: `Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau ${mark} – Wolfeschlegelsteinhausenbergerdorffkonzertsaalhalle`,
    minorUnits: 99_999_999,
  });
  const page = await tab(await person({ viewport: { width: 320, height: 640 } }));
  await signUp(page);
  const { createOrder } = await api(page, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', {
    input: { ticketId: id },
  });
  await api(page, 'mutation($input: PayOrderInput!) { payOrder(input: $input) { errors { ... on UserError { code } } } }', {
    input: {
      orderId: createOrder.order.id,
      paymentMethodToken: 'pm_card_visa_chargeDeclined',
      idempotencyKey: mark,
      expectedAmount: { minorUnits: 99_999_999, currency: 'EUR' },
    },
  });
  for (const address of [
    '/orders',
    `/orders/${createOrder.order.id}`,
    `/tickets/${id}`,
    `/?q=${mark}&currency=EUR&min=abc&max=5`,
    `/?q=${mark}`,
  ]) {
    await page.goto(address);
    await fits(page, address.includes('abc') ? page.getByText('Enter an amount like') : page.getByRole('heading', { name: /^Donau/ }));
  }
  await seller.setViewportSize({ width: 320, height: 640 });
  await seller.goto('/listings');
  await fits(seller, seller.getByRole('heading', { name: /^Donau/ }));
  seller.assertNoFaults();
  page.assertNoFaults();
});

test('a form shows errors at its fields and keeps its input', async () => {
  const page = await tab(await person());
  await page.goto('/sign-up');
  await page.getByRole('heading', { name: 'Create an account' }).waitFor();
  await look(page, 'sign-up');
  await page.getByLabel('Email').fill('no address');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  const email = page.getByLabel('Email');
  await page.locator('[aria-invalid=true]').first().waitFor();
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  assert.equal(await email.inputValue(), 'no address');
  assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), 'short');
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'email');
  await look(page, 'sign-up-errors');

  await page.goto('/sign-in');
  const { email: unknown, password } = newcomer();
  await page.getByLabel('Email').fill(unknown);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'Wrong email or password' }).waitFor();
  await look(page, 'sign-in-refused');
  page.assertNoFaults();
});

test('sign-out reaches the other tab', async () => {
  const johann = await person();
  const [one, two] = [await tab(johann), await tab(johann)];
  await signUp(one);
  await two.goto('/');
  await two.getByRole('button', { name: 'Account of Johann' }).waitFor();
  await one.getByRole('button', { name: 'Account of Johann' }).click();
  await look(one, 'account-menu');
  await one.getByRole('button', { name: 'Sign out', exact: true }).click();
  await one.getByRole('link', { name: 'Sign in' }).waitFor();
  await two.getByRole('link', { name: 'Sign in' }).waitFor();
  one.assertNoFaults();
  two.assertNoFaults();
});

test('addresses that do not exist', async () => {
  const page = await tab(await person());
  await page.goto('/nothing-here');
  await page.getByRole('heading', { name: 'Page not found' }).waitFor();
  await page.goto('/tickets/tkt_none');
  await page.getByRole('heading', { name: 'Ticket not found' }).waitFor();
  await look(page, 'no-such-ticket');
  page.assertNoFaults();
});
