// Variant: orders.HOLD=40s
// A seller and two buyers, one of whom does not pay in time. The test uses pages only.
import { test } from 'node:test';
import { look, person, signUp, tab } from './harness.mjs';

test('S7 Maria sells, Johann buys and pays, and Clara’s order expires', async () => {
  const mark = crypto.randomUUID().slice(0, 8);
  const maria = await tab(await person());
  await signUp(maria, 'Maria');
  for (const [what, price] of /** @type {const} */ ([
    [`Tosca ${mark} – Teatro alla Scala – Galleria, seat 41`, '84.50'],
    [`Aida ${mark} – Arena di Verona – Gradinata`, '42.00'],
  ])) {
    await maria.getByRole('link', { name: 'Sell', exact: true }).click();
    await maria.getByLabel('Event').fill(what);
    await maria.getByLabel('Price').fill(price);
    await maria.getByRole('button', { name: 'List ticket' }).click();
    await maria.waitForURL('**/tickets/tkt_*');
    await maria.getByRole('link', { name: 'Edit' }).waitFor();
  }
  await maria.getByRole('button', { name: 'Account of Maria' }).click();
  await maria.getByRole('link', { name: 'Your listings' }).click();
  const listing = (/** @type {string} */ what) => maria.getByRole('article').filter({ hasText: what });
  await listing('Tosca').getByText('Available', { exact: true }).waitFor();
  await listing('Aida').getByText('Available', { exact: true }).waitFor();

  // Johann finds one of them and pays for it. Maria’s listings follow.
  const johann = await tab(await person());
  await signUp(johann, 'Johann');
  await find(johann, mark, 'Tosca');
  await johann.getByRole('button', { name: 'Buy for £84.50' }).click();
  await johann.getByRole('heading', { name: 'Held for you' }).waitFor();
  await listing('Tosca').getByText('Reserved', { exact: true }).waitFor();
  await johann.getByRole('button', { name: 'Pay £84.50' }).click();
  await johann.getByRole('heading', { name: 'You’ve got it!' }).waitFor();
  await listing('Tosca').getByText('Sold', { exact: true }).waitFor();

  // Clara reserves the other one, which Johann has open.
  const clara = await tab(await person());
  await signUp(clara, 'Clara');
  await find(johann, mark, 'Aida');
  await johann.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  await find(clara, mark, 'Aida');
  await clara.getByRole('button', { name: 'Buy for £42.00' }).click();
  await clara.getByRole('heading', { name: 'Held for you' }).waitFor();
  await johann.getByText('Someone is paying for it right now').waitFor();
  await listing('Aida').getByText('Reserved', { exact: true }).waitFor();

  // She does not pay. The order expires on all of her pages, and the ticket is on sale again on the others.
  const list = await tab(clara.context());
  await list.goto('/orders?show=live');
  await list.getByRole('timer').waitFor();
  await clara.getByText('Less than 10 seconds left to pay.').waitFor({ state: 'attached' });
  await look(clara, 'order-expires-soon');
  await clara.getByRole('heading', { name: 'Order expired' }).waitFor();
  await list.getByText('Expired').waitFor();
  await johann.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  await listing('Aida').getByText('Available', { exact: true }).waitFor();
  await look(clara, 'order-expired');
  await clara.getByRole('link', { name: 'Back to the ticket' }).click();
  await clara.getByRole('button', { name: 'Buy for £42.00' }).waitFor();
  for (const page of [maria, johann, clara, list]) page.assertNoFaults();
});

/**
 * Finds a ticket with the search and opens it.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} mark
 * @param {string} what
 */
async function find(page, mark, what) {
  await page.getByRole('link', { name: 'Boxoffice' }).click();
  await page.getByRole('heading', { level: 1, name: 'They can’t go' }).waitFor();
  await page.getByLabel('Search tickets').fill(mark);
  await page.getByRole('heading', { level: 1, name: `Tickets for “${mark}”` }).waitFor();
  await page.getByRole('link', { name: `${what} ${mark}` }).click();
  await page.getByRole('heading', { level: 1, name: `${what} ${mark}` }).waitFor();
}
