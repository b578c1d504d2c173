// Variant: auth.ACCESS_TOKEN_TTL=5m tickets
// Pages without the network or a service: they show the available data and recover.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, exactly, look, person, sell, signUp, tab } from './harness.mjs';

/** @param {string} what such as `auth/stop` */
const control = async (what) => assert.ok((await fetch(`${process.env.CONTROL}/${what}`, { method: 'POST' })).ok, what);
const update = 'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } } }';

/**
 * Retries until the element is there: the router's circuit breaker stays open for a while.
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
  await page.getByText('You’re offline. This page may be out of date.').waitFor();
  await look(page, 'offline');
  await api(sold.page, update, { input: { ticketId: sold.id, price: { minorUnits: 5900, currency: 'EUR' } } });
  await johann.setOffline(false);
  await page.getByText('€59.00', { exact: true }).waitFor();
  await page.getByText('You’re offline').waitFor({ state: 'hidden' });
  // Live updates continue, too.
  await api(sold.page, update, { input: { ticketId: sold.id, price: { minorUnits: 5800, currency: 'EUR' } } });
  await page.getByText('€58.00', { exact: true }).waitFor();

  // A form keeps its input, and a page that is not loaded yet loads when online again.
  await page.goto('/sell');
  await page.getByLabel('Event').fill('Lohengrin');
  await page.getByLabel('Price').fill('10');
  await johann.setOffline(true);
  await page.getByRole('button', { name: 'List ticket' }).click();
  await page.getByRole('alert').filter({ hasText: 'You’re offline' }).waitFor();
  assert.equal(await page.getByLabel('Event').inputValue(), 'Lohengrin');
  await look(page, 'sell-offline');
  await page.getByRole('button', { name: 'Account of Johann' }).click();
  await page.getByRole('link', { name: 'Your listings' }).click();
  await page.getByRole('heading', { name: 'You’re offline' }).waitFor();
  await look(page, 'offline-page');
  await johann.setOffline(false);
  await page.getByText('No listings yet').waitFor();
  page.assertNoFaults(/ERR_INTERNET_DISCONNECTED|WebSocket/);
});

test('without auth, pages show tickets and do not look signed out', async () => {
  const sold = await sell({ title: 'Siegfried – Bayreuth – Row 9' });
  const page = await tab(await person());
  await signUp(page);
  await page.goto('/');
  await page.getByRole('article').first().waitFor();
  await control('auth/stop');
  await page.goto(`/tickets/${sold.id}`);
  await page.getByRole('heading', { name: 'Siegfried' }).waitFor();
  await page.getByText('Some details couldn’t load').waitFor();
  await page.getByText('€64.00', { exact: true }).waitFor();
  await exactly(page.getByRole('link', { name: 'Sign in' }), 0);
  await look(page, 'auth-down');
  await control('auth/start');
  await tryAgainUntil(page, page.getByText('Maria'));
  await page.getByText('Some details couldn’t load').waitFor({ state: 'hidden' });
});

test('without tickets, pages show an error and recover', async () => {
  const sold = await sell({ title: 'Tannhäuser – Bayreuth – Row 9' });
  const page = await tab(await person());
  await signUp(page);
  await control('tickets/stop');
  await page.goto('/');
  await page.getByText('Something’s not working right now').waitFor();
  await look(page, 'tickets-down');
  await page.getByRole('button', { name: 'Account of Johann' }).click();
  await page.getByRole('link', { name: 'Your listings' }).click();
  await page.getByText('Something’s not working right now').waitFor();
  await look(page, 'listings-down');
  await control('tickets/start');
  await tryAgainUntil(page, page.getByText('No listings yet'));
  await page.getByRole('link', { name: /^All/ }).filter({ hasText: '0' }).waitFor();
  await page.goto(`/tickets/${sold.id}`);
  await page.getByRole('heading', { name: 'Tannhäuser' }).waitFor();
});

test('an unexpected error shows its request id', async () => {
  const page = await tab(await person());
  await signUp(page);
  await page.goto('/sell');
  await page.getByLabel('Event').fill('Rienzi');
  await page.getByLabel('Price').fill('10');
  await page.route('**/graphql', (route) => route.fulfill({ status: 502, headers: { 'X-Request-Id': 'req-42' }, body: '<html>' }));
  await page.getByRole('button', { name: 'List ticket' }).click();
  await page.getByRole('alert').filter({ hasText: 'req-42' }).waitFor();
  await look(page, 'unknown-error');
  assert.equal(await page.getByLabel('Event').inputValue(), 'Rienzi');
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'List ticket' }).click();
  await page.waitForURL('**/tickets/tkt_*');
});
