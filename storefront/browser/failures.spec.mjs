// System: auth.ACCESS_TOKEN_TTL=5m
// The network is gone, a service is down: what is there is shown, the rest says so, and all comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, exactly, look, person, sell, signUp, tab } from './harness.mjs';

/** @param {string} what such as `auth/stop` */
const control = async (what) => assert.ok((await fetch(`${process.env.CONTROL}/${what}`, { method: 'POST' })).ok, what);
const update = 'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }';

/**
 * Tries again until it works: a service that was down is asked again only after a while.
 *
 * @param {import('playwright-core').Page} page
 * @param {import('playwright-core').Locator} there
 */
async function tryAgainUntil(page, there) {
  const button = page.getByRole('main').getByRole('button', { name: 'Try again' });
  for (const until = Date.now() + 30_000; Date.now() < until && !(await there.isVisible());) {
    if (await button.isVisible()) await button.click().catch(() => undefined);
    await there.or(button).first().waitFor();
  }
  await there.waitFor();
}

test('offline and back', async () => {
  const sold = await sell({ title: 'Parsifal – Bayreuth – Row 9' });
  const johann = await person();
  const page = await tab(johann);
  await signUp(page);
  await page.goto(`/tickets/${sold.id}`);
  await page.getByText('€64.00', { exact: true }).waitFor();

  await johann.setOffline(true);
  await page.getByText('You are offline. What you see may be out of date.').waitFor();
  await look(page, 'offline');
  await api(sold.page, update, { input: { ticketId: sold.id, price: { minorUnits: 5900, currency: 'EUR' } } });
  await johann.setOffline(false);
  await page.getByText('€59.00', { exact: true }).waitFor();
  await page.getByText('You are offline').waitFor({ state: 'hidden' });
  // Live updates come again, too.
  await api(sold.page, update, { input: { ticketId: sold.id, price: { minorUnits: 5800, currency: 'EUR' } } });
  await page.getByText('€58.00', { exact: true }).waitFor();

  // A form keeps what was typed, and a page that never was here comes when the network does.
  await page.goto('/sell');
  await page.getByLabel('What it is for').fill('Lohengrin');
  await page.getByLabel('Price').fill('10');
  await johann.setOffline(true);
  await page.getByRole('button', { name: 'Put it on sale' }).click();
  await page.getByRole('alert').filter({ hasText: 'You are offline' }).waitFor();
  assert.equal(await page.getByLabel('What it is for').inputValue(), 'Lohengrin');
  await look(page, 'sell-offline');
  await page.getByRole('button', { name: 'Account of Johann' }).click();
  await page.getByRole('link', { name: 'Your listings' }).click();
  await page.getByRole('heading', { name: 'You are offline' }).waitFor();
  await look(page, 'offline-page');
  await johann.setOffline(false);
  await page.getByText('You have not offered anything yet').waitFor();
  page.assertNoFaults(/ERR_INTERNET_DISCONNECTED|WebSocket/);
});

test('accounts are down: tickets are there, and nobody looks signed out', async () => {
  const sold = await sell({ title: 'Siegfried – Bayreuth – Row 9' });
  const page = await tab(await person());
  await signUp(page);
  await page.goto('/');
  await page.getByRole('article').first().waitFor();
  await control('auth/stop');
  await page.goto(`/tickets/${sold.id}`);
  await page.getByRole('heading', { name: 'Siegfried' }).waitFor();
  await page.getByText('Some of this could not be looked up').waitFor();
  await page.getByText('€64.00', { exact: true }).waitFor();
  await exactly(page.getByRole('link', { name: 'Sign in' }), 0);
  await look(page, 'accounts-down');
  await control('auth/start');
  await tryAgainUntil(page, page.getByText('Maria'));
  await page.getByText('Some of this could not be looked up').waitFor({ state: 'hidden' });
});

test('tickets are down: it is said, and comes back', async () => {
  const sold = await sell({ title: 'Tannhäuser – Bayreuth – Row 9' });
  const page = await tab(await person());
  await signUp(page);
  await control('tickets/stop');
  await page.goto('/');
  await page.getByText('Part of the shop is closed for a moment').waitFor();
  await look(page, 'tickets-down');
  await page.getByRole('button', { name: 'Account of Johann' }).click();
  await page.getByRole('link', { name: 'Your listings' }).click();
  await page.getByText('Part of the shop is closed for a moment').waitFor();
  await look(page, 'listings-down');
  await control('tickets/start');
  await tryAgainUntil(page, page.getByText('You have not offered anything yet'));
  await page.getByRole('link', { name: /^All/ }).filter({ hasText: '0' }).waitFor();
  await page.goto(`/tickets/${sold.id}`);
  await page.getByRole('heading', { name: 'Tannhäuser' }).waitFor();
});

test('what nobody expected has a number to quote', async () => {
  const page = await tab(await person());
  await signUp(page);
  await page.goto('/sell');
  await page.getByLabel('What it is for').fill('Rienzi');
  await page.getByLabel('Price').fill('10');
  await page.route('**/graphql', (route) => route.fulfill({ status: 502, headers: { 'X-Request-Id': 'req-42' }, body: '<html>' }));
  await page.getByRole('button', { name: 'Put it on sale' }).click();
  await page.getByRole('alert').filter({ hasText: 'req-42' }).waitFor();
  await look(page, 'unknown-error');
  assert.equal(await page.getByLabel('What it is for').inputValue(), 'Rienzi');
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Put it on sale' }).click();
  await page.waitForURL('**/tickets/tkt_*');
});
